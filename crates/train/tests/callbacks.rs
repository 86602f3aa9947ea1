//! What callbacks are told, what they may do, and that a run goes on where it was.

#![allow(clippy::unwrap_used)]

use anygrad_data::{Dataset, synthetic};
use anygrad_graph::{Device, Tensor};
use anygrad_nn::{
    Adam, BatchNorm1d, Ctx, Dropout, Layer, Linear, Optimizer, Params, Sequential, cross_entropy, tanh,
};
use anygrad_train::{
    Callback, EpochRow, Fit, Flow, Progress, Result, Scores, TrainState, Trainer, Training, Validate,
};

fn quiet<'a>() -> Fit<'a> {
    Fit { epochs: 3, batch_size: 32, learning_rate: 0.03, progress: Progress::hidden(), ..Fit::default() }
}

fn validated(validation: &Dataset) -> Fit<'_> {
    Fit { validation: Some(validation), ..quiet() }
}

fn blobs() -> Dataset {
    synthetic::blobs(150, 3, 0.2, 3).unwrap()
}

fn model(params: &Params) -> Sequential {
    Sequential::new()
        .then(Linear::new(params.at("fc1"), 2, 8))
        .then(BatchNorm1d::new(params.at("norm"), 8))
        .then(tanh)
        .then(Dropout::new(0.2))
        .then(Linear::new(params.at("fc2"), 8, 3))
}

type Classifier = Trainer<Sequential, fn(&Tensor, &Tensor) -> Tensor, Adam>;

fn trainer() -> Classifier {
    let params = Params::new(&Device::cpu(), 5);
    Trainer::new(model(&params), params, cross_entropy, Adam::default())
}

fn bits(params: &Params) -> Vec<(String, Vec<u64>)> {
    let word = |value: &Tensor| value.to_dtype(anygrad_graph::DType::F64).to_vec::<f64>().unwrap();
    let entry = |e: anygrad_nn::Entry| {
        (e.path.to_string(), word(&e.tensor).iter().map(|x| x.to_bits()).collect::<Vec<_>>())
    };
    params.iter().chain(params.state()).map(entry).collect()
}

/// Writes down what it is told.
#[derive(Default)]
struct Diary {
    lines: Vec<String>,
}

impl Callback for Diary {
    fn begin(&mut self, t: &mut Training<'_>) -> Result<()> {
        self.lines.push(format!("begin {} {} {}", t.epochs(), t.batch_size(), t.seed()));
        Ok(())
    }
    fn begin_epoch(&mut self, t: &mut Training<'_>) -> Result<()> {
        self.lines.push(format!("epoch {} of {:?} steps", t.epoch(), t.steps_in_epoch()));
        Ok(())
    }
    fn end_step(&mut self, t: &mut Training<'_>) -> Result<Flow> {
        assert!(t.loss()? > 0.0 && t.scores()?.metric("accuracy").is_some());
        self.lines.push(format!(
            "step {} {} {} {}",
            t.step(),
            t.run_steps(),
            t.total_steps(),
            t.learning_rate()
        ));
        Ok(Flow::Continue)
    }
    fn end_validation(&mut self, scores: &Scores, _: &mut Training<'_>) -> Result<Flow> {
        assert!(scores.loss > 0.0);
        self.lines.push("validated".to_owned());
        Ok(Flow::Continue)
    }
    fn end_epoch(&mut self, row: &EpochRow, t: &mut Training<'_>) -> Result<Flow> {
        self.lines.push(format!(
            "over {} {} {}",
            row.epoch,
            t.history().rows().len(),
            row.validation.is_some()
        ));
        Ok(Flow::Continue)
    }
    fn end(&mut self, _: &mut Training<'_>) -> Result<()> {
        self.lines.push("end".to_owned());
        Ok(())
    }
}

/// Halves the rate after every step and ends the run after some.
struct Halving {
    left: usize,
}

impl Callback for Halving {
    fn end_step(&mut self, t: &mut Training<'_>) -> Result<Flow> {
        t.set_learning_rate(t.next_learning_rate() / 2.0)?;
        assert!(t.set_learning_rate(f64::NAN).unwrap_err().to_string().contains("learning rate is NaN"));
        self.left -= 1;
        Ok(if self.left == 0 { Flow::Stop("enough".to_owned()) } else { Flow::Continue })
    }
}

#[test]
fn callbacks_are_told_everything_in_order_and_may_stop_and_steer() {
    let (data, validation) = blobs().split(0.6, 1).unwrap();
    let mut trainer = trainer();
    let (mut diary, mut halving) = (Diary::default(), Halving { left: 4 });
    let fit = Fit {
        validation: Some(&validation),
        validate: Validate::Steps(2),
        callbacks: &mut [&mut diary, &mut halving],
        ..quiet()
    };
    let history = trainer.fit(&data, fit).unwrap();
    let wanted = [
        "begin 3 32 5",
        "epoch 1 of Some(3) steps",
        "step 1 1 1 0.03",
        "step 2 2 2 0.015",
        "validated",
        "step 3 3 3 0.0075",
        "over 1 1 true",
        "epoch 2 of Some(3) steps",
        "step 1 4 4 0.00375",
        "validated",
        "over 2 2 true",
        "end",
    ];
    assert_eq!(diary.lines, wanted);
    assert_eq!((history.ended(), history.rows()[1].learning_rate), (Some("enough"), 0.00375));
    let steps: Vec<u64> = history.step_validations().iter().map(|(step, _)| *step).collect();
    assert_eq!(steps, [2, 4]);
}

#[test]
fn validation_can_be_rarer_and_a_share_of_the_training_set() {
    let fit = Fit { epochs: 5, validation_split: 0.2, validate: Validate::Epochs(2), ..quiet() };
    let history = trainer().fit(&blobs(), fit).unwrap();
    let validated: Vec<bool> = history.rows().iter().map(|row| row.validation.is_some()).collect();
    assert_eq!(validated, [false, true, false, true, true], "every second epoch, and the last");
    // the last fifth, as Keras has it
    let (kept, held) = (blobs().take(120), blobs().skip(120));
    let fit = Fit { epochs: 5, validation: Some(&held), ..quiet() };
    let plain = trainer().fit(&kept, fit).unwrap();
    assert_eq!(plain.last().unwrap().validation, history.last().unwrap().validation);
    assert_eq!(plain.last().unwrap().train, history.last().unwrap().train);
}

#[test]
fn a_loop_by_hand_gives_the_bits_of_fit() {
    let (data, mut trainer) = (blobs(), trainer());
    let history =
        trainer.fit(&data, Fit { clip_global_norm: Some(0.5), keep_step_norms: true, ..quiet() }).unwrap();

    let params = Params::new(&Device::cpu(), 5);
    let model = model(&params);
    let (mut step, mut norms) = (0, Vec::new());
    for epoch in 1..=3 {
        for batch in data.batches(32).unwrap().shuffled_epoch(5, epoch) {
            let x = Tensor::from_slice(&batch.inputs, &batch.input_shape[..], &Device::cpu());
            let labels = batch.targets.labels().unwrap();
            let labels = Tensor::from_slice(labels, [labels.len()], &Device::cpu());
            let loss = cross_entropy(&model.forward(&x, &mut Ctx::train_step(5, step)), &labels);
            let (gradients, norm) = anygrad_nn::clip_global_norm(params.grad(&loss), 0.5);
            Adam::default().step(&params, gradients, 0.03).unwrap();
            norms.push(norm.item().unwrap());
            step += 1;
        }
    }
    assert_eq!(bits(&params), bits(trainer.params()));
    assert_eq!(history.step_norms(), norms);
    assert!(history.steps_to_csv().starts_with(&format!("step,loss,gradient_norm\n1,,{}\n", norms[0])));

    // and so do batches from a function
    let mut streamed = self::trainer();
    let batches = |epoch| data.batches(32).unwrap().shuffled_epoch(5, epoch as u64);
    streamed.fit_batches(batches, Fit { clip_global_norm: Some(0.5), ..quiet() }).unwrap();
    assert_eq!(bits(streamed.params()), bits(trainer.params()));
}

#[test]
fn accumulated_gradients_are_those_of_the_large_batch() {
    let run = |batch_size, accumulate| {
        let params = Params::new(&Device::cpu(), 5);
        // without dropout and batch normalisation, which see the batch
        let model = Sequential::new().then(Linear::new(params.at("fc1"), 2, 8)).then(tanh).then(Linear::new(
            params.at("fc2"),
            8,
            3,
        ));
        let mut trainer = Trainer::new(model, params, cross_entropy, anygrad_nn::Sgd::default());
        let fit = Fit { batch_size, accumulate, keep_step_losses: true, keep_step_norms: true, ..quiet() };
        let history = trainer.fit(&blobs(), fit).unwrap();
        let weights = trainer.params().get("fc1.weight").unwrap().to_vec::<f32>().unwrap();
        (history, weights)
    };
    // 150 samples: steps of 60, 60 and 30, of which the last is cut into 20 and 10
    let ((same, weights), (cut, parts)) = (run(60, 1), run(20, 3));
    assert_eq!((same.step_losses().len(), cut.step_losses().len()), (9, 9));
    assert_ne!(weights, run(20, 1).1);
    for (a, b) in weights.iter().zip(&parts) {
        assert!((a - b).abs() < 1e-5, "{a} {b}");
    }
    let pairs = same
        .step_losses()
        .iter()
        .zip(cut.step_losses())
        .chain(same.step_norms().iter().zip(cut.step_norms()));
    assert!(pairs.into_iter().all(|(a, b)| (a - b).abs() < 1e-4));
}

#[test]
fn gradients_are_clipped_by_value() {
    let params = Params::new(&Device::cpu(), 5);
    let model = Linear::new(params.at("fc"), 2, 3);
    let mut trainer = Trainer::new(model, params.clone(), cross_entropy, anygrad_nn::Sgd::default());
    let weights = || params.get("fc.weight").unwrap().to_vec::<f32>().unwrap();
    let before = weights();
    let fit = Fit { steps: Some(1), learning_rate: 1.0, clip_value: Some(0.001), ..quiet() };
    trainer.fit(&blobs(), fit).unwrap();
    let moved: Vec<f32> = weights().iter().zip(&before).map(|(new, old)| (new - old).abs()).collect();
    assert!(moved.iter().all(|&far| far < 0.001_001), "{moved:?}");
    assert!(moved.iter().any(|&far| far > 0.000_999), "{moved:?}");
}

/// Takes the state of the run, and its parameters in a file, after some steps.
struct Snapshot {
    at: u64,
    file: std::path::PathBuf,
    state: Option<TrainState>,
}

impl Snapshot {
    fn take(&mut self, t: &mut Training<'_>) -> Result<Flow> {
        self.state = Some(t.state()?);
        t.params().save_with_state(&self.file)?;
        Ok(Flow::Stop("killed".to_owned()))
    }
}

impl Callback for Snapshot {
    fn end_step(&mut self, t: &mut Training<'_>) -> Result<Flow> {
        if t.run_steps() == self.at { self.take(t) } else { Ok(Flow::Continue) }
    }
    fn end_epoch(&mut self, row: &EpochRow, t: &mut Training<'_>) -> Result<Flow> {
        // numbers from 100 mean epochs
        if row.epoch as u64 + 100 == self.at { self.take(t) } else { Ok(Flow::Continue) }
    }
}

/// Counts steps, and keeps the count in the state of the run.
#[derive(Default)]
struct Counter(f64);

impl Callback for Counter {
    fn end_step(&mut self, t: &mut Training<'_>) -> Result<Flow> {
        self.0 += 1.0;
        // a rate that depends on what was before
        t.set_learning_rate(0.9 * t.next_learning_rate())?;
        Ok(Flow::Continue)
    }
    fn state(&self) -> Vec<f64> {
        vec![self.0]
    }
    fn restore(&mut self, state: &[f64]) -> Result<()> {
        self.0 = state.first().copied().unwrap_or_default();
        Ok(())
    }
}

#[test]
fn a_run_goes_on_in_the_middle_of_an_epoch_with_the_same_bits() {
    let (data, validation) = blobs().split(0.9, 1).unwrap();
    let mut whole = trainer();
    let mut counter = Counter::default();
    let wanted = whole.fit(&data, Fit { callbacks: &mut [&mut counter], ..validated(&validation) }).unwrap();
    assert_eq!(counter.0, 15.0);
    for at in [1, 5, 7, 101] {
        let file =
            std::env::temp_dir().join(format!("anygrad-resume-{at}-{}.safetensors", std::process::id()));
        let mut snapshot = Snapshot { at, file, state: None };
        let mut counter = Counter::default();
        trainer()
            .fit(&data, Fit { callbacks: &mut [&mut counter, &mut snapshot], ..validated(&validation) })
            .unwrap();
        let state = snapshot.state.unwrap();
        assert_eq!(state.callbacks, [vec![counter.0], vec![]]);

        let (mut later, mut counter) = (trainer(), Counter::default());
        later.params().load(&snapshot.file).unwrap();
        std::fs::remove_file(&snapshot.file).unwrap();
        let fit = Fit { resume: Some(&state), callbacks: &mut [&mut counter], ..validated(&validation) };
        let history = later.fit(&data, fit).unwrap();
        assert_eq!(bits(later.params()), bits(whole.params()), "from {at}");
        assert_eq!(counter.0, 15.0);
        assert_eq!(history.rows().len(), 3);
        for (a, b) in history.rows().iter().zip(wanted.rows()) {
            assert_eq!(
                (&a.train, &a.validation, a.learning_rate),
                (&b.train, &b.validation, b.learning_rate)
            );
        }
        let other = Fit { resume: Some(&state), batch_size: 16, ..validated(&validation) };
        let message = trainer().fit(&data, other).unwrap_err().to_string();
        assert!(message.contains("batch_size was 32 and is 16"), "{message}");
        let other = Fit { resume: Some(&state), seed: Some(6), ..validated(&validation) };
        assert!(trainer().fit(&data, other).unwrap_err().to_string().contains("the seed was 5 and is 6"));
        let other = Fit { resume: Some(&state), ..validated(&validation) };
        let message = trainer().fit(&data.take(100), other).unwrap_err().to_string();
        assert!(message.contains("training samples was 135 and is 100"), "{message}");
    }
}

#[test]
fn settings_that_make_no_sense_are_named() {
    let error = |fit: Fit<'_>| trainer().fit(&blobs(), fit).unwrap_err().to_string();
    let held = blobs();
    assert!(error(Fit { accumulate: 0, ..quiet() }).contains("accumulate is 0"));
    assert!(error(Fit { clip_value: Some(-1.0), ..quiet() }).contains("clip_value is -1"));
    assert!(error(Fit { validation_split: 1.0, ..quiet() }).contains("validation_split is 1"));
    assert!(error(Fit { validate: Validate::Steps(0), ..quiet() }).contains("validate is Steps(0)"));
    let both = Fit { validation_split: 0.5, validation: Some(&held), ..quiet() };
    assert!(error(both).contains("there is a validation set"));
    let nothing = |_| Vec::<anygrad_data::Batch>::new();
    let message = trainer().fit_batches(nothing, quiet()).unwrap_err().to_string();
    assert_eq!(message, "the training set is empty");
    let split = Fit { validation_split: 0.5, ..quiet() };
    assert!(trainer().fit_batches(nothing, split).unwrap_err().to_string().contains("needs a data set"));
}
