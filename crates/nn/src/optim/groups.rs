use anygrad_graph::Tensor;

use super::{Optimizer, known, within};
use crate::error::Result;
use crate::glob::fits;
use crate::params::Params;

/// Parameter groups: other settings, another rate, or none at all for the parameters whose paths fit a pattern, in
/// which `*` stands for any characters and `?` for one. Where several patterns of one kind fit, the last counts.
///
/// ```
/// use anygrad_nn::{AdamW, Groups};
///
/// let optimizer = Groups::new(AdamW::default())
///     .with("*.bias", |o| AdamW { weight_decay: 0.0, ..*o }) // biases do not shrink
///     .rate("embedding*", 0.1) // moves a tenth as fast
///     .freeze("backbone.*"); // does not move at all
/// # drop(optimizer);
/// ```
///
/// All groups are one step, and one plan. A pattern that fits no parameter is an error of the step.
#[doc(alias = "param_groups")]
#[derive(Clone, Debug, PartialEq)]
pub struct Groups<O> {
    base: O,
    settings: Vec<(String, O)>,
    rates: Vec<(String, f64)>,
    frozen: Vec<String>,
}

impl<O: Optimizer> Groups<O> {
    /// `base` for all parameters that no pattern fits.
    pub fn new(base: O) -> Self {
        Self { base, settings: Vec::new(), rates: Vec::new(), frozen: Vec::new() }
    }

    /// Other settings for the parameters that fit `pattern`, made from those of the base.
    #[must_use]
    pub fn with(mut self, pattern: impl Into<String>, settings: impl FnOnce(&O) -> O) -> Self {
        let settings = settings(&self.base);
        self.settings.push((pattern.into(), settings));
        self
    }

    /// `factor` times the learning rate of the step for the parameters that fit `pattern`.
    #[must_use]
    pub fn rate(mut self, pattern: impl Into<String>, factor: f64) -> Self {
        self.rates.push((pattern.into(), factor));
        self
    }

    /// Leaves the parameters that fit `pattern` as they are, and keeps no state for them.
    /// [`Params::freeze`] does it in the store, for all optimizers.
    #[must_use]
    pub fn freeze(mut self, pattern: impl Into<String>) -> Self {
        self.frozen.push(pattern.into());
        self
    }

    /// The settings for the parameter at `path`.
    pub fn settings(&self, path: &str) -> &O {
        last(&self.settings, path).unwrap_or(&self.base)
    }
}

fn last<'a, T>(list: &'a [(String, T)], path: &str) -> Option<&'a T> {
    list.iter().rev().find(|(pattern, _)| fits(pattern, path)).map(|(_, value)| value)
}

impl<O: Optimizer> Optimizer for Groups<O> {
    fn state(&self) -> &'static [&'static str] {
        self.base.state()
    }

    fn update(&self, step: u64, lr: f64, w: &Tensor, g: &Tensor, state: &[Tensor]) -> (Tensor, Vec<Tensor>) {
        self.base.update(step, lr, w, g, state)
    }

    fn check(&self) -> Result<()> {
        self.base.check()?;
        self.settings.iter().try_for_each(|(_, settings)| settings.check())?;
        let mut factors = self.rates.iter().map(|&(_, factor)| factor);
        factors.try_for_each(|factor| within("Groups", "a rate's factor", factor, 0.0, f64::INFINITY))
    }

    fn default_rate(&self) -> f64 {
        self.base.default_rate()
    }

    fn state_at(&self, path: &str) -> &'static [&'static str] {
        self.settings(path).state_at(path)
    }

    fn update_at(
        &self,
        path: &str,
        step: u64,
        lr: f64,
        w: &Tensor,
        g: &Tensor,
        state: &[Tensor],
    ) -> (Tensor, Vec<Tensor>) {
        let lr = lr * last(&self.rates, path).unwrap_or(&1.0);
        self.settings(path).update_at(path, step, lr, w, g, state)
    }

    fn trains(&self, path: &str) -> bool {
        !self.frozen.iter().any(|pattern| fits(pattern, path)) && self.settings(path).trains(path)
    }

    fn check_for(&self, params: &Params) -> Result<()> {
        let settings = self.settings.iter().map(|(pattern, _)| pattern);
        let rates = self.rates.iter().map(|(pattern, _)| pattern);
        settings.chain(rates).chain(&self.frozen).try_for_each(|pattern| known(params, pattern))?;
        self.base.check_for(params)
    }
}
