use anygrad_graph::{DType, Tensor};

use super::Reduction;
use super::operands::single;

/// Log-probability of what cannot be. Finite, as the difference of two infinities would be NaN, in gradients too.
const NEVER: f64 = -1e30;

/// Connectionist temporal classification (Graves et al. 2006): `−ln p(target | scores)`, where the probability of a
/// target is that of all ways to spread it over the time steps, with repeats and blanks between. For sequences whose
/// alignment is not known: speech, handwriting. PyTorch's `CTCLoss`.
///
/// - scores `[n, time, classes]`, any numbers; `log_softmax` is taken here, and does not change what is already one
///   (PyTorch's order is `[time, n, classes]`);
/// - targets `[n, length]`, u32 or i32, classes other than the blank, padded to one length with anything in range;
/// - the number of steps `[n]` and of target labels `[n]` that count, u32 or i32, each at most `time` and `length`.
///
/// [`each`](Ctc::each) is `[n]`. [`Reduction::Mean`] divides each loss by its target's length (at least 1) first, then
/// takes the mean, as PyTorch.
///
/// A target that does not fit into its steps (they must be at least its length plus one between equal neighbours)
/// has the loss +∞ with gradient 0, which ends training with an error; `zero_infinity` makes it 0. Lengths out of range
/// that were given from the host are errors.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::Ctc;
/// let device = Device::cpu();
/// let scores = Tensor::zeros([1, 2, 2], &device); // two steps of {blank, a}, evenly likely
/// let target = Tensor::from_slice(&[1u32], [1, 1], &device);
/// let lengths = |n: u32| Tensor::from_slice(&[n], [1], &device);
/// let loss = Ctc::default().loss(&scores, &target, &lengths(2), &lengths(1));
/// assert!((loss.item()? + 0.75f32.ln()).abs() < 1e-6); // a-, -a and aa of four
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ctc {
    /// The class that stands for no label; 0 by default.
    pub blank: u32,
    /// Whether targets that do not fit into their steps count 0 instead of +∞; false by default.
    pub zero_infinity: bool,
    /// Mean by default.
    pub reduction: Reduction,
}

impl Ctc {
    /// The loss of each sequence, `[n]`.
    #[track_caller]
    pub fn each(&self, scores: &Tensor, targets: &Tensor, steps: &Tensor, lengths: &Tensor) -> Tensor {
        let operands = [("scores", scores), ("targets", targets), ("steps", steps), ("lengths", lengths)];
        let poisoned = operands.iter().any(|(_, x)| x.check().is_err());
        if let Some(message) =
            if poisoned { Some(String::new()) } else { self.wrong(operands.map(|(_, x)| x)) }
        {
            return Tensor::wrong("ctc", message, &operands);
        }
        let as_i32 = |x: &Tensor| x.to_dtype(DType::I32);
        let (targets, steps, lengths) = (as_i32(targets), as_i32(steps), as_i32(lengths));
        let log_p = single(scores).log_softmax(-1);
        let paths = Paths::new(self.blank, &targets, &lengths);
        let total = paths.log_probability(&log_p, &steps);
        let possible = total.gt(NEVER / 2.0);
        let never = if self.zero_infinity { 0.0 } else { f64::INFINITY };
        possible.select(-total, never)
    }

    /// The loss of the batch.
    #[track_caller]
    pub fn loss(&self, scores: &Tensor, targets: &Tensor, steps: &Tensor, lengths: &Tensor) -> Tensor {
        let each = self.each(scores, targets, steps, lengths);
        match self.reduction {
            Reduction::Mean if each.check().is_ok() => {
                (&each / lengths.to_dtype(each.dtype()).maximum(1.0)).mean_all()
            }
            _ => self.reduction.of(&each),
        }
    }

    fn wrong(&self, [scores, targets, steps, lengths]: [&Tensor; 4]) -> Option<String> {
        let (shapes, n) = (scores.shape(), targets.shape().first().copied().unwrap_or(0));
        let fits = scores.rank() == 3
            && scores.dtype().is_float()
            && targets.rank() == 2
            && scores.size(0) == n
            && [steps, lengths].iter().all(|x| x.shape()[..] == [n]);
        if !fits {
            return Some(format!(
                "takes scores [n, time, classes], targets [n, length], steps [n] and lengths [n]: scores {shapes}, \
                 targets {}, steps {}, lengths {}",
                targets.shape(),
                steps.shape(),
                lengths.shape()
            ));
        }
        let named = [("targets", targets), ("steps", steps), ("lengths", lengths)];
        if let Some((name, x)) = named.iter().find(|(_, x)| !x.dtype().is_int()) {
            return Some(format!("{name} are {}, not u32 or i32", x.dtype()));
        }
        let (time, classes) = (scores.size(1), scores.size(2));
        if time == 0 || self.blank as usize >= classes {
            return Some(format!("blank is {}; scores {shapes} need a step and that class", self.blank));
        }
        let limits = [classes.saturating_sub(1), time, targets.size(1)];
        named.iter().zip(limits).find_map(|((name, x), limit)| {
            let (low, high) = x.host_bounds()?;
            let bad = if low < 0 { low } else { high };
            (low < 0 || high > limit as i64)
                .then(|| format!("{name} have {bad}; they must be in 0..={limit}"))
        })
    }
}

/// The labels with blanks around them, `[n, 2·length + 1]`, and the moves between them.
struct Paths {
    /// The class at each place, i32.
    classes: Tensor,
    /// Whether a place may be reached from two before: from a label to the next one that differs.
    skip: Tensor,
    /// Where a path may end: at the last label and the blank behind it.
    end: Tensor,
}

impl Paths {
    #[track_caller]
    fn new(blank: u32, targets: &Tensor, lengths: &Tensor) -> Self {
        let (n, length) = (targets.size(0), targets.size(1));
        let places = 2 * length + 1;
        let device = targets.device();
        let place = |count: usize| Tensor::iota(count, device).to_dtype(DType::I32).reshape([1, count]);
        let lengths = lengths.reshape([n, 1]);
        let blank = f64::from(blank);
        // what stands behind the end of a target may be any number, a label or not
        let labels = place(length).lt(&lengths).select(targets, blank);
        let blanks = labels.full_like(blank);
        let between = Tensor::stack(&[&blanks, &labels], 2).reshape([n, 2 * length]);
        let classes = between.pad_value(&[(0, 0), (0, 1)], blank);
        let before = classes.pad_value(&[(0, 0), (2, 0)], blank).slice(1, 0, places);
        let skip = classes.ne(blank).logical_and(classes.ne(&before));
        let last = lengths * 2;
        let place = place(places);
        let end = place.eq(&last).logical_or(place.eq(last - 1));
        Self { classes, skip, end }
    }

    /// `ln Σ p(path)` over all paths, `[n]`, by the forward algorithm; about [`NEVER`] if there is none.
    #[track_caller]
    fn log_probability(&self, log_p: &Tensor, steps: &Tensor) -> Tensor {
        let (n, time, places) = (log_p.size(0), log_p.size(1), self.classes.size(1));
        let index = self.classes.unsqueeze(1).expand([n, time, places]);
        // a class that is ruled out altogether, at −∞, must not meet another one
        let emitted = log_p.gather(2, &index).maximum(NEVER);
        let steps = steps.reshape([n, 1]);
        let start = Tensor::iota(places, log_p.device()).lt(2.0).reshape([1, places]);
        let start = start.select(emitted.slice(1, 0, 1).squeeze(1), NEVER);
        // no step at all has read nothing, which is the empty target alone
        let nothing = Tensor::iota(places, log_p.device()).eq(0.0).reshape([1, places]).expand([n, places]);
        let nothing = nothing.select(0.0, start.full_like(NEVER));
        let mut alpha = steps.gt(0.0).select(start, nothing);
        for t in 1..time {
            let next = self.arrive(&alpha) + emitted.slice(1, t, 1).squeeze(1);
            alpha = steps.gt(t as f64).select(next, alpha);
        }
        self.end.select(alpha, NEVER).logsumexp(&[1])
    }

    /// What arrives at each place from itself, from one before, and by a skip from two before.
    #[track_caller]
    fn arrive(&self, alpha: &Tensor) -> Tensor {
        let places = alpha.size(1);
        let one = alpha.pad_value(&[(0, 0), (1, 0)], NEVER).slice(1, 0, places);
        let two = alpha.pad_value(&[(0, 0), (2, 0)], NEVER).slice(1, 0, places);
        let two = self.skip.select(two, NEVER);
        let largest = alpha.maximum(&one).maximum(&two).stop_gradient();
        let sum = (alpha - &largest).exp() + (one - &largest).exp() + (two - &largest).exp();
        sum.log() + largest
    }
}
