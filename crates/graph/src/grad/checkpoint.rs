//! Recomputing in the backward pass what would take memory until then.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::Tensor;
use crate::op::{Kind, OpRef};
use crate::ops::after::After;
use crate::scope;
use crate::tensor::{Node, State};

/// A call of [`checkpoint`]: every node recorded in it carries it.
#[derive(Debug)]
pub(crate) struct Segment {
    /// The call around this one.
    parent: Option<Arc<Segment>>,
}

impl Segment {
    /// This segment and those around it.
    fn outwards(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Self>> {
        std::iter::successors(Some(self), |segment| segment.parent.as_ref())
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Arc<Segment>>> = const { RefCell::new(None) };
}

/// The segment that is being recorded.
pub(crate) fn current_segment() -> Option<Arc<Segment>> {
    CURRENT.with(|current| current.borrow().clone())
}

/// Runs `body`, which records a part of a computation, and marks that part to be recomputed: gradients do not keep its
/// intermediate values from the forward to the backward pass, but compute them again from what `body` was made of
/// (Chen et al. 2016, Training deep nets with sublinear memory cost, <https://arxiv.org/abs/1604.06174>). Returns what
/// `body` returns.
///
/// Kept are the tensors from outside that `body` reads, and what it hands out as far as something outside reads it.
/// With one segment a block, a network of `n` blocks keeps `n` block inputs and the inside of one block, for about one
/// more forward pass. A segment around several blocks, √n of them say, keeps less; segments may be nested, and the
/// inner ones are recomputed again while the outer one is.
///
/// The graph is recomputed, `body` is not called again: random numbers are the same, batch normalisation counts a batch
/// once, and gradients are those without `checkpoint`, bit for bit, as long as the device's compiler rounds a formula
/// the same wherever it is fused in, and no weight is multiplied in several segments (the products of one segment are
/// one product, those of several are added, which rounds in another order). Gradients of gradients work. A value inside of `body` that is evaluated or held
/// outside is stored as ever.
///
/// ```
/// use anygrad_graph::{Device, Tensor, checkpoint, grad};
/// let device = Device::cpu();
/// let x = Tensor::from_slice(&[0.1f32, 0.2, 0.3, 0.4], [2, 2], &device);
/// let a = Tensor::from_slice(&[1.0f32, -1.0, 0.5, 2.0], [2, 2], &device);
/// let b = Tensor::from_slice(&[0.5f32, 1.0, -2.0, 1.0], [2, 2], &device);
/// let block = |x: &Tensor, w: &Tensor| x + x.matmul(w).tanh();
/// let plain = grad(&block(&block(&x, &a), &b).sum_all(), &[&a]);
/// let y = checkpoint(|| block(&x, &a));
/// let y = checkpoint(|| block(&y, &b));
/// assert_eq!(grad(&y.sum_all(), &[&a])[0].to_vec::<f32>()?, plain[0].to_vec::<f32>()?);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
pub fn checkpoint<R>(body: impl FnOnce() -> R) -> R {
    struct Restore(Option<Arc<Segment>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let parent = self.0.take();
            CURRENT.with(|current| *current.borrow_mut() = parent);
        }
    }
    let parent = current_segment();
    let inner = Arc::new(Segment { parent: parent.clone() });
    let _restore = Restore(parent);
    CURRENT.with(|current| *current.borrow_mut() = Some(inner));
    body()
}

/// What a value is recomputed for: a segment, or nothing, where it is the value itself.
type Within<'a> = Option<&'a Arc<Segment>>;

/// The values of segments, recorded once more for one backward pass.
#[derive(Default)]
pub(super) struct Recompute {
    /// For each segment, what has to be computed before its values are computed again.
    behind: FxHashMap<*const Segment, SmallVec<[Tensor; 2]>>,
    /// What each node is within a segment.
    values: FxHashMap<(*const Node, *const Segment), Tensor>,
}

impl Recompute {
    /// What the gradient rule of `node` is to use in place of its inputs and its output, if it belongs to a segment.
    /// `g` is the gradient that has arrived.
    pub fn values(&mut self, node: &Tensor, inputs: &[Tensor], g: &Tensor) -> Option<(Vec<Tensor>, Tensor)> {
        let segment = node.0.segment.as_ref().filter(|_| g.check().is_ok())?;
        for around in segment.outwards() {
            self.behind.entry(Arc::as_ptr(around)).or_insert_with(|| {
                let mut behind = SmallVec::from_iter([g.clone()]);
                // a gradient that is the same number everywhere is there from the start: wait for the forward pass
                if is_number(g) {
                    behind.push(node.clone());
                }
                behind
            });
        }
        let values = inputs.iter().map(|input| self.value(input, Some(segment))).collect();
        Some((values, self.value(node, Some(segment))))
    }

    /// `tensor` as it is recomputed within a segment.
    fn value(&mut self, tensor: &Tensor, within: Within<'_>) -> Tensor {
        let mut stack: Vec<(Tensor, Within<'_>)> = vec![(tensor.clone(), within)];
        while let Some((tensor, within)) = stack.last().cloned() {
            let Some(segment) = within.filter(|_| self.known(&tensor, within).is_none()) else {
                stack.pop();
                continue;
            };
            let needs = needs(&tensor, segment);
            let missing = needs.iter().filter(|(t, within)| self.known(t, *within).is_none());
            let before = stack.len();
            stack.extend(missing.cloned());
            if stack.len() == before {
                let made: Vec<Tensor> =
                    needs.iter().filter_map(|(t, within)| self.known(t, *within)).collect();
                let value = self.record(&tensor, segment, made);
                self.values.insert((tensor.key(), Arc::as_ptr(segment)), value);
            }
        }
        self.known(tensor, within).unwrap_or_else(|| tensor.clone())
    }

    fn known(&self, tensor: &Tensor, within: Within<'_>) -> Option<Tensor> {
        match within {
            None => Some(tensor.clone()),
            Some(segment) => self.values.get(&(tensor.key(), Arc::as_ptr(segment))).cloned(),
        }
    }

    /// The op of `tensor` once more, on these inputs; or, for what comes from outside, the same value, read late.
    fn record(&self, tensor: &Tensor, segment: &Arc<Segment>, mut made: Vec<Tensor>) -> Tensor {
        let inside = computed_in(tensor, segment);
        let op = if inside {
            tensor.0.op.clone()
        } else {
            made.extend(self.behind.get(&Arc::as_ptr(segment)).into_iter().flatten().cloned());
            OpRef::Static(&After)
        };
        let node = &tensor.0;
        let mut value = scope::within(tensor, || {
            let inputs = made.into_iter().collect();
            Tensor::pending(node.meta.clone(), &node.device, op, inputs, node.number, node.site)
        });
        if let Some(recorded) = Arc::get_mut(&mut value.0).filter(|_| inside) {
            recorded.origin = node.origin.clone().or_else(|| Some(Arc::downgrade(node)));
        }
        value
    }
}

/// Whether `tensor` is computed, from inputs, by an op of this segment.
fn computed_in(tensor: &Tensor, segment: &Arc<Segment>) -> bool {
    let inside = |own: &Arc<Segment>| own.outwards().any(|around| Arc::ptr_eq(around, segment));
    tensor.0.segment.as_ref().is_some_and(inside)
        && matches!(&*tensor.0.state(), State::Pending(inputs) if !inputs.is_empty())
}

/// What has to be recorded before `tensor` can be within `segment`: its inputs there; or, for what comes from outside,
/// itself one segment further out.
fn needs<'a>(tensor: &Tensor, segment: &'a Arc<Segment>) -> Vec<(Tensor, Within<'a>)> {
    if !computed_in(tensor, segment) {
        return vec![(tensor.clone(), segment.parent.as_ref())];
    }
    match &*tensor.0.state() {
        State::Pending(inputs) => inputs.iter().map(|input| (input.clone(), Some(segment))).collect(),
        _ => Vec::new(),
    }
}

/// Whether a tensor is one run-time number, or follows from numbers in a few steps.
fn is_number(tensor: &Tensor) -> bool {
    const STEPS: usize = 32;
    let mut stack = vec![tensor.clone()];
    for _ in 0..STEPS {
        let Some(tensor) = stack.pop() else { return true };
        match (tensor.0.op.kind(), &*tensor.0.state()) {
            (Kind::Number, _) => {}
            (Kind::View, State::Pending(inputs)) => stack.extend(inputs.first().cloned()),
            (Kind::Pointwise(_), State::Pending(inputs)) => stack.extend(inputs.iter().cloned()),
            _ => return false,
        }
    }
    stack.is_empty()
}
