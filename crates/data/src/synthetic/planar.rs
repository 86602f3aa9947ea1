use std::f32::consts::{PI, TAU};

use super::points;
use crate::error::check_spread;
use crate::shuffle::Random;
use crate::{DataError, Dataset, Result, Targets};

/// `count` points `[2]` in a disc (class 0, radius up to 0.4) and a ring around it (class 1, radius from 0.7 to 1),
/// even over the angle and the radius; `noise` is the standard deviation of a shift of each point. Point i is of
/// class i mod 2. Three hidden units enclose the disc, two cannot.
///
/// ```
/// let ring = anygrad_data::synthetic::ring(200, 0.0, 1)?;
/// for (point, label) in ring.inputs().chunks(2).zip(ring.targets().labels().unwrap_or_default()) {
///     assert_eq!(point[0].hypot(point[1]) > 0.55, *label == 1);
/// }
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`] if `noise` is not finite and at least 0.
pub fn ring(count: usize, noise: f32, seed: u64) -> Result<Dataset> {
    check_spread("ring", "noise", noise.into())?;
    let turn = Random::new(seed, 2);
    two_classes(count, seed, |class, i, along, shift| {
        let radius = if class == 0 { 0.4 * along } else { 0.7 + 0.3 * along };
        let angle = TAU * turn.uniform(i);
        [radius * angle.cos() + noise * shift[0], radius * angle.sin() + noise * shift[1]]
    })
}

/// `count` points `[2]` on two circles around the origin: class 0 on the outer one of radius 1, class 1 on the inner one
/// of radius `factor`, evenly spaced; `noise` is the standard deviation of a point from its circle. As scikit-learn's
/// `make_circles`, whose points are in another order: here point i is of class i mod 2.
///
/// ```
/// let circles = anygrad_data::synthetic::circles(100, 0.5, 0.0, 1)?;
/// assert!((circles.inputs()[2].hypot(circles.inputs()[3]) - 0.5).abs() < 1e-6);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`] if `noise` is not finite and at least 0, or `factor` is not from 0 to 1 (1 excluded).
pub fn circles(count: usize, factor: f32, noise: f32, seed: u64) -> Result<Dataset> {
    check_spread("circles", "noise", noise.into())?;
    if !(0.0..1.0).contains(&factor) {
        return Err(DataError::setting("circles", "factor", factor, "at least 0 and below 1"));
    }
    two_classes(count, seed, |class, i, _, shift| {
        let angle = TAU * (i / 2) as f32 / of_class(count, class) as f32;
        let radius = if class == 0 { 1.0 } else { factor };
        [radius * angle.cos() + noise * shift[0], radius * angle.sin() + noise * shift[1]]
    })
}

/// `count` points `[2]` on two half circles that reach into each other: class 0 on (cos t, sin t), class 1 on
/// (1 − cos t, 1/2 − sin t), t evenly spaced from 0 to π; `noise` is the standard deviation of a point from its curve.
/// As scikit-learn's `make_moons`, whose points are in another order: here point i is of class i mod 2.
///
/// ```
/// let moons = anygrad_data::synthetic::moons(4, 0.0, 1)?;
/// let ends = [1.0, 0.0, 0.0, 0.5, -1.0, 0.0, 2.0, 0.5];
/// assert!(moons.inputs().iter().zip(ends).all(|(found, wanted)| (found - wanted).abs() < 1e-6));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`] if `noise` is not finite and at least 0.
pub fn moons(count: usize, noise: f32, seed: u64) -> Result<Dataset> {
    check_spread("moons", "noise", noise.into())?;
    two_classes(count, seed, |class, i, _, shift| {
        let steps = of_class(count, class).saturating_sub(1).max(1);
        let angle = PI * (i / 2) as f32 / steps as f32;
        let [x, y] = match class {
            0 => [angle.cos(), angle.sin()],
            _ => [1.0 - angle.cos(), 0.5 - angle.sin()],
        };
        [x + noise * shift[0], y + noise * shift[1]]
    })
}

/// `count` points `[2]` on `petals` petals around the origin, which the two classes hold in turn: petal k of class k mod 2
/// is r = sin(π u), angle = 2 π (k + u) / `petals`, with u uniform in [0, 1); `noise` is the standard deviation of a shift
/// of each point. Every second border between petals takes another straight line through the origin: 8 petals need four
/// hidden units, three fit them poorly.
///
/// ```
/// let petals = anygrad_data::synthetic::petals(400, 8, 0.0, 1)?;
/// assert!(petals.inputs().chunks(2).all(|p| p[0].hypot(p[1]) <= 1.0 + 1e-6));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`] if `noise` is not finite and at least 0, or the number of petals is not even and above 0.
pub fn petals(count: usize, petals: usize, noise: f32, seed: u64) -> Result<Dataset> {
    check_spread("petals", "noise", noise.into())?;
    if petals == 0 || !petals.is_multiple_of(2) {
        return Err(DataError::setting("petals", "petals", petals, "an even number above 0"));
    }
    let which = Random::new(seed, 2);
    two_classes(count, seed, |class, i, along, shift| {
        let petal = 2 * which.below(i, petals / 2) + class as usize;
        let (angle, radius) = (TAU * (petal as f32 + along) / petals as f32, (PI * along).sin());
        [radius * angle.cos() + noise * shift[0], radius * angle.sin() + noise * shift[1]]
    })
}

/// `count` points `[2]` on the "planar flower" of Ng's deep learning course, in radius 1 instead of 4: r = sin(4 t) and
/// the point (r sin t, r cos t), with t evenly spaced, class 0 in [0, π) and class 1 in [π, 2 π); `noise` is the standard
/// deviation of both t and r (the course has 0.2 for t and 0.05 for r).
///
/// ```
/// let flower = anygrad_data::synthetic::flower(400, 0.0, 1)?;
/// assert!(flower.inputs().chunks(2).all(|p| p[0].hypot(p[1]) <= 1.0 + 1e-6));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`] if `noise` is not finite and at least 0.
pub fn flower(count: usize, noise: f32, seed: u64) -> Result<Dataset> {
    check_spread("flower", "noise", noise.into())?;
    two_classes(count, seed, |class, i, _, shift| {
        let share = (i / 2) as f32 / of_class(count, class) as f32;
        let angle = PI * (class as f32 + share) + noise * shift[0];
        let radius = (4.0 * angle).sin() + noise * shift[1];
        [radius * angle.sin(), radius * angle.cos()]
    })
}

/// As [`spirals`](super::spirals), with arms that wind `turns` times around the origin: a mosquito coil. Radius and angle
/// grow in proportion; radius 1 is reached at the end.
///
/// ```
/// let coil = anygrad_data::synthetic::wound_spirals(300, 2, 1.5, 0.02, 1)?;
/// assert_eq!(coil.class_counts(), Some(vec![150, 150]));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::Setting`] if `noise` or `turns` is not finite and at least 0.
pub fn wound_spirals(count: usize, classes: usize, turns: f32, noise: f32, seed: u64) -> Result<Dataset> {
    check_spread("wound_spirals", "noise", noise.into())?;
    check_spread("wound_spirals", "turns", turns.into())?;
    points(count, classes, seed, |class, radius, shift| {
        let angle = (class + turns * radius) * TAU;
        [radius * angle.cos() + noise * shift[0], radius * angle.sin() + noise * shift[1]]
    })
}

/// How many of `count` points are of `class`, 0 or 1, when they take turns; 1 at least, as a divisor.
fn of_class(count: usize, class: u32) -> usize {
    (if class == 0 { count.div_ceil(2) } else { count / 2 }).max(1)
}

/// Points of two classes in turn by `place`, which gets the class, the point's number, a uniform number and two normal
/// ones.
fn two_classes(
    count: usize,
    seed: u64,
    place: impl Fn(u32, u64, f32, [f32; 2]) -> [f32; 2],
) -> Result<Dataset> {
    let (along, around) = (Random::new(seed, 0), Random::new(seed, 1));
    let class = |i: u64| (i % 2) as u32;
    let inputs = (0..count as u64)
        .flat_map(|i| place(class(i), i, along.uniform(i), [around.normal(2 * i), around.normal(2 * i + 1)]));
    let labels = (0..count as u64).map(class).collect();
    Dataset::new(inputs.collect(), [2], Targets::Classes { labels, classes: 2 })
}
