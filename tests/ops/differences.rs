//! Gradients against central differences, in f64.

use anygrad_graph::{Device, Tensor};

use crate::case::Case;
use crate::draw::Draw;
use crate::run::{Numbers, Precision, Recorded, record};

const STEP: f64 = 1e-4;
const TOLERANCE: f64 = 1e-6;
/// Elements of each leaf that are moved one by one; all of them are moved together as well.
const SINGLE: usize = 8;

/// The differences between the gradients of a case and the slopes that its loss has, and the same for its second
/// derivatives. Returns what is wrong.
pub fn check(case: &Case, numbers: &Numbers) -> Vec<String> {
    let first = |r: Recorded| r.loss;
    let second = |r: Recorded| r.slope;
    let mut wrong = Vec::new();
    if case.order >= 1 {
        wrong.extend(slopes(case, &numbers.first, 1, &first));
    }
    if case.order >= 2 {
        wrong.extend(slopes(case, &numbers.second, 2, &second));
    }
    wrong
}

fn slopes(
    case: &Case,
    analytic: &[Vec<f64>],
    order: usize,
    scalar: &dyn Fn(Recorded) -> Option<Tensor>,
) -> Vec<String> {
    let base = case.values();
    let case = &Case { order, ..case.clone() };
    let at = |moved: &[Vec<f64>]| -> Result<f64, String> {
        let recorded = record(case, &Device::cpu(), Precision::Double, moved);
        scalar(recorded).ok_or("no loss")?.item_f64().map_err(|e| e.to_string())
    };
    let mut draw = Draw::named(&format!("{} directions", case.name));
    let mut wrong = Vec::new();
    let leaves = (0..base.len()).filter(|&i| case.inputs[i].differentiable);
    for (leaf, gradient) in leaves.zip(analytic) {
        if gradient.len() != base[leaf].len() {
            wrong.push(format!("gradient {leaf} of order {order} has {} elements", gradient.len()));
            continue;
        }
        for direction in directions(gradient.len(), &mut draw) {
            let along = |h: f64| {
                let mut moved = base.clone();
                moved[leaf].iter_mut().zip(&direction).for_each(|(x, d)| *x += h * d);
                at(&moved)
            };
            let numeric = match central(&along) {
                Ok(numeric) => numeric,
                Err(error) => {
                    wrong.push(format!("order {order}: {error}"));
                    return wrong;
                }
            };
            let dot: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * d).sum();
            let size: f64 = gradient.iter().zip(&direction).map(|(g, d)| (g * d).abs()).sum();
            // a NaN is not near to anything
            let near = (numeric - dot).abs() <= TOLERANCE * size.max(1.0);
            if !near {
                let place = direction.iter().position(|&d| d != 0.0).unwrap_or(0);
                wrong.push(format!(
                    "derivative {order} of input {leaf} near [{place}] is {dot:.9}, not {numeric:.9}"
                ));
                break;
            }
        }
    }
    wrong
}

/// The slope at 0 to fourth order: (8·(f(h) − f(−h)) − (f(2h) − f(−2h))) / 12h.
fn central(f: &dyn Fn(f64) -> Result<f64, String>) -> Result<f64, String> {
    let h = STEP;
    Ok((8.0 * (f(h)? - f(-h)?) - (f(2.0 * h)? - f(-2.0 * h)?)) / (12.0 * h))
}

/// Single elements, and one direction in which all move.
fn directions(n: usize, draw: &mut Draw) -> Vec<Vec<f64>> {
    if n == 0 {
        return Vec::new();
    }
    let unit = |i: usize| (0..n).map(|j| f64::from(u8::from(i == j))).collect::<Vec<f64>>();
    let mut all: Vec<Vec<f64>> = if n <= SINGLE {
        (0..n).map(unit).collect()
    } else {
        (0..SINGLE).map(|_| unit(draw.below(n))).collect()
    };
    all.push((0..n).map(|_| if draw.chance(0.5) { 1.0 } else { -1.0 }).collect());
    all
}
