//! Each kind of picture: what stands in it, that its bytes repeat, and what is refused.

#![allow(clippy::unwrap_used)]

use anygrad_data::synthetic;
use anygrad_graph::{Device, Tensor};
use anygrad_nn::{Adam, Ctx, Layer, Linear, Params, Sequential, cross_entropy, mse, tanh};
use anygrad_train::pictures::*;
use anygrad_train::{Fit, Progress, TrainError, Trainer};

/// Drawn as both kinds of file; where ANYGRAD_PICTURES names a folder, they are left there to be looked at.
fn shown(name: &str, picture: &Picture) -> String {
    let svg = picture.to_svg();
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
    let png = picture.to_png().unwrap();
    assert!(png.starts_with(b"\x89PNG"));
    if let Some(folder) = std::env::var_os("ANYGRAD_PICTURES") {
        for extension in ["svg", "png"] {
            picture.save(std::path::Path::new(&folder).join(name).with_extension(extension)).unwrap();
        }
    }
    svg
}

fn all_of(svg: &str, texts: &[&str]) {
    for text in texts {
        assert!(svg.contains(&format!(">{text}</text>")), "{text} is missing in {svg}");
    }
}

#[test]
fn a_confusion_matrix_names_classes_and_shows_counts_or_shares() {
    let picture = confusion_matrix(&[45, 5, 10, 40], &["positive", "negative"], Normalise::Counts).unwrap();
    let svg = shown("confusion", &picture);
    all_of(&svg, &["positive", "negative", "true class", "predicted class", "45", "5", "10", "40"]);
    // true positives at the upper left: 45 stands above 10 and left of 5
    let place = |text: &str| {
        let line = svg.lines().find(|line| line.contains(&format!(">{text}</text>"))).unwrap();
        let number = |name: &str| -> f64 {
            line.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        (number("x"), number("y"))
    };
    assert!(place("45").0 < place("5").0 && place("45").1 < place("10").1);

    let counts: Vec<usize> = (0..100).map(|i| if i % 11 == 0 { 90 + i } else { i * 7 % 13 }).collect();
    let names: Vec<_> = (0..10).map(|digit| format!("a long name {digit}")).collect();
    let svg = shown("confusion_ten", &confusion_matrix(&counts, &names, Normalise::Truth).unwrap());
    all_of(&svg, &["a long name 9", "share", "Confusion matrix, share of each true class"]);

    let error = confusion_matrix(&[1, 2, 3], &["a", "b"], Normalise::All).unwrap_err().to_string();
    assert_eq!(error, "confusion matrix: counts has 3 values, and classes², its square matrix, 4");
    let error = confusion_matrix(&[], &[""; 0], Normalise::All).unwrap_err().to_string();
    assert_eq!(error, "confusion matrix: the number of classes is 0: it has to be from 1 to 100");
}

/// Noise that repeats: a number in [0, 1) for each place.
fn noise(place: usize) -> f32 {
    // the finishing steps of SplitMix64
    let mut bits = (place as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ bits >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((bits ^ bits >> 31) >> 40) as f32 / (1u32 << 24) as f32
}

fn message<T: std::fmt::Debug>(result: Result<T, TrainError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn curves_of_a_training_run_are_drawn() {
    let curve = |shift: f64| (1..=12).map(move |x| (f64::from(x), shift + 2.0 / f64::from(x)));
    let chart = Chart::new("Loss").x_label("epoch").y_label("loss");
    let chart = chart
        .line("train", curve(0.0))
        .line("validation", curve(0.2))
        .guide("bar", [(1.0, 0.3), (12.0, 0.3)]);
    all_of(&shown("loss", &chart.draw()), &["Loss", "epoch", "loss", "train", "validation", "bar", "12"]);
    let rates: Vec<f64> =
        (0..300).map(|step| 0.05 * (1.0 + (f64::from(step) / 300.0 * std::f64::consts::PI).cos())).collect();
    all_of(&shown("rates", &learning_rate_curve(&rates).unwrap().draw()), &["step", "learning rate"]);
    assert_eq!(message(learning_rate_curve(&[])), "learning rate curve: rates is empty");
    assert_eq!(
        message(learning_rate_curve(&[1.0, f64::NAN])),
        "learning rate curve: rates[1] is NaN, not a finite number"
    );
}

/// The areas are those of scikit-learn 1.9: `roc_auc_score` and `average_precision_score`.
#[test]
fn ranking_curves_tell_the_areas_of_scikit_learn() {
    let truths: Vec<bool> = (0..200).map(|i| noise(i) < 0.4).collect();
    let scores: Vec<f32> = truths
        .iter()
        .enumerate()
        .map(|(i, truth)| ((noise(i + 500) + 0.3 * f32::from(u8::from(*truth))) * 20.0).floor() / 20.0)
        .collect();
    let worse: Vec<f32> = (0..200).map(|i| noise(i + 900) + 0.1 * f32::from(u8::from(truths[i]))).collect();
    let curves = [
        Scored { name: "epoch 5", scores: &scores, truths: &truths },
        Scored { name: "epoch 1", scores: &worse, truths: &truths },
    ];
    all_of(
        &shown("roc", &roc_curve(&curves).unwrap()),
        &["epoch 5 (AUC 0.762)", "epoch 1 (AUC 0.592)", "chance"],
    );
    let svg = shown("precision_recall", &precision_recall_curve(&curves).unwrap());
    all_of(&svg, &["epoch 5 (AP 0.691)", "epoch 1 (AP 0.569)", "recall", "precision"]);

    let short = Scored { name: "m", scores: &[0.5], truths: &[] };
    assert_eq!(
        message(roc_curve(&[short])),
        "ROC curve: truths of \"m\" has 0 values, and scores of \"m\" 1"
    );
    let one = Scored { name: "m", scores: &[0.5, 0.1], truths: &[true, true] };
    assert_eq!(
        message(precision_recall_curve(&[one])),
        "precision-recall curve: truths of \"m\" has no negative sample"
    );
    let nan = Scored { name: "m", scores: &[f32::NAN, 0.1], truths: &[true, false] };
    assert_eq!(message(roc_curve(&[nan])), "ROC curve: scores of \"m\"[0] is NaN, not a finite number");
    assert_eq!(message(roc_curve(&[])), "ROC curve: curves is empty");
}

#[test]
fn a_decision_boundary_is_drawn_from_classes_or_probabilities() {
    let points: Vec<[f32; 2]> = (0..90).map(|i| [noise(i) * 4.0 - 2.0, noise(i + 100) * 4.0 - 2.0]).collect();
    let class = |[x, y]: [f32; 2]| if x * x + y * y < 1.0 { 0 } else { 1 + usize::from(y > x) };
    let labels: Vec<_> = points.iter().map(|point| class(*point)).collect();
    let names = ["inside", "below", "above"];
    let decide = |cells: &[[f32; 2]]| Ok(Decision::Classes(cells.iter().map(|cell| class(*cell)).collect()));
    let svg = shown(
        "boundary_classes",
        &decision_boundary("Three classes", &points, &labels, &names, decide).unwrap(),
    );
    all_of(&svg, &["inside", "below", "above", "feature 1", "feature 2"]);

    let two: Vec<_> = labels.iter().map(|label| (*label).min(1)).collect();
    let share = |[x, y]: [f32; 2]| 1.0 / (1.0 + (-3.0 * (x * x + y * y - 1.0)).exp());
    let decide =
        |cells: &[[f32; 2]]| Ok(Decision::Probabilities(cells.iter().map(|cell| share(*cell)).collect()));
    let picture = decision_boundary("Ring", &points, &two, &["in", "out"], decide).unwrap();
    let svg = shown("boundary_probability", &picture);
    // the circle where both are equally likely
    assert!(svg.lines().any(|line| line.contains("#333333") && line.matches('M').count() > 100));

    let classes = |_: &[[f32; 2]]| Ok(Decision::Classes(vec![0]));
    let error = message(decision_boundary("", &points, &two, &["in", "out"], classes));
    assert_eq!(error, "decision boundary: the decision has 1 values, and its points 25600");
    let error = message(decision_boundary("", &points, &labels, &["in", "out"], classes));
    assert!(error.ends_with("is class 2, and there are 2 classes"), "{error}");
    let error = message(decision_boundary("", &points, &[0], &["in"], classes));
    assert_eq!(error, "decision boundary: labels has 1 values, and points 90");
    let wide = |cells: &[[f32; 2]]| Ok(Decision::Probabilities(vec![1.5; cells.len()]));
    let error = message(decision_boundary("", &points, &two, &["in", "out"], wide));
    assert_eq!(error, "decision boundary: the decision holds 1.5, which is no probability");
}

#[test]
fn a_loss_surface_shows_levels_and_the_ways_of_descents() {
    let bowl = |a: f64, b: f64| Ok(a * a / 2.0 + 5.0 * b * b + 0.01);
    let surface = LossSurface::measure((-4.0, 4.0), (-2.0, 2.0), 80, bowl).unwrap();
    let descend = |noisy: f64| {
        let mut at = [-3.6, 1.6];
        let step = |i: usize| {
            let from = at;
            let wander = |place: usize| noisy * f64::from(noise(place) - 0.5);
            at = [at[0] - 0.17 * (at[0] + wander(i)), at[1] - 0.17 * (10.0 * at[1] + wander(i + 77))];
            from
        };
        (0..30).map(step).collect::<Vec<_>>()
    };
    let (full, single) = (descend(0.0), descend(6.0));
    let paths: [(&str, &[[f64; 2]]); 2] = [("full batches", &full), ("single samples", &single)];
    let svg = shown("descent", &surface.with_paths("Gradient descent", ("w", "b"), &paths).unwrap());
    all_of(&svg, &["full batches", "single samples", "w", "b", "loss (log scale)"]);

    let holes = |a: f64, b: f64| Ok(if a > 0.8 { f64::NAN } else { (3.0 * a).sin() + b * b });
    let surface = LossSurface::measure((-1.0, 1.0), (-1.0, 1.0), 60, holes).unwrap();
    all_of(&shown("surface", &surface.picture("Loss surface").unwrap()), &["first direction", "loss"]);
    assert_eq!(surface.to_csv().lines().count(), 3601);

    let measured = |x, cells| LossSurface::measure(x, (0.0, 1.0), cells, |_, _| Ok(f64::NAN));
    let error = message(measured((1.0, 1.0), 5));
    assert_eq!(error, "loss surface: the first range is (1, 1): it has to be two finite numbers, ascending");
    let error = message(measured((0.0, 1.0), 1));
    assert_eq!(error, "loss surface: the number of cells on a side is 1: it has to be from 2 to 512");
    assert_eq!(message(measured((0.0, 1.0), 3).unwrap().picture("")), "loss surface: no loss is finite");
}

#[test]
fn functions_and_histograms_have_a_panel_each() {
    let x: Vec<f32> = (0..=160).map(|i| i as f32 / 20.0 - 4.0).collect();
    let of = |f: fn(f32) -> f32| x.iter().map(|x| f(*x)).collect::<Vec<f32>>();
    let values = [
        ("relu", of(|x| x.max(0.0)), of(|x| f32::from(u8::from(x > 0.0)))),
        ("sigmoid", of(|x| 1.0 / (1.0 + (-x).exp())), of(|x| (-x).exp() / (1.0 + (-x).exp()).powi(2))),
        ("tanh", of(f32::tanh), of(|x| 1.0 - x.tanh().powi(2))),
        ("leaky relu", of(|x| if x > 0.0 { x } else { 0.01 * x }), of(|x| if x > 0.0 { 1.0 } else { 0.01 })),
    ];
    let curves: Vec<_> =
        values.iter().map(|(name, y, slope)| FunctionCurve { name, x: &x, y, slope }).collect();
    let svg = shown("functions", &function_curves("Activation functions", &curves).unwrap());
    all_of(&svg, &["relu", "sigmoid", "tanh", "leaky relu", "value", "derivative"]);
    let bad = FunctionCurve { name: "f", x: &x, y: &[1.0], slope: &x };
    assert_eq!(
        message(function_curves("", &[bad])),
        "function curves: y of \"f\" has 1 values, and x of \"f\" 161"
    );

    let bell: Vec<f32> = (0..4000).map(|i| (0..12).map(|j| noise(12 * i + j)).sum::<f32>() - 6.0).collect();
    let small: Vec<f32> = bell.iter().map(|value| value * 1e-5).collect();
    let panels: [(&str, &[f32]); 4] = [
        ("fc1.weight", &bell),
        ("fc1.weight, gradient", &small),
        ("fc1.bias", &[0.0; 64]),
        ("a.layer.with.a.very.long.path.weight", &bell),
    ];
    let svg = shown("histograms", &histograms("Weights and gradients", &panels, 40).unwrap());
    all_of(&svg, &["fc1.weight", "fc1.weight, gradient", "mean 0.000, deviation 0.000"]);
    assert_eq!(message(histograms("", &[("w", &[])], 10)), "histograms: w is empty");
    assert_eq!(
        message(histograms("", &[("w", &[f32::INFINITY])], 10)),
        "histograms: w[0] is inf, not a finite number"
    );
    assert_eq!(
        message(histograms("", &[("w", &[1.0])], 1)),
        "histograms: bins is 1: it has to be from 2 to 200"
    );
}

#[test]
fn images_filters_and_feature_maps_are_grids() {
    let pixels: Vec<f32> =
        (0..12 * 64).map(|i| if (i / 64 + i % 8) % 5 < 2 { 0.9 } else { noise(i) * 0.4 }).collect();
    let (said, is): (Vec<_>, Vec<_>) = (0..12)
        .map(|i| {
            (
                i % 3,
                match i {
                    5 => 1,
                    7 => 2,
                    _ => i % 3,
                },
            )
        })
        .unzip();
    let names = ["circle", "rectangle", "triangle"];
    let svg = shown(
        "predictions",
        &prediction_grid("Predictions", &pixels, [1, 8, 8], &said, &is, &names).unwrap(),
    );
    all_of(&svg, &["✓ circle", "✗ triangle, not rectangle", "✗ rectangle, not triangle"]);
    assert_eq!(svg.matches("<image").count(), 12);
    let colours: Vec<f32> = (0..6 * 3 * 100).map(|i| noise(i / 7)).collect();
    shown("images", &image_grid("Six images", &colours, [3, 10, 10], &[], 3).unwrap());

    let weights: Vec<f32> =
        (0..16 * 25).map(|i| ((i % 25) as f32 / 12.0 - 1.0) * if i % 50 < 25 { 1.0 } else { -0.4 }).collect();
    all_of(&shown("filters", &filter_grid("conv1.weight", &weights, [16, 1, 5, 5]).unwrap()), &["weight"]);
    let weights: Vec<f32> = (0..8 * 3 * 25).map(|i| noise(i) - 0.5).collect();
    shown("filters_colour", &filter_grid("conv1.weight", &weights, [8, 3, 5, 5]).unwrap());
    let weights: Vec<f32> = (0..4 * 6 * 9).map(|i| noise(i) - 0.5).collect();
    shown("filters_deep", &filter_grid("conv2.weight", &weights, [4, 6, 3, 3]).unwrap());
    let maps: Vec<f32> =
        (0..10 * 196).map(|i| ((i % 14) as f32 / 3.0 + (i / 196) as f32).sin().max(0.0)).collect();
    all_of(&shown("maps", &feature_maps("conv1 of a digit", &maps, [10, 14, 14]).unwrap()), &["activation"]);

    let error = message(image_grid("", &[0.0; 8], [2, 2, 2], &[], 1));
    assert_eq!(
        error,
        "image grid: images have 1 or 3 channels, and shape is [2, 2, 2] [channels, height, width]"
    );
    let error = message(image_grid("", &[0.0; 7], [1, 2, 2], &[], 1));
    assert_eq!(error, "image grid: 7 values do not fill whole images of shape [1, 2, 2]");
    assert_eq!(
        message(image_grid("", &[], [1, 2, 2], &[], 1)),
        "image grid: the number of images is 0: it has to be from 1 to 1024"
    );
    let error = message(filter_grid("", &[0.0; 8], [3, 1, 2, 2]));
    assert_eq!(error, "filter grid: weights, in filters, has 2 values, and outputs · inputs 3");
    let error = message(feature_maps("", &[f32::NAN; 4], [1, 2, 2]));
    assert_eq!(error, "feature maps: the value[0] is NaN, not a finite number");
    let error = message(prediction_grid("", &[0.0; 4], [1, 2, 2], &[3], &[0], &names));
    assert_eq!(error, "image grid: a sample is of class 3, and there are 3 classes");
}

#[test]
fn embeddings_are_points_with_labels() {
    let words = [
        "king", "queen", "man", "woman", "prince", "princess", "apple", "pear", "plum", "Paris", "Rome",
        "London",
    ];
    let points: Vec<[f32; 2]> =
        (0..12).map(|i| [(i / 3) as f32 + noise(i) * 0.5, noise(i + 40) * 2.0]).collect();
    all_of(&shown("embedding", &embedding_scatter("Word embedding", &points, &words).unwrap()), &words);
    assert_eq!(
        message(embedding_scatter("", &points, &["a"])),
        "embedding scatter: labels has 1 values, and points 12"
    );
    assert_eq!(
        message(embedding_scatter("", &[], &[""; 0])),
        "embedding scatter: the number of points is 0: it has to be from 1 to 5000"
    );
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let draw = || histograms("h", &[("w", &[1.0, 2.0, 4.0])], 5).unwrap();
    assert_eq!(draw().to_svg(), draw().to_svg());
    assert_eq!(draw().to_png().unwrap(), draw().to_png().unwrap());
}

#[test]
fn activations_are_drawn_with_the_derivatives_of_training() {
    let functions: [(&str, Function<'_>); 4] = [
        ("relu", &Tensor::relu),
        ("sigmoid", &Tensor::sigmoid),
        ("tanh", &Tensor::tanh),
        ("cubic", &|x| x * x * x * (1.0 / 64.0)),
    ];
    let svg = shown("activations", &activation_curves(&functions, -4.0, 4.0).unwrap());
    all_of(&svg, &["relu", "sigmoid", "tanh", "cubic"]);
    // the panel of the sigmoid is the same from its formulas
    let x: Vec<f32> = (0..400).map(|i| (-4.0 + 8.0 / 399.0 * f64::from(i)) as f32).collect();
    let y: Vec<f32> = x.iter().map(|x| 1.0 / (1.0 + (-x).exp())).collect();
    let slope: Vec<f32> = y.iter().map(|y| y * (1.0 - y)).collect();
    let wanted = FunctionCurve { name: "sigmoid", x: &x, y: &y, slope: &slope };
    let wanted = function_curves("Activation functions", &[wanted]).unwrap();
    let got = activation_curves(&functions[1..2], -4.0, 4.0).unwrap();
    assert_eq!(got.to_svg(), wanted.to_svg());

    let error = message(activation_curves(&[("sum", &|x| x.sum_all())], -1.0, 1.0));
    assert_eq!(error, "activation curves: sum makes [] of the shape [400]: it has to keep it");
    let error = message(activation_curves(&functions, 1.0, -1.0));
    assert_eq!(error, "activation curves: the range is (1, -1): it has to be two finite numbers, ascending");
}

#[test]
fn a_surface_around_a_model_moves_its_parameters_and_puts_them_back() {
    let params = Params::new(&Device::cpu(), 3);
    let model = Linear::new(params.at("fc"), 4, 2);
    let values = |params: &Params| -> Vec<Vec<f32>> {
        params.iter().map(|entry| entry.tensor.to_vec::<f32>().unwrap()).collect()
    };
    let before = values(&params);
    let x = Tensor::from_slice(&(0..40).map(noise).collect::<Vec<_>>(), [10, 4], params.device());
    let truth = model.forward(&x, &mut Ctx::eval()).detached().unwrap();
    let loss = || Ok(f64::from(mse(&model.forward(&x, &mut Ctx::eval()), &truth).item()?));
    // an odd number of cells: the one in the middle is the model itself
    let surface = LossSurface::around(&params, 0.5, 9, 5, loss).unwrap();
    assert_eq!(values(&params), before);
    let least = surface.losses().iter().copied().fold(f64::INFINITY, f64::min);
    assert_eq!(surface.losses()[40], least);
    assert!(least < 1e-12 && surface.losses()[0] > 1e-4, "{:?}", surface.losses());
    // a model that is linear in its weights has a quadratic loss: twice as far is four times as high
    let (far, near) = (surface.losses()[36], surface.losses()[38]);
    assert!((far / near - 4.0).abs() < 1e-3, "{far} {near}");
    shown("around", &surface.picture("Around a linear model").unwrap());

    let failing = || Err(TrainError::NoSamples { what: "evaluation" });
    assert_eq!(message(LossSurface::around(&params, 0.5, 3, 5, failing)), "the evaluation set is empty");
    assert_eq!(values(&params), before);
}

/// From a training run to the pictures of it: the area below the ROC grows, and the boundary is drawn.
#[test]
fn a_classifier_is_drawn_while_it_learns() {
    let data = synthetic::ring(200, 0.05, 3).unwrap();
    let (device, labels) = (Device::cpu(), (0..200).map(|i| i % 2).collect::<Vec<usize>>());
    let points: Vec<[f32; 2]> = data.inputs().chunks(2).map(|point| [point[0], point[1]]).collect();
    let truths: Vec<bool> = labels.iter().map(|label| *label == 1).collect();
    let params = Params::new(&device, 2);
    let hidden = Linear::new(params.at("fc1"), 2, 12);
    let model = Sequential::new().then(hidden).then(tanh).then(Linear::new(params.at("fc2"), 12, 2));
    let mut trainer = Trainer::new(model, params, cross_entropy, Adam::default());
    let shares = |trainer: &Trainer<_, _, _>, points: &[[f32; 2]]| {
        let x = Tensor::from_slice(points.as_flattened(), [points.len(), 2], &device);
        let shares = trainer.forward(&x).softmax(-1).to_vec::<f32>().unwrap();
        shares.chunks(2).map(|pair| pair[1]).collect::<Vec<f32>>()
    };
    let mut areas = Vec::new();
    for round in 1..=4 {
        let fit = Fit {
            epochs: 4,
            batch_size: 20,
            learning_rate: 0.03,
            progress: Progress::hidden(),
            ..Fit::default()
        };
        trainer.fit(&data, fit).unwrap();
        let scores = shares(&trainer, &points);
        let name = format!("epoch {}", 4 * round);
        let svg = roc_curve(&[Scored { name: &name, scores: &scores, truths: &truths }]).unwrap().to_svg();
        let area = svg.split("(AUC ").nth(1).unwrap().split(')').next().unwrap();
        areas.push(area.parse::<f64>().unwrap());
    }
    assert!(areas[3] > areas[0] && areas[3] > 0.99, "{areas:?}");
    let chart = trainer.history().learning_rate_chart();
    all_of(&shown("rates_of_a_run", &chart.draw()), &["Learning rate", "epoch", "learning rate"]);
    let decide = |cells: &[[f32; 2]]| Ok(Decision::Probabilities(shares(&trainer, cells)));
    let picture =
        decision_boundary("Twelve hidden units", &points, &labels, &["middle", "ring"], decide).unwrap();
    shown("ring", &picture);
    assert!(bend(&picture) > 20.0, "{}", bend(&picture));

    // without a hidden layer it is a straight line
    let params = Params::new(&device, 2);
    let model = Linear::new(params.at("fc"), 2, 2);
    let decide = |cells: &[[f32; 2]]| {
        let x = Tensor::from_slice(cells.as_flattened(), [cells.len(), 2], &device);
        let shares = model.forward(&x, &mut Ctx::eval()).softmax(-1).to_vec::<f32>()?;
        Ok(Decision::Probabilities(shares.chunks(2).map(|pair| pair[1]).collect()))
    };
    let picture =
        decision_boundary("No hidden layer", &points, &labels, &["middle", "ring"], decide).unwrap();
    assert!(bend(&picture) < 0.5, "{}", bend(&picture));
}

/// By how many pixels the boundary of two classes departs from the line through its two ends farthest apart.
fn bend(picture: &Picture) -> f64 {
    let svg = picture.to_svg();
    let line = svg.lines().find(|line| line.contains("stroke=\"#333333\" stroke-width=\"2\"")).unwrap();
    let data = line.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
    let points: Vec<(f64, f64)> = data
        .split(['M', 'L'])
        .filter_map(|pair| pair.split_once(' '))
        .map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap()))
        .collect();
    let apart = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).hypot(a.1 - b.1);
    let far = |from: (f64, f64)| {
        points.iter().copied().max_by(|a, b| apart(from, *a).total_cmp(&apart(from, *b))).unwrap()
    };
    let start = far(points[0]);
    let end = far(start);
    let across = |(x, y): (f64, f64)| {
        ((end.0 - start.0) * (y - start.1) - (end.1 - start.1) * (x - start.0)).abs() / apart(start, end)
    };
    points.into_iter().map(across).fold(0.0, f64::max)
}

#[test]
fn extreme_numbers_are_drawn_or_refused() {
    let extremes = [0.0, 5e-324, 1e-300, 1.0, 1e300, 1.7e308, -1.7e308, f64::NAN, f64::INFINITY];
    let finite = |name: &str, picture: Result<Picture, TrainError>| {
        let svg = picture.map(|picture| picture.to_svg()).unwrap_or_default();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{name}");
    };
    for a in extremes {
        for b in extremes {
            let (c, d) = (a as f32, b as f32);
            finite("line", Ok(Chart::new("").line("", [(a, b), (b, a)]).draw()));
            finite("log", Ok(Chart::new("").points("", [(a, b), (b, a)]).log_x().log_y().draw()));
            let values =
                LossSurface::measure((0.0, 1.0), (0.0, 1.0), 4, |x, _| Ok(if x > 0.5 { a } else { b }));
            finite("surface", values.and_then(|surface| surface.picture("")));
            let ranges = LossSurface::measure((a, b), (0.0, 1.0), 4, |x, y| Ok(x * y));
            finite("ranges", ranges.and_then(|surface| surface.picture("")));
            finite("histogram", histograms("", &[("", &[c, d, 0.0])], 7));
            finite("embedding", embedding_scatter("", &[[c, d], [d, c]], &["a", "b"]));
            finite("maps", feature_maps("", &[c, d, 0.0, 1.0], [1, 2, 2]));
            finite("filters", filter_grid("", &[c, d, 0.0, 1.0], [1, 1, 2, 2]));
            let function = FunctionCurve { name: "f", x: &[c, d], y: &[d, c], slope: &[0.0, c] };
            finite("function", function_curves("", &[function]));
        }
    }
    assert!(image_grid("", &[], [usize::MAX, usize::MAX, 3], &[], 1).is_err());
    assert!(filter_grid("", &[1.0], [usize::MAX, usize::MAX, 1, 1]).is_err());
}
