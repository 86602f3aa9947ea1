//! Training in mixed precision: f32 parameters, f16 layers, and a loss scaled so that f16 gradients do not vanish.

use std::cell::Cell;

use anygrad_graph::{DType, Device, Tensor};

use crate::error::{Error, Result};
use crate::gradients::Gradients;
use crate::optim::Optimizer;
use crate::params::Params;

thread_local! {
    static CAST: Cell<Option<DType>> = const { Cell::new(None) };
}

/// The dtype that layers are to see parameters in.
pub(crate) fn cast() -> Option<DType> {
    CAST.get()
}

/// Runs `body` with another answer of [`cast`], and puts the old one back, also after a panic.
fn casting<T>(dtype: Option<DType>, body: impl FnOnce() -> T) -> T {
    struct Back(Option<DType>);
    impl Drop for Back {
        fn drop(&mut self) {
            CAST.set(self.0);
        }
    }
    let _back = Back(CAST.replace(dtype));
    body()
}

/// Runs `body`, in which layers see their f32 parameters as `dtype`: with [`DType::F16`] a forward pass on an f16
/// input keeps all activations, and reads all weights, in half of the memory. The parameters themselves stay f32, and
/// so do their gradients and the optimizer's state. Holds for this thread; named after PyTorch's `torch.autocast`.
///
/// Inputs are cast by the caller, and the loss is best taken in f32:
///
/// ```
/// use anygrad_graph::{DType, Device, Tensor};
/// use anygrad_nn::{Ctx, Layer, Linear, Params, autocast, mse};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let fc = Linear::new(params.at("fc"), 2, 1);
/// let x = Tensor::ones([3, 2], &device).to_dtype(DType::F16);
/// let y = autocast(DType::F16, || fc.forward(&x, &mut Ctx::train(0)));
/// assert_eq!(y.dtype(), DType::F16);
/// let loss = mse(&y.to_dtype(DType::F32), &Tensor::zeros([3, 1], &device));
/// let gradients = params.grad(&loss);
/// assert!(gradients.iter().all(|(_, gradient)| gradient.dtype() == DType::F32));
/// ```
///
/// Numbers in f16 end at 65504, and below 6e-8 they are 0: [`LossScale`] keeps gradients between the two.
pub fn autocast<T>(dtype: DType, body: impl FnOnce() -> T) -> T {
    casting(Some(dtype), body)
}

/// What `body` makes of `x` in the parameters' own dtype, or in f32 if that is f16, in the dtype of `x`: for layers that
/// keep running averages, which are not to be rounded, and for those that take squares, which leave the range of f16
/// where their means' roots do not.
pub(crate) fn in_full(x: &Tensor, full: DType, body: impl FnOnce(&Tensor) -> Tensor) -> Tensor {
    let (wide, seen) = match full {
        DType::F16 => (DType::F32, Some(DType::F32)),
        _ => (full, None),
    };
    match x.dtype() == DType::F16 || cast().is_some() && x.dtype() != full {
        true => casting(seen, || body(&x.to_dtype(wide)).to_dtype(x.dtype())),
        false => body(x),
    }
}

/// Runs `body`, in which layers see parameters as they are.
pub(crate) fn uncast<T>(body: impl FnOnce() -> T) -> T {
    casting(None, body)
}

/// The factor of a loss whose gradients pass through f16, found while training runs (Micikevicius et al. 2018, Mixed
/// precision training; the rules and defaults of PyTorch's `GradScaler`). The scale is halved when a gradient is not
/// finite, and that step changes nothing; it is doubled after 2,000 steps in a row without one. Both happen on the
/// device, in the plan of the step: nothing is read back.
///
/// ```
/// use anygrad_graph::{DType, Device, Tensor};
/// use anygrad_nn::{Adam, Ctx, Layer, Linear, LossScale, Params, autocast, mse};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let fc = Linear::new(params.at("fc"), 2, 1);
/// let mut scale = LossScale::new(&device);
/// for _ in 0..3 {
///     let x = Tensor::ones([3, 2], &device).to_dtype(DType::F16);
///     let y = autocast(DType::F16, || fc.forward(&x, &mut Ctx::train(0)));
///     let loss = mse(&y.to_dtype(DType::F32), &Tensor::zeros([3, 1], &device));
///     let gradients = scale.unscaled(params.grad(&scale.scaled(&loss)));
///     scale.apply(&Adam::default(), &params, gradients, 0.01)?;
///     params.eval(&scale.tensors())?;
/// }
/// assert_eq!(scale.read()?, [65536.0, 3.0]);
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LossScale {
    /// f32.
    scale: Tensor,
    /// Steps since the scale changed, f32.
    good: Tensor,
    growth: f64,
    backoff: f64,
    interval: u64,
}

impl LossScale {
    /// A scale that starts at 2¹⁶, is doubled after 2,000 good steps, and halved by a bad one.
    pub fn new(device: &Device) -> Self {
        let leaf = |value: f32| Tensor::from_slice(&[value], [], device);
        Self { scale: leaf(65536.0), good: leaf(0.0), growth: 2.0, backoff: 0.5, interval: 2000 }
    }

    /// Starts, or goes on, at `scale` after `good` good steps.
    ///
    /// # Errors
    /// `scale` is not finite or not above 0, or `good` is below 0.
    pub fn starting_at(mut self, [scale, good]: [f64; 2]) -> Result<Self> {
        if !(scale.is_finite() && scale > 0.0 && good >= 0.0) {
            let message =
                format!("the scale is {scale} after {good} good steps; it must be finite and above 0");
            return Err(Error::Setting { what: "LossScale", message });
        }
        let device = self.scale.device().clone();
        self.scale = Tensor::from_slice(&[scale as f32], [], &device);
        self.good = Tensor::from_slice(&[good as f32], [], &device);
        Ok(self)
    }

    /// After how many good steps in a row the scale is doubled; 2,000.
    #[must_use]
    pub fn interval(mut self, steps: u64) -> Self {
        self.interval = steps;
        self
    }

    /// `loss · scale`, what to take gradients of.
    #[track_caller]
    pub fn scaled(&self, loss: &Tensor) -> Tensor {
        loss * self.scale.to_dtype(loss.dtype())
    }

    /// `gradients / scale`: those of the loss itself. Clip these.
    #[track_caller]
    pub fn unscaled(&self, gradients: Gradients) -> Gradients {
        gradients.map(|_, gradient| gradient / self.scale.to_dtype(gradient.dtype()))
    }

    /// Records the update of an optimizer with unscaled gradients, which takes place only if all of them are finite,
    /// and the next scale. Follow it with [`Params::eval`] of [`tensors`](LossScale::tensors).
    ///
    /// # Errors
    /// As [`Optimizer::apply`].
    #[track_caller]
    pub fn apply(
        &mut self,
        optimizer: &(impl Optimizer + ?Sized),
        params: &Params,
        gradients: Gradients,
        lr: f64,
    ) -> Result<()> {
        let finite = gradients.all_finite();
        params.only_if(&finite, || optimizer.apply(params, gradients, lr))?;
        let good = finite.select(&self.good + 1.0, 0.0);
        let grows = good.ge(self.interval as f64);
        // nor does one that is halved again and again become 0
        let scale = finite.select(&self.scale, (&self.scale * self.backoff).maximum(2f64.powi(-24)));
        // a scale that is doubled again and again does not become infinite
        let grown = (&scale * self.growth).minimum(f64::from(f32::MAX) / 4.0);
        self.scale = grows.select(grown, scale);
        self.good = grows.select(0.0, good);
        Ok(())
    }

    /// What has to be evaluated with the step.
    pub fn tensors(&self) -> [&Tensor; 2] {
        [&self.scale, &self.good]
    }

    /// The scale, and the good steps since it changed. Read from the device, which waits for it.
    ///
    /// # Errors
    /// The device failed.
    pub fn read(&self) -> Result<[f64; 2]> {
        Ok([self.scale.item_f64()?, self.good.item_f64()?])
    }
}
