//! The path of the layer that is being run, for error messages, GPU labels and profiles.

use std::cell::RefCell;
use std::panic::Location;
use std::sync::Arc;

use crate::Tensor;

thread_local! {
    static PATH: RefCell<Vec<Arc<str>>> = const { RefCell::new(Vec::new()) };
}

/// A layer path such as `model.conv1`; empty outside of layers.
pub type Scope = Option<Arc<str>>;

/// Runs `body` with every op it records marked as part of the layer `path` (a full path, `model.conv1`).
///
/// ```
/// use anygrad_graph::{Device, Tensor, scoped};
/// let x = Tensor::zeros([2, 3], &Device::cpu());
/// let error = scoped("model.fc1", || x.matmul(&x)).check().unwrap_err().to_string();
/// assert!(error.contains("in model.fc1"), "{error}");
/// ```
pub fn scoped<R>(path: impl Into<Arc<str>>, body: impl FnOnce() -> R) -> R {
    struct Leave;
    impl Drop for Leave {
        fn drop(&mut self) {
            PATH.with(|stack| stack.borrow_mut().pop());
        }
    }
    PATH.with(|stack| stack.borrow_mut().push(path.into()));
    let _leave = Leave;
    body()
}

/// The innermost layer path.
pub fn current() -> Scope {
    PATH.with(|stack| stack.borrow().last().cloned())
}

thread_local! {
    static SITE: std::cell::Cell<Option<&'static Location<'static>>> = const { std::cell::Cell::new(None) };
}

/// Runs `body` with every op it records marked as recorded at `site`, unless a call around it has said so already:
/// a model passes the line of its caller on to the ops in its layers.
///
/// ```
/// use std::panic::Location;
/// use anygrad_graph::{Device, Tensor, recorded_at};
/// #[track_caller]
/// fn layer(x: &Tensor) -> Tensor {
///     recorded_at(Location::caller(), || x.exp())
/// }
/// let y = layer(&Tensor::ones([2], &Device::cpu()));
/// let line = line!() - 1;
/// assert_eq!(y.site().line(), line);
/// ```
pub fn recorded_at<R>(caller: &'static Location<'static>, body: impl FnOnce() -> R) -> R {
    with_site(site(caller), body)
}

fn with_site<R>(site: &'static Location<'static>, body: impl FnOnce() -> R) -> R {
    struct Restore(Option<&'static Location<'static>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            SITE.set(self.0);
        }
    }
    let _restore = Restore(SITE.replace(Some(site)));
    body()
}

/// Runs `body` with every op it records marked as recorded where `node` was: gradients belong to the line and the
/// layer of what they differentiate.
pub(crate) fn within<R>(node: &Tensor, body: impl FnOnce() -> R) -> R {
    with_site(node.site(), || match &node.0.scope {
        Some(path) => scoped(path.clone(), body),
        None => body(),
    })
}

/// The line to record for an op that `caller` calls.
pub(crate) fn site(caller: &'static Location<'static>) -> &'static Location<'static> {
    SITE.get().unwrap_or(caller)
}
