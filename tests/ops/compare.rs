//! Whether two lists of numbers are the same but for rounding.

/// What an error is measured against.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Against {
    /// The size of the list as a whole: its root mean square, or the element if that is larger.
    Whole,
    /// The same, or this number if it is larger: the size of what was added up, which may have cancelled.
    WholeFrom(f64),
    /// The element alone. Below the smallest normal f32, which devices may flush, all numbers are the same.
    Element,
}

/// What is wrong with `got`, if anything. NaN and infinities have to stand in the same places, apart from how
/// close the rest is.
pub fn difference(got: &[f64], want: &[f64], tolerance: f64, against: Against) -> Option<String> {
    if got.len() != want.len() {
        return Some(format!("{} elements, not {}", got.len(), want.len()));
    }
    let finite: Vec<f64> = want.iter().copied().filter(|w| w.is_finite()).collect();
    let size = (finite.iter().map(|w| w * w).sum::<f64>() / finite.len().max(1) as f64).sqrt();
    let mut worst = (0.0, None);
    for (i, (&g, &w)) in got.iter().zip(want).enumerate() {
        if g.is_nan() != w.is_nan() || ((g.is_infinite() || w.is_infinite()) && g != w && !w.is_nan()) {
            return Some(format!("[{i}] is {g:e}, not {w:e}"));
        }
        if !w.is_finite() || g == w {
            continue;
        }
        let scale = match against {
            Against::Whole => size.max(w.abs()),
            Against::WholeFrom(least) => size.max(w.abs()).max(least),
            Against::Element => w.abs().max(f64::from(f32::MIN_POSITIVE) / tolerance.max(1e-30)),
        };
        let error = (g - w).abs() / scale;
        if error > worst.0 || error.is_nan() {
            worst = (error, Some(i));
        }
    }
    match worst {
        (error, Some(i)) if error > tolerance || error.is_nan() => Some(format!(
            "[{i}] is {:.9e}, not {:.9e}: error {error:.1e} above {tolerance:.1e}",
            got[i], want[i]
        )),
        _ => None,
    }
}
