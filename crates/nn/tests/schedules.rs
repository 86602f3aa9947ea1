//! Schedules against 50 rates each of PyTorch; `golden/schedules.py` makes them.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use anygrad_graph::{DType, Device};
use anygrad_nn::schedule::*;
use anygrad_nn::{Init, Optimizer, Params, Sgd};
use common::close;
use common::golden::Golden;

const GOLDEN: &[u8] = include_bytes!("golden/schedules.safetensors");

fn golden(name: &str) -> Vec<f64> {
    let file = Golden { file: GOLDEN, device: Device::cpu(), dtype: DType::F64, tolerance: 0.0 };
    file.numbers(name).0
}

#[track_caller]
fn rates(name: &str, schedule: &dyn Schedule) {
    schedule.check().unwrap();
    let found: Vec<f64> = (0..50).map(|step| schedule.at(step)).collect();
    close(name, &found, &golden(name), 1e-14);
}

#[track_caller]
fn momenta(name: &str, momentum: impl Fn(u64) -> f64) {
    let found: Vec<f64> = (0..50).map(momentum).collect();
    close(name, &found, &golden(&format!("{name}.momentum")), 1e-14);
}

#[test]
fn decays_are_pytorchs() {
    rates("step", &Step::new(0.1, 7, 0.3));
    rates("multi_step", &MultiStep::new(0.1, [5, 20, 20, 33], 0.5));
    rates("exponential", &Exponential::new(0.1, 0.93));
    let steps = Exponential { steps: 8, ..Exponential::new(0.1, 0.5) };
    rates("exponential_steps", &steps);
    rates("exponential_staircase", &Exponential { staircase: true, ..steps });
    rates("natural", &Exponential::natural(0.1, 0.2));
    rates("inverse_time", &InverseTime::new(0.1, 0.3));
    let staircase = InverseTime { steps: 6, staircase: true, ..InverseTime::new(0.1, 0.3) };
    rates("inverse_staircase", &staircase);
    rates("polynomial", &Polynomial { power: 1.7, ..Polynomial::new(0.1, 40) });
    rates("polynomial_end", &Polynomial { power: 0.5, end: 0.02, ..Polynomial::new(0.1, 40) });
    rates("linear", &Linear::new(0.025, 0.075, 30));
}

#[test]
fn cosines_are_pytorchs() {
    rates("cosine", &Cosine { floor: 0.003, ..Cosine::new(0.1, 49) });
    rates("cosine_stays", &Cosine { floor: 0.01, ..Cosine::new(0.1, 30) });
    rates("restarts", &CosineRestarts { floor: 0.002, ..CosineRestarts::new(0.1, 11) });
    rates("restarts_growing", &CosineRestarts { growth: 3, ..CosineRestarts::new(0.1, 4) });
    // the lengths of the falls must not overflow
    assert!(CosineRestarts { growth: u64::MAX, ..CosineRestarts::new(0.1, 4) }.at(u64::MAX) >= 0.0);
}

#[test]
fn one_cycle_is_pytorchs() {
    let plain = OneCycle::new(0.6, 51);
    rates("one_cycle", &plain);
    momenta("one_cycle", |step| plain.momentum(step));
    let linear = OneCycle { anneal: Anneal::Linear, rise: 0.45, div: 10.0, final_div: 50.0, ..plain };
    rates("one_cycle_linear", &linear);
    momenta("one_cycle_linear", |step| linear.momentum(step));
    let three = OneCycle { three_phase: true, rise: 0.4, base_momentum: 0.7, max_momentum: 0.9, ..plain };
    rates("one_cycle_three", &three);
    momenta("one_cycle_three", |step| three.momentum(step));
    for schedule in [plain, linear, three] {
        let last = schedule.max / schedule.div / schedule.final_div;
        close("after the end", &[50, 51, 1000].map(|step| schedule.at(step)), &[last; 3], 1e-14);
    }
}

#[test]
fn cyclic_is_pytorchs() {
    let plain = Cyclic::new(0.01, 0.11, 6);
    rates("cyclic", &plain);
    momenta("cyclic", |step| plain.momentum(step));
    let halving = Cyclic {
        mode: CyclicMode::Triangular2,
        down: 9,
        base_momentum: 0.6,
        max_momentum: 0.95,
        ..Cyclic::new(0.01, 0.11, 4)
    };
    rates("cyclic2", &halving);
    momenta("cyclic2", |step| halving.momentum(step));
    rates("cyclic_exp", &Cyclic { mode: CyclicMode::ExpRange(0.97), ..Cyclic::new(0.01, 0.11, 5) });
}

#[test]
fn warmups_go_before_any_other() {
    rates("warmup", &Warmup { from: 0.2, ..Warmup::new(10, Step::new(0.1, 6, 0.5)) });
    rates("warmup_cosine", &Warmup::new(8, Cosine::new(0.1, 32)));
    let boxed: Box<dyn Schedule> = Box::new(Warmup::new(0, 0.5));
    assert_eq!(boxed.at(0), 0.5);
    let shared: Arc<dyn Schedule> = Arc::new(Warmup::new(2, boxed));
    assert_eq!([0, 1, 2].map(|step| shared.at(step)), [0.0, 0.25, 0.5]);
    shared.check().unwrap();
}

#[test]
fn sequences_are_pytorchs() {
    let last = Cosine { floor: 0.01, ..Cosine::new(0.1, 20) };
    let three = Sequence::new(Linear::new(0.05, 0.1, 12)).then(12, Exponential::new(0.1, 0.9)).then(25, last);
    three.check().unwrap();
    // PyTorch's cosine goes up again after its end
    let found: Vec<f64> = (0..45).map(|step| three.at(step)).collect();
    close("three", &found, &golden("three")[..45], 1e-14);
    let wrong = Sequence::new(0.1).then(7, 0.2).then(3, 0.3).check().unwrap_err().to_string();
    assert_eq!(wrong, "Sequence: its schedules begin at [7, 3]; they must begin in rising order");
    let wrong = Sequence::new(0.1).then(7, Step::new(0.1, 0, 0.5)).check().unwrap_err().to_string();
    assert_eq!(wrong, "Step: every is 0; it must be at least 1");
    assert_eq!(format!("{:?}", Sequence::new(0.1).then(7, 0.2)), "Sequence { begins: [7], .. }");
}

#[test]
fn plateaus_are_pytorchs() {
    let run = |name: &str, sign: f64, mut plateau: ReduceOnPlateau| {
        plateau.check().unwrap();
        let found: Vec<f64> = golden("metric").iter().map(|m| plateau.update(sign * m)).collect();
        close(name, &found, &golden(name), 1e-14);
    };
    run("plateau", 1.0, ReduceOnPlateau::new(0.1).factor(0.5).patience(2));
    let rest = ReduceOnPlateau::new(0.1).factor(0.3).patience(1).cooldown(3).min_rate(0.004);
    run("plateau_rest", 1.0, rest.threshold(Threshold::Absolute(0.01)));
    run("plateau_max", 1.0, ReduceOnPlateau::new(0.1).mode(Mode::Max).factor(0.7).patience(4));
    let max = ReduceOnPlateau::new(0.1).mode(Mode::Max).factor(0.6).patience(3).eps(0.01);
    run("plateau_max_abs", -1.0, max.threshold(Threshold::Absolute(0.02)));
}

#[test]
fn a_plateau_goes_on_from_its_state() {
    let new = || ReduceOnPlateau::new(0.1).factor(0.3).patience(1).cooldown(3);
    let (mut whole, mut first) = (new(), new());
    let metrics = golden("metric");
    let expected: Vec<f64> = metrics.iter().map(|&m| whole.update(m)).collect();
    for cut in 0..metrics.len() {
        let mut second = new();
        second.restore(first.state()).unwrap();
        let rest: Vec<f64> = metrics[cut..].iter().map(|&m| second.update(m)).collect();
        assert_eq!(rest, expected[cut..], "cut at {cut}");
        first.update(metrics[cut]);
    }
    for (state, message) in [
        ([-1.0, 0.0, 0.0, 0.0], "the stored rate is -1; it must be finite and not below 0"),
        ([0.1, f64::NAN, 0.0, 0.0], "the stored best metric is NaN; it must be a number"),
        ([0.1, 0.0, 0.5, 0.0], "the stored count of metrics is 0.5; it must be a whole number from 0"),
        ([0.1, 0.0, 0.0, -2.0], "the stored rest is -2; it must be a whole number from 0"),
    ] {
        let before = first.clone();
        let error = first.restore(state).unwrap_err().to_string();
        assert_eq!(error, format!("ReduceOnPlateau: {message}"));
        assert_eq!(first, before);
    }
}

#[test]
fn a_plateau_can_raise_the_rate() {
    let mut plateau = ReduceOnPlateau::new(0.1).factor(2.0).patience(0).max_rate(0.3);
    plateau.check().unwrap();
    close("raised", &[1.0; 5].map(|m| plateau.update(m)), &[0.1, 0.2, 0.3, 0.3, 0.3], 1e-15);
    assert_eq!((plateau.at(7), plateau.best()), (plateau.rate(), 1.0));
}

#[test]
fn tables_of_the_textbook() {
    let at = |schedule: &dyn Schedule| [0, 1, 2].map(|epoch| schedule.at(epoch * 10 + 9));
    close(
        "exponential",
        &at(&Exponential::natural(0.1, 1.0).per_epoch(10)),
        &[0.1, 0.036788, 0.013534],
        1e-6,
    );
    close("inverse", &at(&InverseTime::new(0.1, 1.0).per_epoch(10)), &[0.1, 0.05, 0.033333], 1e-6);
    let own = by_epoch(10, |epoch, step| (epoch * 100 + step) as f64);
    assert_eq!(at(&own), [9.0, 109.0, 209.0]);
    assert_eq!(at(&|step: u64| step as f64), [9.0, 19.0, 29.0]);
}

#[test]
fn a_rate_takes_effect_at_the_next_step() {
    let params = Params::new(&Device::cpu(), 0);
    let w = params.at("").parameter("w", [1], Init::Ones);
    let schedule = MultiStep::new(0.1, [2], 0.5);
    let mut path = Vec::new();
    for step in 0..4 {
        let loss = w.tensor().sum_all();
        Sgd::default().step(&params, params.grad(&loss), schedule.at(step)).unwrap();
        path.push(f64::from(w.tensor().to_vec::<f32>().unwrap()[0]));
    }
    close("weight", &path, &[0.9, 0.8, 0.75, 0.7], 1e-6);
}

/// 1/k satisfies the conditions of Robbins & Monro, a constant rate does not.
#[test]
fn a_falling_rate_averages_noise_out() {
    let end = |schedule: &dyn Schedule| {
        let mut state = 1u64;
        let (mut w, mut mean) = (3.0, 0.0);
        for step in 0..20_000 {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let noise = (state >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
            w -= schedule.at(step) * (w + 4.0 * noise);
            if step >= 19_900 {
                mean += w * w / 100.0;
            }
        }
        mean
    };
    assert!(end(&InverseTime::new(1.0, 1.0)) < 1e-3);
    assert!(end(&0.5) > 0.1);
}

#[test]
fn settings_out_of_range_are_errors() {
    let wrong: [(&dyn Schedule, &str); 28] = [
        (&f64::NAN, "constant schedule: the rate is NaN; it must be finite and not below 0"),
        (&Step::new(-0.1, 7, 0.3), "Step: rate is -0.1; it must be finite and not below 0"),
        (&Step::new(0.1, 0, 0.3), "Step: every is 0; it must be at least 1"),
        (&Step::new(0.1, 1, 0.0), "Step: factor is 0; it must be finite and above 0"),
        (&MultiStep::new(0.1, [3, 2], 0.3), "MultiStep: milestones are [3, 2]; they must be in rising order"),
        (&Exponential::new(0.1, -1.0), "Exponential: factor is -1; it must be finite and above 0"),
        (
            &Exponential { steps: 0, ..Exponential::new(0.1, 0.5) },
            "Exponential: steps is 0; it must be at least 1",
        ),
        (&InverseTime::new(0.1, -0.5), "InverseTime: decay is -0.5; it must be finite and not below 0"),
        (
            &InverseTime { steps: 0, ..InverseTime::new(0.1, 0.5) },
            "InverseTime: steps is 0; it must be at least 1",
        ),
        (&Polynomial::new(0.1, 0), "Polynomial: steps is 0; it must be at least 1"),
        (
            &Polynomial { power: 0.0, ..Polynomial::new(0.1, 4) },
            "Polynomial: power is 0; it must be finite and above 0",
        ),
        (
            &Polynomial { end: -1.0, ..Polynomial::new(0.1, 4) },
            "Polynomial: end is -1; it must be finite and not below 0",
        ),
        (&Linear::new(0.1, f64::INFINITY, 4), "Linear: to is inf; it must be finite and not below 0"),
        (&Linear::new(0.1, 0.2, 0), "Linear: steps is 0; it must be at least 1"),
        (&Cosine::new(0.1, 0), "Cosine: steps is 0; it must be at least 1"),
        (
            &Cosine { floor: -0.1, ..Cosine::new(0.1, 9) },
            "Cosine: floor is -0.1; it must be finite and not below 0",
        ),
        (&CosineRestarts::new(0.1, 0), "CosineRestarts: period is 0; it must be at least 1"),
        (
            &CosineRestarts { growth: 0, ..CosineRestarts::new(0.1, 9) },
            "CosineRestarts: growth is 0; it must be at least 1",
        ),
        (&OneCycle::new(0.1, 0), "OneCycle: steps is 0; it must be at least 1"),
        (&OneCycle { rise: 1.0, ..OneCycle::new(0.1, 9) }, "OneCycle: rise is 1; it must be in (0, 1)"),
        (
            &OneCycle { rise: 0.6, three_phase: true, ..OneCycle::new(0.1, 9) },
            "OneCycle: rise is 0.6; it must be at most 0.5 with three phases",
        ),
        (
            &OneCycle { div: 0.0, ..OneCycle::new(0.1, 9) },
            "OneCycle: div is 0; it must be finite and above 0",
        ),
        (
            &OneCycle { base_momentum: 1.0, ..OneCycle::new(0.1, 9) },
            "OneCycle: base_momentum is 1; it must be in [0, 1)",
        ),
        (&Cyclic::new(0.1, 0.2, 0), "Cyclic: up is 0; it must be at least 1"),
        (
            &Cyclic { mode: CyclicMode::ExpRange(1.5), ..Cyclic::new(0.1, 0.2, 3) },
            "Cyclic: the factor of ExpRange is 1.5; it must be in (0, 1]",
        ),
        (&Warmup { from: 2.0, ..Warmup::new(3, 0.1) }, "Warmup: from is 2; it must be in [0, 1]"),
        (&Warmup::new(3, Step::new(0.1, 0, 0.5)), "Step: every is 0; it must be at least 1"),
        (&0.1.per_epoch(0), "EverySteps: steps is 0; it must be at least 1"),
    ];
    for (schedule, message) in wrong {
        assert_eq!(schedule.check().unwrap_err().to_string(), message);
        // and asking for a rate does not panic
        for step in [0, 1, 7, u64::MAX] {
            let _ = schedule.at(step);
        }
    }
    let new = || ReduceOnPlateau::new(0.1);
    for (plateau, message) in [
        (new().factor(1.0), "factor is 1; it must be below or above 1"),
        (new().factor(-0.5), "factor is -0.5; it must be finite and above 0"),
        (new().min_rate(f64::NAN), "min_rate is NaN; it must be finite and not below 0"),
        (new().threshold(Threshold::Absolute(-1.0)), "threshold is -1; it must be finite and not below 0"),
        (new().min_rate(0.5).max_rate(0.2), "max_rate is 0.2; it must not be below min_rate, 0.5"),
        (new().eps(-1.0), "eps is -1; it must be finite and not below 0"),
    ] {
        assert_eq!(plateau.check().unwrap_err().to_string(), format!("ReduceOnPlateau: {message}"));
    }
}
