use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anygrad_layout::DType;
use half::f16;

use crate::{Buffer, CpuError, Storage, Word};

/// The state of the CPU as a device: vectors kept for reuse and counts of bytes. Clones share it.
#[derive(Clone, Default)]
pub struct Host(Arc<State>);

/// What a [`Host`] holds, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Elements of the [`Buffer`]s that are alive.
    pub live_bytes: usize,
    /// Vectors kept for reuse.
    pub pooled_bytes: usize,
    /// The most that `live_bytes` has been, since [`Host::reset_peak`] if that was called.
    pub peak_bytes: usize,
}

#[derive(Default)]
struct State {
    pool: Mutex<Pool>,
    live: AtomicUsize,
    peak: AtomicUsize,
    /// The most that was ever live, whatever the peak was reset to.
    most: AtomicUsize,
}

/// Up to this many bytes are always kept for reuse; beyond, no more than the peak of what was live.
const KEPT_BYTES: usize = 64 << 20;

impl Host {
    /// A host with an empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// `n` elements of unspecified value, from the pool where one of about that length is kept.
    ///
    /// # Errors
    /// [`CpuError::OutOfMemory`] where the system refuses, even after the pool was given back.
    pub fn alloc(&self, dtype: DType, n: usize) -> Result<Storage, CpuError> {
        match dtype {
            DType::F64 => self.take::<f64>(n).map(Storage::F64),
            DType::F16 => self.take::<f16>(n).map(Storage::F16),
            DType::I32 => self.take::<i32>(n).map(Storage::I32),
            DType::U32 | DType::Bool => self.take::<u32>(n).map(Storage::U32),
            DType::F32 => self.take::<f32>(n).map(Storage::F32),
            _ => Err(CpuError::Unsupported { op: "alloc", dtype }),
        }
    }

    /// As [`Host::alloc`], for a type known when compiling.
    pub(crate) fn take<T: Pooled>(&self, n: usize) -> Result<Vec<T>, CpuError> {
        let class = class_of(n);
        let mut elements = self.with_pool(|pool| {
            let found = T::classes(pool).get_mut(class).and_then(Vec::pop).unwrap_or_default();
            pool.bytes -= found.capacity() * size_of::<T>();
            found
        });
        if elements.capacity() < n {
            // The whole class, so that the vector serves every length in it later.
            let wanted = class_len(class).max(n);
            let bytes = wanted.saturating_mul(size_of::<T>());
            elements = Vec::new();
            if elements.try_reserve_exact(wanted).is_err() {
                self.trim();
                elements.try_reserve_exact(wanted).map_err(|_| CpuError::OutOfMemory { bytes })?;
            }
        }
        elements.resize(n, T::default());
        Ok(elements)
    }

    /// Gives a storage back for reuse, without a [`Buffer`] having held it.
    pub fn recycle(&self, storage: Storage) {
        match storage {
            Storage::F32(xs) => self.keep(xs),
            Storage::F64(xs) => self.keep(xs),
            Storage::F16(xs) => self.keep(xs),
            Storage::I32(xs) => self.keep(xs),
            Storage::U32(xs) => self.keep(xs),
        }
    }

    fn keep<T: Pooled>(&self, elements: Vec<T>) {
        let bytes = elements.capacity() * size_of::<T>();
        if bytes == 0 {
            return;
        }
        let limit = self.0.most.load(Ordering::Relaxed).max(KEPT_BYTES);
        // A vector that came from elsewhere may lie between two classes: file it under the one it can serve.
        let mut class = class_of(elements.capacity());
        if class_len(class) > elements.capacity() {
            class = class.saturating_sub(1);
        }
        // What does not fit is freed here, after the lock.
        let _dropped = self.with_pool(|pool| {
            if pool.bytes + bytes > limit {
                return Some(elements);
            }
            pool.bytes += bytes;
            let classes = T::classes(pool);
            if classes.len() <= class {
                classes.resize_with(class + 1, Vec::new);
            }
            classes[class].push(elements);
            None
        });
    }

    /// A buffer that holds `storage`.
    pub fn upload(&self, storage: Storage) -> Buffer {
        Buffer::new(self, storage)
    }

    /// Frees everything kept for reuse.
    pub fn trim(&self) {
        let _freed = self.with_pool(std::mem::take);
    }

    /// How much is alive, kept for reuse, and was alive at most.
    pub fn memory(&self) -> Memory {
        Memory {
            live_bytes: self.0.live.load(Ordering::Relaxed),
            pooled_bytes: self.with_pool(|pool| pool.bytes),
            peak_bytes: self.0.peak.load(Ordering::Relaxed),
        }
    }

    /// Begins to look for the peak anew.
    pub fn reset_peak(&self) {
        self.0.peak.store(self.0.live.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Threads and vector instructions: `2 threads, avx512f`.
    pub fn description(&self) -> String {
        let threads = rayon::current_num_threads();
        let plural = if threads == 1 { "" } else { "s" };
        format!("{threads} thread{plural}, {}", instructions())
    }

    pub(crate) fn count_live(&self, bytes: usize) {
        let live = self.0.live.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.0.peak.fetch_max(live, Ordering::Relaxed);
        self.0.most.fetch_max(live, Ordering::Relaxed);
    }

    pub(crate) fn count_dead(&self, bytes: usize) {
        self.0.live.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn with_pool<R>(&self, run: impl FnOnce(&mut Pool) -> R) -> R {
        // Nothing that holds the lock can leave the pool inconsistent, so a poisoned one is as good.
        run(&mut self.0.pool.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Host").field(&self.memory()).finish()
    }
}

/// Free vectors by type, then by class of length.
#[derive(Default)]
pub(crate) struct Pool {
    f32: Vec<Vec<Vec<f32>>>,
    f64: Vec<Vec<Vec<f64>>>,
    f16: Vec<Vec<Vec<f16>>>,
    i32: Vec<Vec<Vec<i32>>>,
    u32: Vec<Vec<Vec<u32>>>,
    bytes: usize,
}

/// A word that has its own shelf in the pool.
pub(crate) trait Pooled: Word {
    fn classes(pool: &mut Pool) -> &mut Vec<Vec<Vec<Self>>>;
}

macro_rules! pooled {
    ($($type:ident),*) => {$(
        impl Pooled for $type {
            fn classes(pool: &mut Pool) -> &mut Vec<Vec<Vec<Self>>> {
                &mut pool.$type
            }
        }
    )*};
}
pooled!(f32, f64, f16, i32, u32);

/// Eight classes to each doubling, so that at most an eighth of a vector is spare. Lengths up to 16 each have
/// their own.
fn class_of(n: usize) -> usize {
    if n <= 16 {
        return n;
    }
    // n - 1 has its top bit at `octave`; the next three bits say which eighth.
    let octave = (n - 1).ilog2() as usize;
    let eighth = ((n - 1) >> (octave - 3)) & 7;
    17 + (octave - 4) * 8 + eighth
}

/// The greatest length in a class.
fn class_len(class: usize) -> usize {
    if class <= 16 {
        return class;
    }
    let (octave, eighth) = ((class - 17) / 8 + 4, (class - 17) % 8);
    1usize.checked_shl((octave - 3) as u32).map_or(usize::MAX, |step| step.saturating_mul(8 + eighth + 1))
}

fn instructions() -> &'static str {
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    {
        if std::arch::is_x86_feature_detected!("avx512f") {
            return "avx512f";
        }
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            return "avx2+fma";
        }
        return "sse2";
    }
    #[cfg(target_arch = "aarch64")]
    {
        return "neon";
    }
    #[allow(unreachable_code)]
    "portable"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_their_lengths_with_an_eighth_to_spare() {
        for n in (0..5000).chain([1 << 20, (1 << 20) + 1, (1 << 30) - 1]) {
            let class = class_of(n);
            assert!(class_len(class) >= n, "{n}");
            assert!(class_len(class) <= n + n / 8 + 1, "{n} in a class of {}", class_len(class));
            assert!(class_len(class.saturating_sub(1)) < n || n == 0, "{n} would fit the class below");
        }
    }

    #[test]
    fn a_dropped_buffer_is_reused() {
        let host = Host::new();
        let buffer = host.upload(host.alloc(DType::F32, 1000).unwrap());
        let at = buffer.storage().as_f32().unwrap().as_ptr();
        assert_eq!(host.memory(), Memory { live_bytes: 4000, pooled_bytes: 0, peak_bytes: 4000 });
        drop(buffer);
        assert_eq!(host.memory(), Memory { live_bytes: 0, pooled_bytes: 4096, peak_bytes: 4000 });
        let again = host.alloc(DType::F32, 1020).unwrap();
        assert_eq!((again.len(), again.as_f32().unwrap().as_ptr()), (1020, at));
        assert_eq!(host.memory().pooled_bytes, 0);
        host.recycle(again);
        host.trim();
        assert_eq!(host.memory().pooled_bytes, 0);
    }

    #[test]
    fn too_much_memory_is_an_error() {
        let n = isize::MAX as usize / 2;
        assert!(matches!(Host::new().alloc(DType::F32, n), Err(CpuError::OutOfMemory { .. })));
        assert!(matches!(Host::new().alloc(DType::F64, usize::MAX), Err(CpuError::OutOfMemory { .. })));
    }

    #[test]
    fn the_pool_is_bounded() {
        let host = Host::new();
        for n in 1..40 {
            host.recycle(host.alloc(DType::F64, n << 18).unwrap());
        }
        assert!(host.memory().pooled_bytes <= KEPT_BYTES);
    }
}
