//! Where NaN and infinity come from.

use std::fmt;

use rustc_hash::FxHashMap;

use crate::error::Error;
use crate::op::Kind;
use crate::program::origin;
use crate::read::{as_f64, storage};
use crate::tensor::Node;
use crate::unfused::{Visit, walk};
use crate::{DType, Shape, Tensor};

/// The op that made the first NaN or infinity of a graph; see [`find_non_finite`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NonFinite {
    /// The op's name, `log`; `leaf` for a value that was given, `number` for a run-time number.
    pub op: &'static str,
    /// What it is and where it was recorded: `log at main.rs:4:18`, `parameter model.fc2.weight`.
    pub what: String,
    /// The place, with the layer: `main.rs:4:18, in model.fc2`.
    pub origin: String,
    /// Shape of its output.
    pub shape: Shape,
    /// Type of its output's elements.
    pub dtype: DType,
    /// How many elements are NaN.
    pub nans: usize,
    /// How many elements are infinite.
    pub infinities: usize,
    /// The first element that is not finite, in row-major order: its position along each axis.
    pub position: Vec<usize>,
    /// That element.
    pub value: f64,
    /// For each input: what it is, and its smallest and largest element (none if it is empty).
    pub inputs: Vec<(String, Option<(f64, f64)>)>,
}

/// Searches what `tensors` are made of for the op that their NaNs and infinities come from: the first, in the order
/// of recording, whose output is not finite while all its inputs are. `None` if `tensors` are finite: an infinity on
/// the way that is masked out again is no fault.
///
/// The graph is computed op by op on the side, every value is read back, and nothing is evaluated, overwritten or
/// let go, so the same tensors can be evaluated or differentiated afterwards. That is slow. As evaluated tensors
/// have no history, search *before* the step is evaluated; a training loop keeps what its step started from, or
/// asks again for the same batch:
///
/// ```
/// use anygrad_graph::{Device, Tensor, find_non_finite, grad};
/// let device = Device::cpu();
/// let w = Tensor::from_slice(&[0.5f32, 0.0], [2], &device).named("w")?;
/// for _step in 0..3 {
///     let loss = w.sqrt().sum_all(); // the slope of a root at 0 is infinite
///     let gradient = grad(&loss, &[&w]).remove(0);
///     if let Some(found) = find_non_finite(&[&loss, &gradient])? {
///         assert!(found.what.starts_with("div") || found.what.starts_with("reciprocal"), "{found}");
///         assert_eq!(found.position, [1]);
///         break; // before the update, so the parameters are as they were
///     }
/// }
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
///
/// # Errors
/// As [`eval`](crate::eval).
pub fn find_non_finite(tensors: &[&Tensor]) -> Result<Option<NonFinite>, Error> {
    let mut found: Vec<NonFinite> = Vec::new();
    // which finding each tensor that is not finite goes back to
    let mut cause: FxHashMap<*const Node, usize> = FxHashMap::default();
    let mut keep: Vec<Tensor> = Vec::new();
    walk(tensors, |visit| {
        let Some(data) = numbers(visit.value)? else { return Ok(()) };
        let Some(at) = data.iter().position(|x| !x.is_finite()) else { return Ok(()) };
        let inherited = visit.inputs.iter().find_map(|t| cause.get(&t.key()).copied());
        let place = match inherited {
            Some(place) => place,
            None => {
                found.push(describe(visit, &data, at)?);
                found.len() - 1
            }
        };
        cause.insert(visit.recorded.key(), place);
        keep.push(visit.recorded.clone()); // its address is a key
        Ok(())
    })?;
    let first = tensors.iter().filter_map(|t| cause.get(&t.key()).copied()).min();
    Ok(first.map(|place| found.swap_remove(place)))
}

fn describe(visit: &Visit<'_>, data: &[f64], at: usize) -> Result<NonFinite, Error> {
    let recorded = visit.recorded;
    let inputs = visit.inputs.iter().zip(visit.input_values);
    let range = |(input, value): (&Tensor, &Tensor)| {
        let ends = whole(value)?.iter().copied().fold(None, |ends: Option<(f64, f64)>, x| match ends {
            Some((low, high)) => Some((low.min(x), high.max(x))),
            None => Some((x, x)),
        });
        Ok((input.describe(), ends))
    };
    let mut rest = at;
    let mut position: Vec<usize> = Vec::with_capacity(recorded.rank());
    for &size in recorded.shape().iter().rev() {
        position.push(rest % size.max(1));
        rest /= size.max(1);
    }
    position.reverse();
    Ok(NonFinite {
        op: recorded.0.op.name(),
        what: recorded.describe(),
        origin: origin(recorded),
        shape: recorded.shape().clone(),
        dtype: recorded.dtype(),
        nans: data.iter().filter(|x| x.is_nan()).count(),
        infinities: data.iter().filter(|x| x.is_infinite()).count(),
        position,
        value: data.get(at).copied().unwrap_or(f64::NAN),
        inputs: inputs.map(range).collect::<Result<_, Error>>()?,
    })
}

/// The elements of a float tensor; `None` for others, which are always finite.
fn numbers(value: &Tensor) -> Result<Option<Vec<f64>>, Error> {
    if value.dtype().is_float() { whole(value).map(Some) } else { Ok(None) }
}

/// The elements of a tensor as f64.
fn whole(value: &Tensor) -> Result<Vec<f64>, Error> {
    if matches!(value.0.op.kind(), Kind::Number) && !value.is_evaluated() {
        return Ok(vec![value.0.number]);
    }
    Ok(as_f64(&storage(value)?))
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the first value that is not finite: {}", self.what)?;
        writeln!(f, "  at {}", self.origin)?;
        write!(
            f,
            "  {} {}: {} NaN, {} infinite; element {:?} is {}",
            self.dtype, self.shape, self.nans, self.infinities, self.position, self.value
        )?;
        for (what, range) in &self.inputs {
            match range {
                Some((low, high)) => write!(f, "\n  from {what}, between {low:e} and {high:e}")?,
                None => write!(f, "\n  from {what}, empty")?,
            }
        }
        Ok(())
    }
}
