//! Made-up data sets: small problems with a known answer. The same seed gives the same points on every run.

mod planar;
mod regression;
mod reviews;
mod series;

use std::f32::consts::TAU;

use crate::error::check_spread;
use crate::shuffle::Random;
use crate::{Dataset, Result, Targets};
pub use planar::{circles, flower, moons, petals, ring, wound_spirals};
pub use regression::{linear, polynomial, sine};
pub use reviews::reviews;
pub use series::{SeriesSettings, random_walk, series};

/// The four points of exclusive or: inputs `[2]` in {0, 1}, one class a point, 1 where the inputs differ. No straight
/// line parts the classes, so a model without a hidden layer cannot learn it.
///
/// # Errors
/// None; the checks are those of [`Dataset::new`].
pub fn xor() -> Result<Dataset> {
    Dataset::classes(vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [2], vec![0, 1, 1, 0], 2)
}

/// The four points of and: inputs `[2]` in {0, 1}, class 1 where both are 1. A straight line parts the classes.
///
/// # Errors
/// None; the checks are those of [`Dataset::new`].
pub fn and() -> Result<Dataset> {
    Dataset::classes(vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [2], vec![0, 0, 0, 1], 2)
}

/// The four points of or: inputs `[2]` in {0, 1}, class 1 where one of both is 1. A straight line parts the classes.
///
/// # Errors
/// None; the checks are those of [`Dataset::new`].
pub fn or() -> Result<Dataset> {
    Dataset::classes(vec![0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0], [2], vec![0, 1, 1, 1], 2)
}

/// `count` points `[2]` in `classes` round clouds, whose centres stand evenly on the unit circle; `spread` is the
/// standard deviation of a cloud. Point i is of class i mod `classes`; 0 classes are taken as 1.
///
/// # Errors
/// [`DataError::Setting`](crate::DataError::Setting) if `spread` is not finite and at least 0.
pub fn blobs(count: usize, classes: usize, spread: f32, seed: u64) -> Result<Dataset> {
    check_spread("blobs", "spread", spread.into())?;
    points(count, classes, seed, |class, _, noise| {
        let angle = class * TAU;
        [angle.cos() + spread * noise[0], angle.sin() + spread * noise[1]]
    })
}

/// `count` points `[2]` on `classes` arms that wind once around the origin, out to radius 1; `noise` is the standard
/// deviation of a point from its arm. Point i is of class i mod `classes`; 0 classes are taken as 1.
///
/// # Errors
/// [`DataError::Setting`](crate::DataError::Setting) if `noise` is not finite and at least 0.
pub fn spirals(count: usize, classes: usize, noise: f32, seed: u64) -> Result<Dataset> {
    check_spread("spirals", "noise", noise.into())?;
    points(count, classes, seed, |class, radius, shift| {
        let angle = (class + radius) * TAU;
        [radius * angle.cos() + noise * shift[0], radius * angle.sin() + noise * shift[1]]
    })
}

/// Points in the plane by `place`, which gets the class as a share of a turn, a uniform and two normal numbers.
fn points(
    count: usize,
    classes: usize,
    seed: u64,
    place: impl Fn(f32, f32, [f32; 2]) -> [f32; 2],
) -> Result<Dataset> {
    let classes = classes.max(1);
    let (along, around) = (Random::new(seed, 0), Random::new(seed, 1));
    let inputs = (0..count as u64).flat_map(|i| {
        let class = (i % classes as u64) as f32 / classes as f32;
        place(class, along.uniform(i), [around.normal(2 * i), around.normal(2 * i + 1)])
    });
    let labels = (0..count).map(|i| (i % classes) as u32).collect();
    Dataset::new(inputs.collect(), [2], Targets::Classes { labels, classes })
}
