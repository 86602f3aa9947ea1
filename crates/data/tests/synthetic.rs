//! Made-up data: scikit-learn's shapes, and formulas that hold for every point.
// clippy.toml's allowance does not reach the helper functions of an integration test
#![allow(clippy::unwrap_used, clippy::panic)]

use anygrad_data::synthetic::*;
use anygrad_data::{DataError, Dataset, Targets};

fn points(data: &Dataset) -> impl Iterator<Item = ([f32; 2], u32)> + '_ {
    let labels = data.targets().labels().unwrap();
    data.inputs().chunks(2).zip(labels).map(|(point, &label)| ([point[0], point[1]], label))
}

/// scikit-learn's points come class by class, ours in turn.
#[test]
fn moons_and_circles_are_scikit_learns() {
    for (name, data) in [("moons", moons(8, 0.0, 1)), ("circles", circles(8, 0.5, 0.0, 1))] {
        let data = data.unwrap();
        let text = include_str!("golden/synthetic.txt");
        let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap();
        let wanted: Vec<f32> = line.split(' ').map(|number| number.parse().unwrap()).collect();
        let sorted = [0, 1]
            .map(|class| points(&data).filter(move |(_, label)| *label == class).map(|(point, _)| point));
        let found: Vec<f32> = sorted.into_iter().flatten().flatten().collect();
        assert_eq!(found.len(), wanted.len());
        assert!(found.iter().zip(&wanted).all(|(a, b)| (a - b).abs() < 1e-6), "{name}: {found:?} {wanted:?}");
    }
}

#[test]
fn rings_petals_and_spirals_follow_their_formulas() {
    for (point, label) in points(&ring(500, 0.0, 3).unwrap()) {
        let radius = point[0].hypot(point[1]);
        assert!(if label == 0 { radius <= 0.4 + 1e-6 } else { (0.7 - 1e-6..=1.0 + 1e-6).contains(&radius) });
    }
    for count in [401, 400] {
        let flower = flower(count, 0.0, 3).unwrap();
        for (place, (point, label)) in points(&flower).enumerate() {
            let of_class = (count + 1 - label as usize) / 2;
            let t = std::f64::consts::PI * (f64::from(label) + (place / 2) as f64 / of_class as f64);
            let r = (4.0 * t).sin();
            let wanted = [r * t.sin(), r * t.cos()];
            assert!(point.iter().zip(wanted).all(|(&a, b)| (f64::from(a) - b).abs() < 1e-5), "{place}");
        }
    }
    let mut seen = [0; 8];
    for (point, label) in points(&petals(2000, 8, 0.0, 3).unwrap()) {
        let place = (f32::atan2(point[1], point[0]) / std::f32::consts::TAU).rem_euclid(1.0) * 8.0;
        let along = place.fract();
        seen[place as usize % 8] += 1;
        let radius = point[0].hypot(point[1]);
        // an angle near a border may round to either side, and has radius 0 there
        assert!(radius < 0.01 || place as u32 % 2 == label, "{place} {label}");
        assert!((radius - (std::f32::consts::PI * along).sin()).abs() < 1e-3);
    }
    // 250 on each expected, standard deviation 14
    assert!(seen.iter().all(|&count| (190..310).contains(&count)), "{seen:?}");
    // one turn of two arms is the plain spiral; more turns wind on
    assert_eq!(wound_spirals(100, 2, 1.0, 0.1, 1).unwrap(), spirals(100, 2, 0.1, 1).unwrap());
    for (point, label) in points(&wound_spirals(300, 2, 2.5, 0.0, 1).unwrap()) {
        let radius = point[0].hypot(point[1]);
        let turns = f32::atan2(point[1], point[0]) / std::f32::consts::TAU;
        let off = (2.5 * radius + 0.5 * label as f32 - turns).rem_euclid(1.0);
        assert!(radius < 0.01 || off.min(1.0 - off) < 1e-3, "{radius} {off}");
    }
}

#[test]
fn noise_has_the_size_that_was_asked_for() {
    let (clean, noisy) = (circles(4000, 0.5, 0.0, 1).unwrap(), circles(4000, 0.5, 0.1, 1).unwrap());
    let squares = clean.inputs().iter().zip(noisy.inputs()).map(|(a, b)| f64::from(a - b).powi(2));
    let deviation = (squares.sum::<f64>() / 8000.0).sqrt();
    assert!((deviation - 0.1).abs() < 0.003, "{deviation}");
    let line = linear(5000, &[2.0, -1.0], 0.5, 0.2, 1).unwrap();
    let Targets::Values { values, .. } = line.targets() else { panic!() };
    let rests = line.inputs().chunks(2).zip(values).map(|(x, y)| f64::from(y - (2.0 * x[0] - x[1] + 0.5)));
    let deviation = (rests.map(|rest| rest.powi(2)).sum::<f64>() / 5000.0).sqrt();
    assert!((deviation - 0.2).abs() < 0.008, "{deviation}");
    assert!(line.inputs().iter().all(|x| (-1.0..1.0).contains(x)));
}

#[test]
fn one_seed_gives_the_same_points_and_another_others() {
    type Make = fn(u64) -> Result<Dataset, DataError>;
    let all: [Make; 10] = [
        |seed| ring(50, 0.1, seed),
        |seed| petals(50, 8, 0.1, seed),
        |seed| flower(50, 0.1, seed),
        |seed| circles(50, 0.3, 0.1, seed),
        |seed| moons(50, 0.1, seed),
        |seed| wound_spirals(50, 3, 2.0, 0.1, seed),
        |seed| linear(50, &[1.0], 0.0, 0.1, seed),
        |seed| sine(50, 0.1, seed),
        |seed| polynomial(50, &[1.0, 2.0], 0.1, seed),
        |seed| blobs(50, 3, 0.1, seed),
    ];
    for make in all {
        assert_eq!(make(1).unwrap(), make(1).unwrap());
        assert_ne!(make(1).unwrap(), make(2).unwrap());
        assert_eq!(make(1).unwrap().len(), 50);
    }
}

#[test]
fn gates_and_wrong_settings() {
    assert_eq!(and().unwrap().targets().labels(), Some(&[0, 0, 0, 1][..]));
    assert_eq!(or().unwrap().targets().labels(), Some(&[0, 1, 1, 1][..]));
    let error = |data: Result<Dataset, DataError>| data.unwrap_err().to_string();
    assert_eq!(error(ring(5, -1.0, 1)), "ring: noise is -1; it must be a finite number that is at least 0");
    assert_eq!(error(circles(5, 1.0, 0.0, 1)), "circles: factor is 1; it must be at least 0 and below 1");
    assert_eq!(error(petals(5, 0, 0.0, 1)), "petals: petals is 0; it must be an even number above 0");
    assert!(moons(5, f32::NAN, 1).is_err() && wound_spirals(5, 2, f32::INFINITY, 0.0, 1).is_err());
    assert!(linear(5, &[], 0.0, 0.0, 1).is_err());
    for count in [0, 1, 2, 3] {
        for data in
            [ring(count, 0.0, 1), petals(count, 4, 0.0, 1), circles(count, 0.5, 0.0, 1), moons(count, 0.0, 1)]
        {
            assert_eq!(data.unwrap().len(), count);
        }
    }
}
