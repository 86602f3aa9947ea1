//! The search for hyper-parameters: what it draws, what it tries next, and how it is shown.

#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};

use anygrad_data::synthetic;
use anygrad_graph::Device;
use anygrad_nn::{Adam, Linear, Params, Sequential, cross_entropy, tanh};
use anygrad_train::search::*;
use anygrad_train::{Fit, Progress, TrainError, Trainer};

fn message<T: std::fmt::Debug>(result: Result<T, TrainError>) -> String {
    result.unwrap_err().to_string()
}

fn rates() -> Space {
    Space::new().log_uniform("rate", 1e-5, 1.0).uniform("dropout", 0.0, 0.8)
}

/// Least, 0, at a rate of 0.01 and a dropout of 0.3.
fn bowl(trial: &mut Trial<'_>) -> Result<f64, TrainError> {
    Ok((trial.number("rate")?.log10() + 2.0).powi(2) + 4.0 * (trial.number("dropout")? - 0.3).powi(2))
}

#[test]
fn logarithms_of_draws_are_uniform() {
    let space = Space::new().log_uniform("rate", 1e-5, 1e-1);
    let mut logs: Vec<f64> =
        (0..10_000).map(|draw| space.sample(1, draw).unwrap().number("rate").unwrap().log10()).collect();
    logs.sort_by(f64::total_cmp);
    // Kolmogorov and Smirnov: the greatest distance is below 1.63/√n in 99 of 100 cases
    let distance = |(index, log): (usize, &f64)| ((log + 5.0) / 4.0 - (index as f64 + 0.5) / 10_000.0).abs();
    let greatest = logs.iter().enumerate().map(distance).fold(0.0, f64::max);
    assert!(greatest < 0.0163, "{greatest}");
}

#[test]
fn all_kinds_of_parameters_are_drawn_within_their_bounds() {
    let space = Space::new()
        .integer("layers", 1, 3)
        .log_integer("units", 8, 512)
        .choice("optimizer", ["sgd", "adam"])
        .uniform("momentum", 0.5, 0.9)
        .when("optimizer", "sgd");
    let mut seen = [0; 4];
    let mut small = 0;
    for draw in 0..2000 {
        let choices = space.sample(3, draw).unwrap();
        seen[choices.count("layers").unwrap()] += 1;
        let units = choices.integer("units").unwrap();
        assert!((8..=512).contains(&units));
        small += usize::from(units < 64);
        let sgd = choices.name("optimizer").unwrap() == "sgd";
        assert_eq!(choices.get("momentum").is_some(), sgd);
        assert!(!sgd || (0.5..=0.9).contains(&choices.number("momentum").unwrap()));
    }
    assert!(seen[0] == 0 && seen[1..].iter().all(|count| (600..740).contains(count)), "{seen:?}");
    // the half of the logarithms from 8 to 512 lies below 64
    assert!((900..1100).contains(&small), "{small}");

    let error = message(space.sample(0, 0).unwrap().number("optimizer"));
    assert_eq!(error, "search: optimizer is a name, not a number");
    let error = message(space.sample(3, 0).unwrap().number("lr"));
    assert!(
        error.starts_with("search: no hyper-parameter \"lr\" in this trial, which has layers, units, opt"),
        "{error}"
    );
}

#[test]
fn a_grid_has_each_value_with_each() {
    let space =
        Space::new().log_uniform("rate", 1e-3, 1e-1).integer("layers", 1, 2).choice("f", ["relu", "tanh"]);
    let grid = space.grid(3).unwrap();
    assert_eq!(grid.len(), 3 * 2 * 2);
    let rates: Vec<_> = grid.iter().step_by(4).map(|choices| choices.number("rate").unwrap()).collect();
    for (rate, wanted) in rates.iter().zip([1e-3, 1e-2, 1e-1]) {
        assert!((rate / wanted - 1.0).abs() < 1e-12, "{rate}");
    }
    let conditional = Space::new().choice("o", ["sgd", "adam"]).uniform("m", 0.0, 1.0).when("o", "sgd");
    // four values with sgd, and adam without
    assert_eq!(conditional.grid(4).unwrap().len(), 5);

    let run =
        |seed| Search { space: space.clone(), method: Method::Grid { points: 3 }, seed, ..Search::default() };
    let study = run(1).run(|trial| trial.number("rate")).unwrap();
    assert_eq!(study.trials().len(), 12);
    assert_eq!(study, run(2).run(|trial| trial.number("rate")).unwrap());
}

#[test]
fn a_grid_of_the_important_and_draws_of_the_rest() {
    let method = Method::Mixed { grid: vec!["rate".into()], points: 2, draws: 5 };
    let search = Search { space: rates(), method, seed: 4, ..Search::default() };
    let study = search.run(bowl).unwrap();
    assert_eq!(study.trials().len(), 10);
    assert_eq!(study, search.run(bowl).unwrap());
    let values = |name: &str| {
        let mut values: Vec<_> =
            study.trials().iter().map(|trial| trial.choices.number(name).unwrap()).collect();
        values.sort_by(f64::total_cmp);
        values.dedup();
        values.len()
    };
    assert_eq!((values("rate"), values("dropout")), (2, 10));
    let method = Method::Mixed { grid: vec!["lr".into()], points: 2, draws: 5 };
    let error = message(Search { space: rates(), method, ..Search::default() }.run(bowl));
    assert_eq!(error, "search: grid names \"lr\", and the space has rate, dropout");
}

#[test]
fn tpe_finds_the_region_better_than_random_draws() {
    let best = |method: &Method, seed| {
        let search = Search { space: rates(), method: method.clone(), seed, ..Search::default() };
        search.run(bowl).unwrap().best().unwrap().value.unwrap()
    };
    let median = |method: &Method| {
        let mut values: Vec<f64> = (0..20).map(|seed| best(method, seed)).collect();
        values.sort_by(f64::total_cmp);
        (values[9] + values[10]) / 2.0
    };
    let tpe = median(&Method::Tpe(Tpe { trials: 60, ..Tpe::default() }));
    let random = median(&Method::Random { trials: 60 });
    println!("median of 20 seeds, 60 trials: TPE {tpe:.5}, random {random:.5}");
    assert!(tpe < 0.3 * random, "{tpe} {random}");
}

#[test]
fn tpe_learns_names_and_what_depends_on_them() {
    let space = Space::new()
        .choice("optimizer", ["sgd", "adam", "rmsprop"])
        .uniform("momentum", 0.0, 1.0)
        .when("optimizer", "sgd")
        .integer("layers", 1, 8);
    let search =
        Search { space, method: Method::Tpe(Tpe::default()), seed: 2, maximise: true, ..Search::default() };
    let study = search
        .run(|trial| {
            let momentum = trial.number("momentum").unwrap_or(0.2);
            Ok(-(momentum - 0.9).powi(2) - 0.1 * (trial.number("layers")? - 5.0).abs())
        })
        .unwrap();
    let late = &study.trials()[30..];
    let sgd = late.iter().filter(|trial| trial.choices.name("optimizer").unwrap() == "sgd").count();
    assert!(sgd > 20, "{sgd} of {}", late.len());
    let best = study.best().unwrap();
    assert_eq!(best.choices.integer("layers").unwrap(), 5);
    assert!(best.value.unwrap() > -0.01, "{best:?}");
}

#[test]
fn halving_spends_the_budget_it_says() {
    let halving = Halving { trials: 16, factor: 2, least_budget: 3 };
    for workers in [1, 3] {
        let search =
            Search { space: rates(), method: Method::Halving(halving.clone()), workers, ..Search::default() };
        let spent = AtomicUsize::new(0);
        let study = search
            .run(|trial| {
                spent.fetch_add(trial.budget().unwrap() as usize, Ordering::Relaxed);
                bowl(trial)
            })
            .unwrap();
        assert_eq!(spent.into_inner() as u64, halving.total_budget());
        assert_eq!(halving.total_budget(), 5 * 16 * 3);
        let of =
            |budget| study.trials().iter().filter(|trial| trial.budget == Some(budget)).collect::<Vec<_>>();
        assert_eq!([3, 6, 12, 24, 48].map(|budget| of(budget).len()), [16, 8, 4, 2, 1]);
        // the last one is the best of all, as the value does not depend on the budget here
        let least = of(3).iter().map(|trial| trial.value.unwrap()).fold(f64::INFINITY, f64::min);
        let last = of(48)[0];
        assert_eq!(last.value, Some(least));
        let previous = &study.trials()[last.previous.unwrap()];
        assert_eq!((&previous.choices, previous.budget), (&last.choices, Some(24)));
        assert_eq!(study.best().unwrap().number, last.number);
    }
}

#[test]
fn halving_goes_on_with_fewer_where_trials_fail() {
    let method = Method::Halving(Halving { trials: 8, factor: 2, least_budget: 1 });
    let search = Search { space: rates(), method, ..Search::default() };
    let study =
        search
            .run(|trial| {
                if trial.index() < 6 { Err(TrainError::NoSamples { what: "training" }) } else { bowl(trial) }
            })
            .unwrap();
    // 8, then the 2 that did not fail, then 2 and 1 as planned
    let budgets: Vec<_> = study.trials().iter().map(|trial| trial.budget.unwrap()).collect();
    assert_eq!(budgets[8..], [2, 2, 4, 4, 8]);
    assert_eq!(study.trials()[0].state, State::Failed("the training set is empty".into()));
}

#[test]
fn hyperband_runs_all_brackets_and_spends_what_it_says() {
    let hyperband = Hyperband { most_budget: 9, factor: 3 };
    let search = Search { space: rates(), method: Method::Hyperband(hyperband.clone()), ..Search::default() };
    let study = search.run(bowl).unwrap();
    let budgets: Vec<_> = study.trials().iter().map(|trial| trial.budget.unwrap()).collect();
    let wanted: Vec<u64> = [(9, 1), (3, 3), (1, 9), (5, 3), (1, 9), (3, 9)]
        .into_iter()
        .flat_map(|(trials, budget)| std::iter::repeat_n(budget, trials))
        .collect();
    assert_eq!(budgets, wanted);
    assert_eq!(budgets.iter().sum::<u64>(), hyperband.total_budget());
    assert_eq!(study.best().unwrap().budget, Some(9));
}

#[test]
fn the_median_rule_stops_what_is_worse_than_most() {
    let search = Search {
        space: Space::new().uniform("x", 0.0, 1.0),
        method: Method::Random { trials: 30 },
        pruning: Some(MedianRule { warm_trials: 4, warm_steps: 2 }),
        ..Search::default()
    };
    let study = search
        .run(|trial| {
            let x = trial.number("x")?;
            for step in 1..=5 {
                if trial.report(step, x + 1.0 / step as f64)? == Verdict::Stop {
                    return Ok(0.0);
                }
            }
            Ok(x + 0.2)
        })
        .unwrap();
    let mut complete: Vec<f64> = Vec::new();
    let mut pruned = 0;
    for trial in study.trials() {
        let x = trial.choices.number("x").unwrap();
        let mut sorted = complete.clone();
        sorted.sort_by(f64::total_cmp);
        let half = sorted.len() / 2;
        let median = match sorted.len() {
            0..4 => f64::INFINITY,
            even if even % 2 == 0 => (sorted[half - 1] + sorted[half]) / 2.0,
            _ => sorted[half],
        };
        let stopped = x > median;
        let (steps, state) = if stopped { (2, State::Pruned) } else { (5, State::Complete) };
        assert_eq!((trial.reports.len(), &trial.state), (steps, &state), "{trial:?} {median}");
        // not the 0 that the objective returned
        assert_eq!(trial.value.unwrap(), if stopped { x + 0.5 } else { x + 0.2 });
        if stopped { pruned += 1 } else { complete.push(x) }
    }
    assert!(pruned >= 5, "{pruned}");
    let search = Search { method: Method::Random { trials: 1 }, ..search };
    let study = search
        .run(|trial| {
            trial.report(2, 1.0)?;
            trial.report(2, 1.0)?;
            Ok(1.0)
        })
        .unwrap();
    let State::Failed(reason) = &study.trials()[0].state else { panic!("{study}") };
    assert_eq!(reason, "search: trial 0 reports step 2 after step 2: steps ascend");
}

#[test]
fn a_panic_of_the_objective_ends_the_search() {
    let search = Search { space: rates(), workers: 2, ..Search::default() };
    let run = std::panic::AssertUnwindSafe(|| {
        search.run(|trial| if trial.index() == 3 { panic!("on purpose") } else { bowl(trial) })
    });
    assert!(std::panic::catch_unwind(run).is_err());
}

#[test]
fn studies_are_shown_as_tables_and_pictures() {
    let space = Space::new()
        .log_uniform("rate", 1e-4, 1.0)
        .integer("layers", 1, 4)
        .choice("optimizer", ["sgd", "adam"])
        .uniform("momentum", 0.5, 0.99)
        .when("optimizer", "sgd");
    let search = Search { space, method: Method::Random { trials: 40 }, seed: 6, ..Search::default() };
    let study = search
        .run(|trial| {
            let rate = trial.number("rate")?;
            if rate > 0.5 {
                return Ok(f64::INFINITY);
            }
            Ok((rate.log10() + 2.0).powi(2) + 0.2 * trial.number("layers")?)
        })
        .unwrap();
    let text = study.to_string();
    let best = study.best().unwrap().number;
    assert!(text.starts_with("trial      rate  layers  optimizer  momentum   value  state\n"), "{text}");
    assert!(text.lines().any(|line| line.trim_start().starts_with(&format!("* {best} "))), "{text}");
    assert!(text.contains("failed: the objective returned inf"), "{text}");
    let pictures = [
        ("search_parallel", study.parallel_coordinates().unwrap()),
        ("search_scatter", study.scatter("rate").unwrap()),
    ];
    for (name, picture) in pictures {
        let svg = picture.to_svg();
        assert!(!svg.contains("NaN") && svg.contains(">rate"), "{svg}");
        if let Some(folder) = std::env::var_os("ANYGRAD_PICTURES") {
            picture.save(std::path::Path::new(&folder).join(name).with_extension("png")).unwrap();
        }
    }
    let error = message(study.scatter("optimizer"));
    assert_eq!(error, "search: optimizer is a name, and a scatter plot is of a number");
    let error = message(study.scatter("lr"));
    assert_eq!(error, "search: no parameter \"lr\"; the space has rate, layers, optimizer, momentum");
    let failed = search.run(|_| Ok(f64::NAN)).unwrap();
    assert_eq!(failed.best(), None);
    assert_eq!(message(failed.parallel_coordinates()), "search: no trial is complete");
}

#[test]
fn settings_that_make_no_sense_are_told() {
    let of = |space: Space| message(Search { space, ..Search::default() }.run(|_| Ok(0.0)));
    assert_eq!(of(Space::new()), "search: the space has no parameter");
    assert_eq!(of(rates().uniform("rate", 0.0, 1.0)), "search: the space has two parameters \"rate\"");
    let error = of(Space::new().uniform("x", 1.0, 0.0));
    assert_eq!(error, "search: x is from 1 to 0: they have to be finite, and ascend");
    let error = of(Space::new().log_uniform("x", 0.0, 1.0));
    assert_eq!(error, "search: x is from 0 to 1: both have to be positive for a logarithm");
    assert_eq!(of(Space::new().choice::<&str>("x", [])), "search: x has no name to choose from");
    let error = of(rates().uniform("m", 0.0, 1.0).when("optimizer", "sgd"));
    assert_eq!(error, "search: m depends on optimizer being \"sgd\", which is no choice before it");
    let by = |method| message(Search { space: rates(), method, ..Search::default() }.run(|_| Ok(0.0)));
    let error = by(Method::Grid { points: usize::MAX });
    assert_eq!(error, format!("search: points is {}: it has to be from 1 to 1000000", usize::MAX));
    assert_eq!(by(Method::Random { trials: 0 }), "search: trials is 0: it has to be at least 1");
    let error = by(Method::Halving(Halving { factor: 1, ..Halving::default() }));
    assert_eq!(error, "search: factor is 1: it has to be at least 2");
    let error = by(Method::Tpe(Tpe { good_share: 1.0, ..Tpe::default() }));
    assert_eq!(error, "search: good_share is 1: it has to be between 0 and 1");
    let error = message(Search { space: rates(), workers: 0, ..Search::default() }.run(|_| Ok(0.0)));
    assert_eq!(error, "search: workers is 0: it has to be from 1 to 1024");
}

#[test]
fn a_real_training_is_searched_with_the_number_of_layers_as_a_dimension() {
    let data = synthetic::blobs(120, 3, 0.25, 1).unwrap();
    let (train, validation) = data.split(0.7, 1).unwrap();
    let space =
        Space::new().log_uniform("rate", 1e-3, 0.3).integer("layers", 0, 2).log_integer("units", 4, 16);
    let search = Search { space, method: Method::Random { trials: 4 }, maximise: true, ..Search::default() };
    let study = search
        .run(|trial| {
            let params = Params::new(&Device::cpu(), 1);
            let (mut model, mut width) = (Sequential::new(), 2);
            for layer in 0..trial.count("layers")? {
                let units = trial.count("units")?;
                model = model.then(Linear::new(params.at(format!("fc{layer}")), width, units)).then(tanh);
                width = units;
            }
            let model = model.then(Linear::new(params.at("out"), width, 3));
            let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
            let fit = Fit {
                epochs: 4,
                batch_size: 21,
                learning_rate: trial.number("rate")?,
                progress: Progress::hidden(),
                ..Fit::default()
            };
            trainer.fit(&train, fit)?;
            Ok(f64::from(trainer.evaluate(&validation)?.accuracy.unwrap_or_default()))
        })
        .unwrap();
    assert!(study.trials().iter().all(|trial| trial.state == State::Complete), "{study}");
    assert!(study.best().unwrap().value.unwrap() > 0.8, "{study}");
}
