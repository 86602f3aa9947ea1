use anygrad_graph::{DType, Device, Tensor};

use super::space::Space;
use super::within;
use crate::error::{Error, Result};
use crate::params::Params;

/// Newton's method for few parameters: `w = w − (H + damping·I)⁻¹·g` with the matrix `H` of all second derivatives.
///
/// One step solves a convex quadratic. Elsewhere the step leads to any point where the gradient is 0, saddles
/// included, and its length is not limited. A `damping` above the size of the most negative eigenvalue of `H`
/// (Levenberg 1944) makes the matrix positive definite, and every step one that leads down. For more parameters see
/// [`Lbfgs`](crate::Lbfgs).
///
/// ```
/// use anygrad_graph::Device;
/// use anygrad_nn::{Init, Newton, Params};
/// let params = Params::new(&Device::cpu(), 42);
/// let w = params.at("w").parameter("", [2], Init::Zeros);
/// let found = Newton::default().minimize(&params, || (w.tensor() - 3.0).square().sum_all())?;
/// assert_eq!(found.losses, [18.0, 0.0]);
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Newton {
    /// Added to the diagonal of the matrix; 0.
    pub damping: f64,
    /// How many steps there are at most; 20.
    pub max_iter: usize,
    /// It is done when no element of the gradient is larger; 1e-7.
    pub tolerance_grad: f64,
}

impl Default for Newton {
    fn default() -> Self {
        Self { damping: 0.0, max_iter: 20, tolerance_grad: 1e-7 }
    }
}

/// What [`Newton::minimize`] has done.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct NewtonReport {
    /// The loss at first and after each step.
    pub losses: Vec<f64>,
    /// Whether the gradient is as good as 0.
    pub converged: bool,
}

impl NewtonReport {
    /// The loss in the end.
    pub fn loss(&self) -> f64 {
        self.losses.last().copied().unwrap_or(f64::NAN)
    }
}

/// The matrix has the square of this many elements, and a gradient is recorded for each row.
const MOST: usize = 512;

impl Newton {
    /// Takes steps with the parameters that are not frozen until the gradient is as good as 0. `loss` records the loss
    /// anew with each call, and gives the same for the same parameters. The system is solved in f64 on the CPU.
    ///
    /// # Errors
    /// A setting out of range; more than 512 scalars to train; the loss or a derivative was recorded with an error; the
    /// matrix is singular; the device failed. The parameters are those of the last whole step then.
    #[track_caller]
    pub fn minimize(&self, params: &Params, mut loss: impl FnMut() -> Tensor) -> Result<NewtonReport> {
        within("Newton", "damping", self.damping, 0.0, f64::INFINITY)?;
        within("Newton", "tolerance_grad", self.tolerance_grad, 0.0, f64::INFINITY)?;
        let mut space = Space::new("Newton", params, &mut loss)?;
        if space.len() > MOST {
            let message = format!("there are {} scalars to train; at most {MOST} can be", space.len());
            return Err(Error::Setting { what: "Newton", message });
        }
        let damping = Tensor::eye(space.len(), space.len(), DType::F64, &Device::cpu()) * self.damping;
        let mut found = NewtonReport { losses: Vec::new(), converged: false };
        loop {
            let (value, gradient, matrix) = space.curvature()?;
            found.losses.push(value);
            found.converged = gradient.abs().max_all().item_f64()? <= self.tolerance_grad;
            if found.converged || found.losses.len() > self.max_iter {
                return Ok(found);
            }
            space.go_by(&-(matrix + &damping).solve(&gradient))?;
        }
    }
}
