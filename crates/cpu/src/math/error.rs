use super::exponential::exp;
use super::signed;

/// The error function `2/√π · ∫₀ˣ e^(−t²) dt`, in [−1, 1].
#[inline(always)]
pub fn erf(x: f32) -> f32 {
    let size = x.abs();
    let s = x * x;
    let high = -0.026_854_444 + s * (0.005_189_535_2 + s * (-0.000_802_084_11 + s * 7.889_119_3e-5));
    let near = size + size * (0.128_379_17 + s * (-0.376_126_26 + s * (0.112_836 + s * high)));
    // −ln(1 − erf t) is nearly a parabola; from 4.1 on the result is 1 in f32. A NaN is not above.
    let t = if size > 4.1 { 4.1 } else { size };
    let high = -0.025_208_255 + t * (0.004_204_561 + t * (-0.000_441_336_28 + t * 2.168_684_1e-5));
    let slope = -0.000_188_039_69 + t * (1.129_578_5 + t * (0.633_219_9 + t * (0.108_418_58 + t * high)));
    let far = 1.0 - exp(-slope);
    signed(if size < 1.0 { near } else { far }, x)
}
