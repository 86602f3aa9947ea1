//! Parameters side by side in memory, and optimizer state likewise, so that a step updates all of them in few
//! dispatches; see [`anygrad_graph::pack`].

use std::sync::Arc;

use anygrad_graph::{Tensor, pack};

use crate::error::Result;
use crate::store::{Kind, Store};

/// Packs all parameters of a store, once they are there: before the first forward pass, since a gradient is that of the
/// tensor which the forward pass has read. Without memory for it, they stay where they are.
pub(crate) fn parameters(store: &mut Store) {
    let settled = |slot: &&mut crate::store::Slot| slot.kind == Kind::Parameter && !slot.pending;
    let mut slots: Vec<_> = store.slots_mut().iter_mut().filter(settled).collect();
    let leaves: Vec<Tensor> = slots.iter().map(|slot| slot.value.clone()).collect();
    let Ok(packed) = pack(&leaves.iter().collect::<Vec<_>>()) else { return };
    for (slot, leaf) in slots.iter_mut().zip(packed) {
        if let Ok(leaf) = leaf.named(slot.path.clone()) {
            slot.value = leaf;
        }
    }
}

/// Packs the state tensors of one name, `exp_avg`, unless they are packed already.
pub(crate) fn states(states: &mut [(Arc<str>, &mut Tensor)]) -> Result<()> {
    if states
        .iter()
        .any(|(_, tensor)| tensor.device().is_cpu() || tensor.is_packed() || !tensor.is_evaluated())
    {
        return Ok(());
    }
    let packed = pack(&states.iter().map(|(_, tensor)| &**tensor).collect::<Vec<_>>())?;
    for ((path, state), leaf) in states.iter_mut().zip(packed) {
        **state = leaf.named(path.clone())?;
    }
    Ok(())
}
