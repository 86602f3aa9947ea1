//! The one trait an op implements.

use std::any::{Any, TypeId};
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use anygrad_cpu::{CpuError, Host, Storage, View};
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{DType, Layout, Shape};

use crate::Tensor;
use crate::pointwise::Row;

/// What is known of a tensor before it is computed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Meta {
    /// Sizes of the axes.
    pub shape: Shape,
    /// Type of the elements.
    pub dtype: DType,
}

impl Meta {
    /// A tensor of `shape` and `dtype`.
    pub fn new(shape: impl Into<Shape>, dtype: DType) -> Self {
        Self { shape: shape.into(), dtype }
    }
}

/// How the planner treats an op.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Kind {
    /// A value that exists already.
    Leaf,
    /// A scalar given at run time.
    Number,
    /// The numbers 0, 1, 2 …; never stored, computed where it is read.
    Iota,
    /// Another way of reading the first input's elements; see [`Op::view`]. Further inputs are only waited for,
    /// as far as something else needs them.
    View,
    /// A row of the pointwise table; fuses with its neighbours.
    Pointwise(&'static Row),
    /// A kernel of its own: [`Op::eval`] on the CPU, [`Op::lower`] on a GPU.
    Kernel,
}

/// What a gradient rule is given.
pub struct Vjp<'a> {
    /// The op's inputs.
    pub inputs: &'a [Tensor],
    /// The op's output.
    pub output: &'a Tensor,
    /// The gradient of the loss with respect to the output; same shape as the output.
    pub grad: &'a Tensor,
}

/// The gradient for each input; `None` where the op has no derivative in that input.
pub type Gradients = Vec<Option<Tensor>>;

/// An operation on tensors, in one place: shape rule, gradient, CPU meaning and GPU lowering.
///
/// Attributes are integers, axes and flags, so `Eq` and `Hash` derive; numbers that may change from step to
/// step are inputs made by [`Tensor::number`], and no part of the op.
pub trait Op: OpKey + Debug + Send + Sync + 'static {
    /// The name used in messages and programs.
    fn name(&self) -> &'static str;

    /// Checks the inputs and gives the output's shape and dtype, or what is wrong. Every check is here.
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String>;

    /// How the planner treats this op.
    fn kind(&self) -> Kind {
        Kind::Kernel
    }

    /// Whether only the CPU device computes this op; recording it on another is an error.
    fn cpu_only(&self) -> bool {
        false
    }

    /// The gradients of the inputs, recorded from the gradient of the output. `None`: not differentiable.
    ///
    /// A gradient may have the shape its input was broadcast to; it is summed back where it is used.
    fn vjp(&self, _: &Vjp<'_>) -> Option<Gradients> {
        None
    }

    /// Whether the output is the first input under another gradient rule: programs leave such an op out, together
    /// with its other inputs.
    fn is_alias(&self) -> bool {
        false
    }

    /// Whether the output counts as a constant for gradients.
    fn stops_gradient(&self) -> bool {
        false
    }

    /// For [`Kind::View`]: the layout of the output, given that of the input; `None` if a copy is needed.
    fn view(&self, _: &Layout) -> Option<Layout> {
        None
    }

    /// For [`Kind::Kernel`]: computes the output on the CPU.
    fn eval(&self, _: &Host, _: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        Err(CpuError::Unsupported { op: self.name(), dtype: DType::F32 })
    }

    /// For [`Kind::Kernel`]: the kernels that compute the output on a GPU.
    fn lower(&self, _: &[Layout], _: &[DType], _: &Meta, _: &Caps) -> Result<Lowered, DeviceError> {
        // not an empty list of kernels, which would leave the output as the memory happened to be
        Err(crate::ops::no_kernel(self.name()))
    }

    /// For [`Kind::Kernel`]: whether a GPU kernel computes the pointwise producer of its input while it reads.
    fn reduction(&self) -> Option<(anygrad_device::kernels::reduce::Reduce, &[usize])> {
        None
    }

    /// For [`Kind::Kernel`]: whether a GPU kernel can store its output, of f32, through the pointwise program that reads
    /// it; see [`Op::lower_then`].
    fn stores_through(&self) -> bool {
        false
    }

    /// As [`Op::lower`], and then the program `tail` over the output, whose outputs are stored instead. Its buffers are
    /// numbered with those of the inputs. [`DeviceError::Unsupported`] has the two run one after the other.
    fn lower_then(
        &self,
        _: &[Layout],
        _: &[DType],
        _tail: &anygrad_device::kernels::Pointwise,
        _: &Caps,
    ) -> Result<Lowered, DeviceError> {
        Err(crate::ops::no_kernel(self.name()))
    }

    /// The attributes in a line of a program: nothing, or what `Debug` says behind the type's name.
    fn attributes(&self) -> String {
        let text = format!("{self:?}");
        text.find(['(', '{']).map(|at| text[at..].trim().to_string()).unwrap_or_default()
    }

    /// Arithmetic operations, for `explain`: one for each element read, unless the op knows better.
    fn flops(&self, inputs: &[&Meta], _output: &Meta) -> u64 {
        inputs.iter().map(|meta| meta.shape.numel() as u64).max().unwrap_or(0)
    }

    /// What to call input `i` of `count` in messages.
    fn label(&self, i: usize, count: usize) -> String {
        match (i, count) {
            (_, 1) => "input".into(),
            (0, 2) => "left".into(),
            (1, 2) => "right".into(),
            _ => format!("input {i}"),
        }
    }
}

/// Comparison of ops behind `dyn`; implemented for every op that is `Eq + Hash`.
pub trait OpKey {
    /// Whether the other op is of the same type with the same attributes.
    fn same(&self, other: &dyn Op) -> bool;
    /// Hashes type and attributes.
    fn hash_key(&self, state: &mut dyn Hasher);
    /// For downcasts.
    fn as_any(&self) -> &dyn Any;
}

impl<T: Op + Eq + Hash> OpKey for T {
    fn same(&self, other: &dyn Op) -> bool {
        other.as_any().downcast_ref::<T>() == Some(self)
    }

    fn hash_key(&self, mut state: &mut dyn Hasher) {
        TypeId::of::<T>().hash(&mut state);
        self.hash(&mut state);
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A shared op. Rows of the pointwise table are static, so recording one allocates only its node.
#[derive(Clone, Debug)]
pub enum OpRef {
    /// A row of a table.
    Static(&'static dyn Op),
    /// An op with attributes.
    Shared(Arc<dyn Op>),
}

impl Deref for OpRef {
    type Target = dyn Op;
    fn deref(&self) -> &dyn Op {
        match self {
            Self::Static(op) => *op,
            Self::Shared(op) => &**op,
        }
    }
}

impl PartialEq for OpRef {
    fn eq(&self, other: &Self) -> bool {
        (**self).same(&**other)
    }
}

impl Eq for OpRef {}

impl Hash for OpRef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (**self).hash_key(state);
    }
}

impl<T: Op> From<T> for OpRef {
    fn from(op: T) -> Self {
        Self::Shared(Arc::new(op))
    }
}
