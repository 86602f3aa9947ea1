//! The store as it was, kept on the device.

use std::sync::Arc;

use anygrad_graph::{Shape, Tensor};

use crate::error::{Error, Result};
use crate::params::{Params, fitting};
use crate::store::{Kind, Slot};

/// A copy of all parameters, buffers and optimizer state of a store, on its device; see [`Params::snapshot`].
#[derive(Clone, Debug)]
pub struct Snapshot {
    entries: Vec<Copied>,
}

#[derive(Clone, Debug)]
struct Copied {
    path: Arc<str>,
    kind: Kind,
    updates: u64,
    shape: Shape,
    /// The elements in one row, and a 0.
    value: Tensor,
}

impl Copied {
    fn original(&self) -> Tensor {
        let row = self.value.split(&[self.shape.numel(), 1], 0);
        row.first().unwrap_or(&self.value).reshape(&self.shape)
    }
}

impl Params {
    /// Copies all parameters, buffers and optimizer state, with the counts of updates, for
    /// [`restore`](Params::restore): to try something out, or to keep the best weights so far. The copies stay on the
    /// device and take as much memory as the store; nothing is read back. What is pending in the store is run first.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// use anygrad_nn::{Adam, Ctx, Layer, Linear, Optimizer, Params, mse};
    /// let device = Device::cpu();
    /// let params = Params::new(&device, 42);
    /// let fc = Linear::new(params.at("fc"), 2, 1);
    /// let before = params.snapshot()?;
    /// let weights = params.get("fc.weight").and_then(|w| w.to_vec::<f32>().ok());
    /// let loss = mse(&fc.forward(&Tensor::ones([3, 2], &device), &mut Ctx::train(0)), &Tensor::zeros([3, 1], &device));
    /// Adam::default().step(&params, params.grad(&loss), 0.1)?;
    /// assert_ne!(params.get("fc.weight").and_then(|w| w.to_vec::<f32>().ok()), weights);
    /// params.restore(&before)?;
    /// assert_eq!(params.get("fc.weight").and_then(|w| w.to_vec::<f32>().ok()), weights);
    /// assert_eq!(params.state().count(), 0);
    /// # Ok::<(), anygrad_nn::Error>(())
    /// ```
    ///
    /// # Errors
    /// What is pending cannot be computed; the device failed, or has no memory left.
    pub fn snapshot(&self) -> Result<Snapshot> {
        self.check()?;
        self.eval(&[])?;
        let entries: Vec<Copied> = {
            let store = self.lock();
            // A value of its own, and not a second handle, with which steps could not overwrite the original in
            // place: a view of a whole value is that value, so one element is added. No arithmetic is done, so the
            // copy has the same bits.
            let copied = |slot: &Slot| Copied {
                path: slot.path.clone(),
                kind: slot.kind,
                updates: slot.updates,
                shape: slot.value.shape().clone(),
                value: slot.value.reshape([slot.value.numel()]).pad(&[(0, 1)]),
            };
            store.slots().iter().map(copied).collect()
        };
        anygrad_graph::eval(&entries.iter().map(|entry| &entry.value).collect::<Vec<_>>())?;
        Ok(Snapshot { entries })
    }

    /// Puts everything back as it was when `snapshot` was taken, bit for bit; optimizer state that was not there then
    /// is gone. What is frozen stays so. The snapshot may be used again.
    ///
    /// # Errors
    /// The snapshot is of another model: an entry is missing, or has another shape or dtype. Then nothing changes.
    pub fn restore(&self, snapshot: &Snapshot) -> Result<()> {
        let mut copies = Vec::with_capacity(snapshot.entries.len());
        for entry in &snapshot.entries {
            let copy = entry.original();
            match self.lock().get(&entry.path) {
                Some(slot) => fitting("restore", slot, copy.check()?)?,
                None if entry.kind == Kind::State => {}
                None => return Err(Error::UnknownPath { path: entry.path.to_string() }),
            }
            copies.push(copy);
        }
        anygrad_graph::eval(&copies.iter().collect::<Vec<_>>())?;
        self.zero_grad();
        let mut store = self.lock();
        let gone = |slot: &&Slot| {
            slot.kind == Kind::State && !snapshot.entries.iter().any(|entry| entry.path == slot.path)
        };
        let gone: Vec<Arc<str>> = store.slots().iter().filter(gone).map(|slot| slot.path.clone()).collect();
        gone.iter().for_each(|path| store.remove(path));
        for (entry, copy) in snapshot.entries.iter().zip(copies) {
            let leaf = copy.named(entry.path.clone())?;
            match store.get_mut(&entry.path) {
                Some(slot) => {
                    slot.set(leaf);
                    slot.updates = entry.updates;
                }
                None => store.add(Slot::new(entry.path.clone(), entry.kind, leaf)),
            }
        }
        Ok(())
    }
}
