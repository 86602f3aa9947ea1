//! Turns what wgpu reports by scopes, callbacks and silence into error values.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::DeviceError;

/// Takes a lock. What a panicking thread left behind is still sound here: every critical section leaves
/// its data consistent at each step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the callbacks of a device have seen.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    lost: AtomicBool,
    reason: Mutex<String>,
    /// The first error that was raised outside of every scope.
    stray: Mutex<Option<DeviceError>>,
}

impl Faults {
    /// Registers the callbacks. wgpu's own handler of uncaptured errors would panic.
    pub(crate) fn watch(device: &wgpu::Device) -> Arc<Self> {
        let faults = Arc::new(Self::default());
        let seen = faults.clone();
        device.set_device_lost_callback(move |reason, message| {
            seen.lose(&format!("{reason:?} {message}"));
        });
        let seen = faults.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            log::warn!("uncaptured GPU error: {error}");
            lock(&seen.stray).get_or_insert(convert("an earlier operation", 0, error));
        }));
        faults
    }

    /// Marks the device as lost; the first reason stays.
    pub(crate) fn lose(&self, reason: &str) {
        if !self.lost.swap(true, SeqCst) {
            *lock(&self.reason) = reason.trim().to_owned();
            log::warn!("GPU device lost: {}", reason.trim());
        }
    }

    /// Whether work may go on. A lost device is silent in wgpu, so every operation asks here.
    pub(crate) fn alive(&self) -> Result<(), DeviceError> {
        if self.lost.load(SeqCst) {
            return Err(DeviceError::Lost { message: lock(&self.reason).clone() });
        }
        Ok(())
    }

    /// Runs wgpu calls and returns the first error that they raise. `bytes` is the size that an
    /// out-of-memory error names. Nothing within may wait for another thread: scopes belong to a thread.
    pub(crate) fn check<T>(
        &self,
        device: &wgpu::Device,
        what: &dyn std::fmt::Display,
        bytes: u64,
        calls: impl FnOnce() -> T,
    ) -> Result<T, DeviceError> {
        self.alive()?;
        let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
        let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
        let value = calls();
        // In reverse order, or wgpu panics.
        let internal = ready(internal.pop());
        let memory = ready(memory.pop());
        let validation = ready(validation.pop());
        self.alive()?;
        if let Some(error) = memory.or(validation).or(internal) {
            return Err(convert(&what.to_string(), bytes, error));
        }
        match lock(&self.stray).take() {
            Some(error) => Err(error),
            None => Ok(value),
        }
    }
}

/// The result of popping a scope, which on native backends is there at once.
fn ready<T>(future: impl Future<Output = Option<T>>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(error) => error,
        Poll::Pending => None,
    }
}

fn convert(what: &str, bytes: u64, error: wgpu::Error) -> DeviceError {
    let what = what.to_owned();
    match error {
        wgpu::Error::OutOfMemory { .. } => DeviceError::OutOfMemory { bytes },
        wgpu::Error::Validation { description, .. } => DeviceError::Validation { what, message: description },
        wgpu::Error::Internal { description, .. } => DeviceError::Internal { what, message: description },
    }
}
