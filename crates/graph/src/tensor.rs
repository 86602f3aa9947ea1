//! Tensors: nodes of a lazy graph.

use std::panic::Location;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use anygrad_layout::{DType, Shape};
use smallvec::SmallVec;

use crate::device::{Buffer, Device};
use crate::error::{Error, OpError, place};
use crate::grad::{Segment, current_segment};
use crate::op::{Kind, Meta, Op, OpRef};
use crate::ops::leaf::Leaf;
use crate::scope::{self, Scope};

/// An n-dimensional array that is computed when its value is asked for.
///
/// Recording an op runs nothing and never fails: a wrong call gives a *poisoned* tensor that carries the error,
/// with the line of the call, until [`check`](Tensor::check), [`eval`](crate::eval), [`item`](Tensor::item) or
/// [`to_vec`](Tensor::to_vec) returns it. Cloning is cheap and shares the value.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// let device = Device::cpu();
/// let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [3], &device);
/// let y = (&x * 2.0 + 1.0).sum_all();
/// assert_eq!(y.item()?, 15.0);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Clone)]
pub struct Tensor(pub(crate) Arc<Node>);

pub(crate) type Inputs = SmallVec<[Tensor; 3]>;

pub(crate) struct Node {
    pub meta: Meta,
    pub device: Device,
    pub op: OpRef,
    /// The run-time number of a [`Kind::Number`] node.
    pub number: f64,
    pub state: Mutex<State>,
    pub error: Option<Error>,
    pub site: &'static Location<'static>,
    pub scope: Scope,
    /// What this leaf is called, `model.fc1.weight`.
    pub name: Option<Arc<str>>,
    /// Smallest and largest element of integers given from the host.
    pub bounds: Option<(i64, i64)>,
    /// Length of the longest chain of pending ops that ends here; 0 once it is evaluated.
    pub depth: AtomicU32,
    /// Where the last run that met this node has it. Whether it is there is for the run to see.
    pub place: AtomicU32,
    /// Whether it follows from a named leaf, a parameter, by ops that have gradients: known also when the value has
    /// been computed and the inputs are gone.
    pub of_parameter: bool,
    /// The [`checkpoint`](crate::checkpoint) it was recorded in.
    pub segment: Option<Arc<Segment>>,
    /// The node of which this one is a recomputation.
    pub origin: Option<Weak<Node>>,
}

pub(crate) enum State {
    /// Not computed yet; made of these.
    Pending(Inputs),
    /// Computed. `true`: it was recorded by an op, and gradients no longer reach what it was made of.
    Ready(Buffer, bool),
    /// Its buffer was reused in place by the run that made its successor, which did not finish.
    Gone,
}

/// A chain of pending ops as long as this is almost certainly a mistake.
const LONG_CHAIN: u32 = 200_000;

/// Whether positions in `shape` fit in 32 bits. Sizes beside one of 0 count too: products of some of the axes are
/// taken everywhere, and must not overflow.
pub(crate) fn countable(shape: &Shape) -> bool {
    let filled = shape.iter().try_fold(1usize, |n, &size| n.checked_mul(size.max(1)));
    filled.is_some_and(|n| n <= u32::MAX as usize)
}

impl Node {
    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    /// Frees a chain of inputs without recursion: a chain of 100,000 steps must not overflow the stack.
    fn drop(&mut self) {
        let mut stack = SmallVec::<[Tensor; 8]>::new();
        let take = |node: &mut Node, stack: &mut SmallVec<[Tensor; 8]>| {
            let state = node.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            if let State::Pending(inputs) = state {
                stack.extend(inputs.drain(..));
            }
        };
        take(self, &mut stack);
        while let Some(tensor) = stack.pop() {
            if let Some(mut node) = Arc::into_inner(tensor.0) {
                take(&mut node, &mut stack);
            }
        }
    }
}

impl Tensor {
    /// Sizes of the axes; `[]` for a scalar.
    pub fn shape(&self) -> &Shape {
        &self.0.meta.shape
    }

    /// Size of axis `axis`, which may be negative to count from the end; 1 for an axis that is not there.
    pub fn size(&self, axis: isize) -> usize {
        let rank = self.rank() as isize;
        let axis = if axis < 0 { axis + rank } else { axis };
        usize::try_from(axis).ok().and_then(|a| self.shape().get(a)).copied().unwrap_or(1)
    }

    /// Number of axes.
    pub fn rank(&self) -> usize {
        self.shape().rank()
    }

    /// Number of elements.
    pub fn numel(&self) -> usize {
        self.shape().numel()
    }

    /// Type of the elements.
    pub fn dtype(&self) -> DType {
        self.0.meta.dtype
    }

    /// The device that computes and holds the value.
    pub fn device(&self) -> &Device {
        &self.0.device
    }

    /// Returns the error of the first wrong call this tensor is made of, if any. Runs nothing.
    pub fn check(&self) -> Result<&Self, Error> {
        match &self.0.error {
            Some(error) => Err(error.clone()),
            None => Ok(self),
        }
    }

    /// Smallest and largest element, for integers that were given from the host; otherwise not known.
    pub fn host_bounds(&self) -> Option<(i64, i64)> {
        self.0.bounds
    }

    /// The file and line that recorded this tensor.
    pub fn site(&self) -> &'static Location<'static> {
        self.0.site
    }

    /// The path of the layer that recorded this tensor, `model.conv1`.
    pub fn scope(&self) -> Option<&str> {
        self.0.scope.as_deref()
    }

    /// Whether the value has been computed.
    pub fn is_evaluated(&self) -> bool {
        matches!(*self.0.state(), State::Ready(..))
    }

    /// Whether two handles are the same tensor.
    pub fn is(&self, other: &Tensor) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// What this tensor is, for messages: `relu at main.rs:4:18` or `parameter model.fc2.weight`.
    pub fn describe(&self) -> String {
        match &self.0.name {
            Some(name) => format!("parameter {name}"),
            None => format!("{} at {}", self.0.op.name(), place(self.0.site)),
        }
    }

    pub(crate) fn key(&self) -> *const Node {
        Arc::as_ptr(&self.0)
    }

    /// Records `op` applied to `inputs`. This is how every op, also one from outside this crate, is called.
    ///
    /// ```
    /// # use anygrad_graph::{Device, Tensor};
    /// let t = Tensor::zeros([2, 3], &Device::cpu()).reshape([7]);
    /// assert!(t.check().is_err());
    /// ```
    #[track_caller]
    pub fn record(op: impl Into<OpRef>, inputs: &[&Tensor]) -> Tensor {
        Self::record_at(op.into(), inputs, scope::site(Location::caller()))
    }

    pub(crate) fn record_at(op: OpRef, inputs: &[&Tensor], site: &'static Location<'static>) -> Tensor {
        let Some(first) = inputs.first() else {
            let error = Error::invalid(op.name(), "no inputs");
            return Self::poisoned(&Device::cpu(), error, site);
        };
        if let Some(error) = inputs.iter().find_map(|t| t.0.error.clone()) {
            return Self::poisoned(&first.0.device, error, site);
        }
        let metas: SmallVec<[&Meta; 3]> = inputs.iter().map(|t| &t.0.meta).collect();
        let checked = match inputs.iter().find(|t| t.0.device != first.0.device) {
            Some(t) => Err(format!("inputs are on two devices: {} and {}", first.0.device, t.0.device)),
            None => op.infer(&metas).and_then(|meta| {
                if !countable(&meta.shape) {
                    Err(format!("the result would have shape {}: more than 2^32 elements", meta.shape))
                } else if op.cpu_only() && !first.0.device.is_cpu() {
                    Err(format!(
                        "is computed on the CPU device only, not on {}; move the tensor with .to(&Device::cpu())",
                        first.0.device
                    ))
                } else if meta.dtype == DType::F64 && !first.0.device.is_cpu() {
                    Err(format!("f64 is computed on the CPU device only, not on {}", first.0.device))
                } else {
                    Ok(meta)
                }
            }),
        };
        match checked {
            Ok(meta) => {
                let inputs: Inputs = inputs.iter().map(|t| (*t).clone()).collect();
                Self::pending(meta, &first.0.device, op, inputs, 0.0, site)
            }
            Err(message) => {
                let error = Self::op_error(op.name(), message, inputs, &*op, site);
                Self::poisoned(&first.0.device, error, site)
            }
        }
    }

    /// The error of a run that could not compute this tensor: named as an error of the call that recorded it.
    pub(crate) fn failed(&self, message: &str) -> Error {
        let (node, name) = (&self.0, self.0.op.name());
        let inputs = match &*node.state() {
            State::Pending(inputs) => inputs.clone(),
            _ => Inputs::new(),
        };
        let label = |(i, t): (usize, &Tensor)| (node.op.label(i, inputs.len()), t.describe());
        let operands = inputs.iter().enumerate().map(label).collect();
        let scope = node.scope.as_deref().unwrap_or_default().to_owned();
        // backends begin with the op's name as well
        let message = message.strip_prefix(name).and_then(|m| m.strip_prefix(": ")).unwrap_or(message);
        Error::Op(Arc::new(OpError {
            op: name,
            message: message.to_owned(),
            site: node.site,
            scope,
            operands,
        }))
    }

    fn op_error(
        name: &'static str,
        message: String,
        inputs: &[&Tensor],
        op: &dyn Op,
        site: &'static Location<'static>,
    ) -> Error {
        let operands =
            inputs.iter().enumerate().map(|(i, t)| (op.label(i, inputs.len()), t.describe())).collect();
        let scope = scope::current().map(|s| s.to_string()).unwrap_or_default();
        Error::Op(Arc::new(OpError { op: name, message, site, scope, operands }))
    }

    /// A tensor that carries an error about `inputs`, found by a function that is made of several ops.
    #[track_caller]
    pub fn wrong(name: &'static str, message: impl Into<String>, inputs: &[(&str, &Tensor)]) -> Tensor {
        let site = scope::site(Location::caller());
        if let Some(error) = inputs.iter().find_map(|(_, t)| t.0.error.clone()) {
            return Self::poisoned(inputs[0].1.device(), error, site);
        }
        let operands = inputs.iter().map(|(label, t)| (label.to_string(), t.describe())).collect();
        let scope = scope::current().map(|s| s.to_string()).unwrap_or_default();
        let error = OpError { op: name, message: message.into(), site, scope, operands };
        let device = inputs.first().map(|(_, t)| t.device().clone()).unwrap_or_else(Device::cpu);
        Self::poisoned(&device, Error::Op(Arc::new(error)), site)
    }

    pub(crate) fn poisoned(device: &Device, error: Error, site: &'static Location<'static>) -> Tensor {
        Self::node(Node {
            meta: Meta::new(Shape::scalar(), DType::F32),
            device: device.clone(),
            op: OpRef::Static(&Leaf),
            number: 0.0,
            state: Mutex::new(State::Pending(SmallVec::new())),
            error: Some(error),
            site,
            scope: scope::current(),
            name: None,
            bounds: None,
            depth: AtomicU32::new(0),
            place: AtomicU32::new(u32::MAX),
            of_parameter: false,
            segment: None,
            origin: None,
        })
    }

    pub(crate) fn pending(
        meta: Meta,
        device: &Device,
        op: OpRef,
        inputs: Inputs,
        number: f64,
        site: &'static Location<'static>,
    ) -> Tensor {
        let depth = match op.kind() {
            Kind::Number | Kind::Iota => 0,
            _ => 1 + inputs.iter().map(|t| t.0.depth.load(Ordering::Relaxed)).max().unwrap_or(0),
        };
        let of_parameter =
            !op.stops_gradient() && meta.dtype.is_float() && inputs.iter().any(|t| t.0.of_parameter);
        if depth == LONG_CHAIN {
            log::warn!(
                "{LONG_CHAIN} ops were recorded in one chain without being evaluated; the last is {} at {}. \
                 A running sum of losses, say, needs eval() now and then.",
                op.name(),
                place(site)
            );
        }
        Self::node(Node {
            meta,
            device: device.clone(),
            op,
            number,
            state: Mutex::new(State::Pending(inputs)),
            error: None,
            site,
            scope: scope::current(),
            name: None,
            bounds: None,
            depth: AtomicU32::new(depth),
            place: AtomicU32::new(u32::MAX),
            of_parameter,
            segment: current_segment(),
            origin: None,
        })
    }

    pub(crate) fn ready(
        meta: Meta,
        device: &Device,
        buffer: Buffer,
        bounds: Option<(i64, i64)>,
        site: &'static Location<'static>,
    ) -> Tensor {
        Self::node(Node {
            meta,
            device: device.clone(),
            op: OpRef::Static(&Leaf),
            number: 0.0,
            state: Mutex::new(State::Ready(buffer, false)),
            error: None,
            site,
            scope: scope::current(),
            name: None,
            bounds,
            depth: AtomicU32::new(0),
            place: AtomicU32::new(u32::MAX),
            of_parameter: false,
            segment: None,
            origin: None,
        })
    }

    /// The same op, number, line and layer on these inputs, pending and apart from what was recorded.
    pub(crate) fn again(&self, inputs: &[Tensor]) -> Tensor {
        let node = &*self.0;
        Self::node(Node {
            meta: node.meta.clone(),
            device: node.device.clone(),
            op: node.op.clone(),
            number: node.number,
            state: Mutex::new(State::Pending(inputs.iter().cloned().collect())),
            error: node.error.clone(),
            site: node.site,
            scope: node.scope.clone(),
            name: node.name.clone(),
            bounds: node.bounds,
            depth: AtomicU32::new(1),
            place: AtomicU32::new(u32::MAX),
            of_parameter: false,
            segment: None,
            origin: None,
        })
    }

    fn node(node: Node) -> Tensor {
        Tensor(Arc::new(node))
    }

    /// The same value under a name, for messages: a leaf that shares the buffer. Pending tensors are evaluated.
    pub fn named(&self, name: impl Into<Arc<str>>) -> Result<Tensor, Error> {
        let buffer = self.buffer()?;
        Ok(Self::node(Node {
            meta: self.0.meta.clone(),
            device: self.0.device.clone(),
            op: OpRef::Static(&Leaf),
            number: 0.0,
            state: Mutex::new(State::Ready(buffer, false)),
            error: None,
            site: self.0.site,
            scope: None,
            name: Some(name.into()),
            bounds: self.0.bounds,
            depth: AtomicU32::new(0),
            place: AtomicU32::new(u32::MAX),
            of_parameter: true,
            segment: None,
            origin: None,
        }))
    }

    /// The value without its history: gradients stop here. Pending tensors are evaluated first.
    pub fn detached(&self) -> Result<Tensor, Error> {
        let buffer = self.buffer()?;
        Ok(Self::ready(self.0.meta.clone(), &self.0.device, buffer, self.0.bounds, self.0.site))
    }

    /// The buffer of the value, evaluating it if need be.
    pub(crate) fn buffer(&self) -> Result<Buffer, Error> {
        self.check()?;
        if !self.is_evaluated() {
            crate::eval(&[self])?;
        }
        match &*self.0.state() {
            State::Ready(buffer, _) => Ok(buffer.clone()),
            _ => Err(Error::invalid("tensor", "its value was lost in a run that failed")),
        }
    }
}

impl std::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let node = &*self.0;
        match &node.error {
            Some(error) => write!(f, "Tensor(poisoned: {error})"),
            None => {
                let state = if self.is_evaluated() { "" } else { ", not evaluated" };
                write!(f, "Tensor({} {} on {}{state})", node.meta.dtype, node.meta.shape, node.device)
            }
        }
    }
}
