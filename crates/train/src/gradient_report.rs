use std::fmt;

use anygrad_data::Batch;
use anygrad_graph::{DType, Tensor};
use anygrad_nn::{Gradients, Layer, Loss, Optimizer};

use crate::step::{Pass, unweighted};
use crate::table::{Align, Table};
use crate::{Result, Trainer};

/// How gradients flow through a model; see [`Trainer::gradient_report`]. `Display` draws a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GradientReport {
    /// The trained parameters, in the order of the store.
    pub rows: Vec<GradientRow>,
}

/// The gradient of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientRow {
    /// The parameter's path.
    pub path: String,
    /// The mean of |g|; NaN for a gradient that is missing.
    pub mean: f64,
    /// The largest |g|.
    pub max: f64,
    /// The share of elements that are 0, in [0, 1].
    pub zeros: f64,
    /// `√Σ g²`.
    pub norm: f64,
    /// What is odd about it, if anything.
    pub flaw: Option<Flaw>,
}

/// What may be odd about a gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The loss does not depend on the parameter. Training would be an error: freeze it, or use it.
    Missing,
    /// An element is NaN or infinite.
    NotFinite,
    /// Every element is 0: dead units, or a mask.
    Zero,
    /// Larger than 1000 somewhere. A lower learning rate, normalisation and clipping help.
    Exploding,
    /// The mean of |g| is below 10⁻⁷, or below 10⁻⁵ of that of another parameter of the same rank. Other activations,
    /// normalisation, residual connections and other initial values help.
    Vanishing,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing => "missing",
            Self::NotFinite => "not finite",
            Self::Zero => "zero",
            Self::Exploding => "exploding",
            Self::Vanishing => "vanishing",
        })
    }
}

impl GradientReport {
    /// The row of the parameter at `path`.
    pub fn get(&self, path: &str) -> Option<&GradientRow> {
        self.rows.iter().find(|row| row.path == path)
    }

    /// The rows with something odd about them.
    pub fn flawed(&self) -> impl Iterator<Item = &GradientRow> {
        self.rows.iter().filter(|row| row.flaw.is_some())
    }

    /// Reads the numbers of `gradients`, all in one run.
    fn read(gradients: &Gradients) -> Result<Self> {
        let numbers = |g: &Tensor| {
            let g = g.to_dtype(DType::F32);
            let size = g.abs();
            [
                size.mean_all(),
                size.max_all(),
                g.eq(0.0).to_dtype(DType::F32).mean_all(),
                g.square().sum_all().sqrt(),
            ]
        };
        let recorded: Vec<(&str, Option<[Tensor; 4]>)> =
            gradients.iter().map(|(path, g)| (path, g.check().is_ok().then(|| numbers(g)))).collect();
        let all: Vec<&Tensor> = recorded.iter().flat_map(|(_, numbers)| numbers.iter().flatten()).collect();
        anygrad_graph::eval(&all)?;
        let mut rows = Vec::with_capacity(recorded.len());
        let mut ranks = Vec::with_capacity(recorded.len());
        for ((path, numbers), (_, g)) in recorded.into_iter().zip(gradients.iter()) {
            let [mean, max, zeros, norm] = match &numbers {
                Some([mean, max, zeros, norm]) => {
                    [mean.item_f64()?, max.item_f64()?, zeros.item_f64()?, norm.item_f64()?]
                }
                None => [f64::NAN; 4],
            };
            let flaw = match () {
                () if numbers.is_none() => Some(Flaw::Missing),
                () if !(mean.is_finite() && max.is_finite()) => Some(Flaw::NotFinite),
                () if max == 0.0 => Some(Flaw::Zero),
                () if max > 1e3 => Some(Flaw::Exploding),
                () => None,
            };
            rows.push(GradientRow { path: path.to_owned(), mean, max, zeros, norm, flaw });
            ranks.push(if numbers.is_some() { g.rank() } else { 0 });
        }
        let mut report = Self { rows };
        report.flag_vanishing(&ranks);
        Ok(report)
    }

    fn flag_vanishing(&mut self, ranks: &[usize]) {
        let finite = |row: &GradientRow| if row.mean.is_finite() { row.mean } else { 0.0 };
        let largest: Vec<f64> = ranks
            .iter()
            .map(|rank| {
                let same = self.rows.iter().zip(ranks).filter(|(_, other)| *other == rank);
                same.map(|(row, _)| finite(row)).fold(0.0, f64::max)
            })
            .collect();
        for (row, largest) in self.rows.iter_mut().zip(largest) {
            if row.flaw.is_none() && (row.mean < 1e-7 || row.mean < 1e-5 * largest) {
                row.flaw = Some(Flaw::Vanishing);
            }
        }
    }
}

impl fmt::Display for GradientReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let right = |title| (title, Align::Right);
        let titles = [
            ("Gradient of", Align::Left),
            right("mean |g|"),
            right("max |g|"),
            right("zeros"),
            right("norm"),
            ("", Align::Left),
        ];
        let mut table = Table::new(titles);
        for row in &self.rows {
            let number = |value: f64| if value.is_nan() { "-".to_owned() } else { format!("{value:.3e}") };
            let zeros =
                if row.zeros.is_nan() { "-".to_owned() } else { format!("{:.1} %", row.zeros * 100.0) };
            let flaw = row.flaw.map_or(String::new(), |flaw| flaw.to_string());
            table.row([row.path.clone(), number(row.mean), number(row.max), zeros, number(row.norm), flaw]);
        }
        table.fmt(f)
    }
}

impl<M, L, O> Trainer<M, L, O>
where
    M: Layer,
    L: Loss,
    O: Optimizer,
{
    /// How gradients flow: the size of the gradient of the loss of `batch` for every trained parameter, and what is
    /// odd about it: missing, zero, exploding, vanishing. Nothing changes.
    ///
    /// ```
    /// use anygrad_data::synthetic;
    /// use anygrad_graph::Device;
    /// use anygrad_nn::{Adam, Init, Linear, Params, Sequential, cross_entropy, relu};
    /// use anygrad_train::{Flaw, Trainer};
    /// let params = Params::new(&Device::cpu(), 42);
    /// // units that are never active
    /// let dead = Linear::new(params.at("fc1"), 2, 4).bias_init(Init::Constant(-100.0));
    /// let model = Sequential::new().then(dead).then(relu).then(Linear::new(params.at("fc2"), 4, 3));
    /// let trainer = Trainer::new(model, params, cross_entropy, Adam::default());
    /// let batch = synthetic::blobs(30, 3, 0.1, 7)?.batches(30)?.iter().next();
    /// let report = trainer.gradient_report(&batch.ok_or("empty")?)?;
    /// assert_eq!(report.get("fc1.weight").and_then(|row| row.flaw), Some(Flaw::Zero));
    /// assert_eq!(report.get("fc2.bias").map(|row| row.flaw), Some(None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// A layer or the loss is wrong; the device failed.
    pub fn gradient_report(&self, batch: &Batch) -> Result<GradientReport> {
        let mut pass = Pass::plain(self.params.seed(), self.steps);
        let loss = self.loss_of(&unweighted(batch.clone()), &mut pass, None)?;
        loss.check()?;
        let report = GradientReport::read(&self.params.grad(&loss));
        drop(loss);
        self.forget_averages()?;
        report
    }

    /// Leaves out the running averages that forward passes have recorded since the last run.
    pub(crate) fn forget_averages(&self) -> Result<()> {
        let never = Tensor::from_slice(&[false], [], self.params.device());
        self.params.only_if(&never, || Ok(()))?;
        Ok(self.params.eval(&[])?)
    }
}
