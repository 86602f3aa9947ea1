use anygrad_data::Dataset;
use anygrad_graph::Tensor;
use anygrad_nn::{Layer, Loss, Optimizer};

use crate::source::{Source, Weighted, not_empty};
use crate::{Chart, Fit, Progress, Result, TrainError, Trainer};

/// How [`Trainer::find_learning_rate`] searches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RateFinder {
    /// The first rate; 1e-7.
    pub lowest: f64,
    /// The last rate; 10.
    pub highest: f64,
    /// How many rates are tried; 100.
    pub steps: usize,
    /// Samples a step; 64.
    pub batch_size: usize,
    /// How much of the smoothed loss stays from step to step, in [0, 1); 0.9.
    pub smoothing: f64,
    /// Ends the search where the smoothed loss is so many times the lowest; 4.
    pub diverged: f64,
}

impl Default for RateFinder {
    fn default() -> Self {
        Self { lowest: 1e-7, highest: 10.0, steps: 100, batch_size: 64, smoothing: 0.9, diverged: 4.0 }
    }
}

impl RateFinder {
    fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(TrainError::Setting { message });
        let rates = self.lowest > 0.0 && self.lowest < self.highest && self.highest.is_finite();
        if !rates {
            let (low, high) = (self.lowest, self.highest);
            return wrong(format!(
                "the rates go from {low} to {high}; they must be above 0, finite and ascending"
            ));
        }
        if self.steps < 2 {
            return wrong(format!("steps is {}; it must be at least 2", self.steps));
        }
        if !(0.0..1.0).contains(&self.smoothing) {
            return wrong(format!("smoothing is {}; it must be in [0, 1)", self.smoothing));
        }
        if self.diverged.is_nan() || self.diverged <= 1.0 {
            return wrong(format!("diverged is {}; it must be above 1", self.diverged));
        }
        Ok(())
    }

    /// `lowest · (highest/lowest)^(at/(steps − 1))`.
    fn rate(&self, at: usize) -> f64 {
        let part = at as f64 / (self.steps.saturating_sub(1)).max(1) as f64;
        self.lowest * (self.highest / self.lowest).powf(part)
    }
}

/// The loss at each learning rate that [`Trainer::find_learning_rate`] tried.
#[derive(Clone, Debug, PartialEq)]
pub struct RateCurve {
    /// The rates, ascending.
    pub rates: Vec<f64>,
    /// The loss of the step that was made with each, before it.
    pub losses: Vec<f64>,
    /// The losses as running average, `sᵢ = Σⱼ βⁱ⁻ʲ(1 − β)·lⱼ / (1 − βⁱ⁺¹)`.
    pub smoothed: Vec<f64>,
}

impl RateCurve {
    /// The rate at which the smoothed loss falls fastest along the logarithm of the rate; `None` if it never falls.
    pub fn suggestion(&self) -> Option<f64> {
        let slope = |at: &usize| {
            let (before, after) = (at.checked_sub(1)?, at + 1);
            let rise = self.smoothed.get(after)? - self.smoothed.get(before)?;
            Some(rise / (self.rates.get(after)?.ln() - self.rates.get(before)?.ln()))
        };
        let falls = (0..self.rates.len()).filter_map(|at| Some((at, slope(&at)?)));
        let steepest = falls.filter(|(_, slope)| *slope < 0.0).min_by(|a, b| a.1.total_cmp(&b.1))?;
        self.rates.get(steepest.0).copied()
    }

    /// The smoothed loss over the logarithm (to base 10) of the rate.
    pub fn chart(&self) -> Chart {
        let points = self.rates.iter().map(|rate| rate.log10()).zip(self.smoothed.iter().copied());
        Chart::new("Learning rate").x_label("log10 of the learning rate").y_label("loss").line("loss", points)
    }
}

impl<M, L, O> Trainer<M, L, O>
where
    M: Layer,
    L: Loss,
    O: Optimizer,
{
    /// Looks for a learning rate (Smith 2017, Cyclical learning rates for training neural networks): trains with rates
    /// that grow from step to step until the loss grows, and suggests the one at which it fell fastest. Then
    /// everything is put back as it was, bit for bit: parameters, running averages, the optimizer's state.
    ///
    /// ```
    /// use anygrad_data::synthetic;
    /// use anygrad_graph::Device;
    /// use anygrad_nn::{Linear, Params, Sgd, cross_entropy};
    /// use anygrad_train::{RateFinder, Trainer};
    /// let params = Params::new(&Device::cpu(), 42);
    /// let mut trainer = Trainer::new(Linear::new(params.at("fc"), 2, 3), params, cross_entropy, Sgd::default());
    /// let data = synthetic::blobs(300, 3, 0.2, 7)?;
    /// let curve = trainer.find_learning_rate(&data, RateFinder::default())?;
    /// assert!(curve.suggestion().is_some_and(|rate| rate > 1e-3));
    /// # Ok::<(), anygrad_train::TrainError>(())
    /// ```
    ///
    /// # Errors
    /// A setting, a layer, the loss or the data is wrong; the device failed. Everything is put back also then.
    pub fn find_learning_rate(&mut self, train: &Dataset, finder: RateFinder) -> Result<RateCurve> {
        not_empty("training", Some(train))?;
        finder.check()?;
        let (before, steps) = (self.params.snapshot()?, self.steps);
        let curve = self.sweep(train, &finder);
        self.steps = steps;
        self.params.restore(&before)?;
        curve
    }

    fn sweep(&mut self, train: &Dataset, finder: &RateFinder) -> Result<RateCurve> {
        let fit = Fit { batch_size: finder.batch_size, progress: Progress::hidden(), ..Fit::default() };
        let mut source = Source::dataset(train, None, &fit, self.params.seed())?;
        let mut run = self.begin(fit, Some(train.len()), None);
        let mut curve = RateCurve { rates: Vec::new(), losses: Vec::new(), smoothed: Vec::new() };
        let (mut average, mut lowest) = (0.0, f64::INFINITY);
        let mut epoch = 0;
        let mut batches = Vec::new().into_iter();
        for at in 0..finder.steps {
            let batch = match batches.next() {
                Some(batch) => batch,
                None => {
                    epoch += 1;
                    batches = source.epoch(epoch)?.collect::<Result<Vec<Weighted>>>()?.into_iter();
                    let Some(batch) = batches.next() else { break };
                    batch
                }
            };
            run.position.set_rate(finder.rate(at))?;
            let loss = self.record(&[batch], &mut run)?.loss;
            let roots: Vec<&Tensor> = run.sums.tensors().into_iter().chain([&loss]).collect();
            self.params.eval(&roots)?;
            self.steps += 1;
            let loss = loss.item_f64()?;
            average = finder.smoothing * average + (1.0 - finder.smoothing) * loss;
            let smoothed = average / (1.0 - finder.smoothing.powf((at + 1) as f64));
            if !smoothed.is_finite() || smoothed > finder.diverged * lowest {
                break;
            }
            lowest = lowest.min(smoothed);
            curve.rates.push(finder.rate(at));
            curve.losses.push(loss);
            curve.smoothed.push(smoothed);
        }
        Ok(curve)
    }
}
