//! Memory of a device, owned by handles.

use std::fmt;
use std::sync::Arc;

use crate::gpu::Inner;
use crate::pool::Raw;
use crate::{DeviceError, Gpu};

/// Memory of a [`Gpu`]. Clones are the same memory; the last one to go returns it to the pool. That is safe while
/// kernels that use it are under way: the queue runs whatever uses the memory next after them.
#[derive(Clone)]
pub struct Buffer(Arc<Owned>);

struct Owned {
    gpu: Arc<Inner>,
    id: u64,
    len: usize,
    /// None if there are no bytes.
    raw: Option<Raw>,
}

impl Gpu {
    /// A buffer of `bytes` bytes from the pool. Its contents are undefined until they are written.
    ///
    /// # Errors
    /// [`DeviceError::TooLarge`], [`DeviceError::OutOfMemory`], [`DeviceError::Lost`].
    pub fn alloc(&self, bytes: usize) -> Result<Buffer, DeviceError> {
        self.0.faults.alive()?;
        let gpu = self.0.clone();
        let raw = if bytes == 0 { None } else { Some(gpu.raw(bytes as u64)?) };
        let buffer = Buffer(Arc::new(Owned { id: gpu.id(), gpu, len: bytes, raw }));
        if self.0.options.guard_bands {
            self.0.guard(&buffer)?;
        }
        Ok(buffer)
    }
}

impl Inner {
    /// A buffer that holds `bytes`, from the pool or, if need be, from the driver.
    fn raw(&self, bytes: u64) -> Result<Raw, DeviceError> {
        if bytes > self.pool.largest() {
            let what = "a buffer".to_owned();
            return Err(DeviceError::TooLarge { bytes, limit: self.pool.largest(), what });
        }
        let class = self.pool.class(bytes);
        if let Some(raw) = self.pool.take(class) {
            return Ok(raw);
        }
        let raw = self.or_make_room(|| self.create(class))?;
        self.pool.made(class);
        Ok(raw)
    }

    /// What `make` gives; if there is no memory for it, what it gives once the pool is empty.
    pub(crate) fn or_make_room<T>(
        &self,
        make: impl Fn() -> Result<T, DeviceError>,
    ) -> Result<T, DeviceError> {
        match make() {
            Err(DeviceError::OutOfMemory { .. }) => {
                // The memory that waits in the pool is free only once the work that used it is done.
                let freed = self.pool.drain();
                self.release(freed);
                self.submit("making room", None)?;
                self.wait_for("making room", None)?;
                make()
            }
            other => other,
        }
    }

    fn create(&self, class: u64) -> Result<Raw, DeviceError> {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let size = class + 2 * self.guard_bytes();
        let description = wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false };
        let buffer = self.check(&"allocating a buffer", class, || self.device.create_buffer(&description))?;
        Ok(Raw { id: self.id(), buffer, capacity: class })
    }
}

impl Buffer {
    /// A number no other buffer of the same device has or will have.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// Its size in bytes.
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// Whether this is the only handle, so that nobody else can see what is written to it.
    pub fn is_unique(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Bytes of memory it takes: its size rounded up to a size class.
    pub fn capacity(&self) -> usize {
        self.0.raw.as_ref().map_or(0, |raw| raw.capacity as usize)
    }

    /// Whether it belongs to `gpu`.
    pub fn is_on(&self, gpu: &Gpu) -> bool {
        Arc::ptr_eq(&self.0.gpu, &gpu.0)
    }

    pub(crate) fn raw(&self) -> Option<&Raw> {
        self.0.raw.as_ref()
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({}, {} bytes)", self.0.id, self.0.len)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Some(raw) = self.raw.take() {
            let freed = self.gpu.pool.give(raw);
            self.gpu.release(freed);
        }
    }
}
