//! The bind groups that plans keep from run to run, and how they let go of memory.

use std::sync::{Arc, Mutex, MutexGuard, TryLockError, Weak};

use smallvec::SmallVec;

use crate::Buffer;
use crate::fault::lock;
use crate::pool::Raw;

/// Bind groups a step keeps. A loop that swaps two sets of buffers needs two.
const KEPT: usize = 4;

/// A bind group of a step.
pub(crate) struct Bound {
    /// Of the wgpu buffers, 0 for a buffer without bytes, and where in them the bound part begins.
    pub(crate) ids: SmallVec<[(u64, u64); 4]>,
    pub(crate) group: wgpu::BindGroup,
    /// Stand for the buffers without bytes, which wgpu cannot bind.
    pub(crate) _empties: Vec<Buffer>,
}

/// Adds a bind group to those of a step, in place of the oldest if there are enough.
pub(crate) fn keep(kept: &mut Vec<Bound>, bound: Bound) {
    if kept.len() >= KEPT {
        kept.remove(0);
    }
    kept.push(bound);
}

/// The bind groups of each step of a plan.
pub(crate) struct BindCache {
    steps: Mutex<Vec<Vec<Bound>>>,
    /// Ids of wgpu buffers that are let go for good, but may have bind groups here yet.
    freed: Mutex<Vec<u64>>,
}

impl BindCache {
    pub(crate) fn new(steps: usize) -> Arc<Self> {
        let steps = (0..steps).map(|_| Vec::new()).collect();
        Arc::new(Self { steps: Mutex::new(steps), freed: Mutex::default() })
    }

    /// The bind groups of each step. Whoever looked at them calls [`BindCache::sweep`] afterwards.
    pub(crate) fn steps(&self) -> MutexGuard<'_, Vec<Vec<Bound>>> {
        lock(&self.steps)
    }

    /// Drops the bind groups that keep freed buffers alive, or leaves that to the thread that looks at them now:
    /// waiting for it could deadlock, for it may be about to free buffers itself.
    pub(crate) fn sweep(&self) {
        while !lock(&self.freed).is_empty() {
            let mut steps = match self.steps.try_lock() {
                Ok(steps) => steps,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            let freed = std::mem::take(&mut *lock(&self.freed));
            let names_freed = |bound: &mut Bound| bound.ids.iter().any(|(id, _)| freed.contains(id));
            let gone: Vec<_> = steps.iter_mut().flat_map(|kept| kept.extract_if(.., names_freed)).collect();
            // In this order: what stood for buffers without bytes may free memory in turn.
            drop(steps);
            drop(gone);
        }
    }
}

/// The caches of all plans of a device.
#[derive(Default)]
pub(crate) struct BindCaches(Mutex<Vec<Weak<BindCache>>>);

impl BindCaches {
    pub(crate) fn register(&self, cache: &Arc<BindCache>) {
        let mut caches = lock(&self.0);
        if caches.len() == caches.capacity() {
            // Or plans that are made and dropped would leave a trace forever.
            caches.retain(|cache| cache.strong_count() > 0);
        }
        caches.push(Arc::downgrade(cache));
    }

    /// Lets go of the bind groups that keep these buffers alive.
    pub(crate) fn forget(&self, freed: &[Raw]) {
        let caches: Vec<_> = {
            let mut caches = lock(&self.0);
            caches.retain(|cache| cache.strong_count() > 0);
            caches.iter().filter_map(Weak::upgrade).collect()
        };
        for cache in caches {
            lock(&cache.freed).extend(freed.iter().map(|raw| raw.id));
            cache.sweep();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_plans_leave_no_trace() {
        let caches = BindCaches::default();
        let kept: Vec<_> = (0..3)
            .map(|_| {
                let cache = BindCache::new(1);
                caches.register(&cache);
                cache
            })
            .collect();
        (0..100_000).for_each(|_| caches.register(&BindCache::new(2)));
        let caches = lock(&caches.0);
        assert!(caches.capacity() <= 64, "{}", caches.capacity());
        assert_eq!(caches.iter().filter_map(Weak::upgrade).count(), kept.len());
    }
}
