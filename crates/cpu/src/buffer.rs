use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Host, Storage};

/// Elements that no longer change, shared by clones. The last one to be dropped gives the memory back to the
/// host's pool.
#[derive(Clone)]
pub struct Buffer(Arc<Owned>);

struct Owned {
    host: Host,
    storage: Storage,
    id: u64,
}

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Buffer {
    /// A buffer that holds `storage`, counted as live on `host`.
    pub fn new(host: &Host, storage: Storage) -> Self {
        host.count_live(storage.bytes());
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Self(Arc::new(Owned { host: host.clone(), storage, id }))
    }

    /// The elements.
    pub fn storage(&self) -> &Storage {
        &self.0.storage
    }

    /// A number no other buffer of this process has.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Whether there is no other clone.
    pub fn is_unique(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// The elements, to be changed in place, if no other clone sees them; else the buffer again.
    pub fn try_take(self) -> Result<Storage, Buffer> {
        let mut owned = Arc::try_unwrap(self.0).map_err(Buffer)?;
        owned.host.count_dead(owned.storage.bytes());
        Ok(std::mem::take(&mut owned.storage))
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let storage = std::mem::take(&mut self.storage);
        self.host.count_dead(storage.bytes());
        self.host.recycle(storage);
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let storage = self.storage();
        write!(f, "Buffer #{} of {} {}", self.id(), storage.len(), storage.dtype())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_clone_can_be_taken() {
        let host = Host::new();
        let buffer = host.upload(Storage::from(vec![1.0f32, 2.0]));
        let clone = buffer.clone();
        assert!(!buffer.is_unique() && clone.id() == buffer.id());
        let buffer = buffer.try_take().unwrap_err();
        drop(clone);
        assert!(buffer.is_unique());
        assert_eq!(buffer.try_take().unwrap().as_f32(), Some(&[1.0, 2.0][..]));
        assert_eq!(host.memory().live_bytes, 0);
        assert_eq!(host.memory().pooled_bytes, 0);
    }
}
