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
    memory: Memory,
}

enum Memory {
    /// No bytes.
    Nothing,
    Whole(Raw),
    Part {
        block: Arc<Block>,
        offset: u64,
        bytes: u64,
    },
}

/// Memory that several buffers lie in; the last of them returns it to the pool.
struct Block {
    gpu: Arc<Inner>,
    raw: Option<Raw>,
}

/// Where the bytes of a buffer are.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) raw: &'a Raw,
    /// From the start of what may be used of it.
    pub(crate) offset: u64,
    /// Of a part of a block, with its padding.
    pub(crate) bytes: Option<u64>,
}

/// Parts of a block begin at multiples of this: no adapter asks for more.
const ALIGNMENT: usize = 256;

impl Gpu {
    /// A buffer of `bytes` bytes from the pool. Its contents are undefined until they are written.
    ///
    /// # Errors
    /// [`DeviceError::TooLarge`], [`DeviceError::OutOfMemory`], [`DeviceError::Lost`].
    pub fn alloc(&self, bytes: usize) -> Result<Buffer, DeviceError> {
        self.0.faults.alive()?;
        let gpu = self.0.clone();
        let memory = if bytes == 0 { Memory::Nothing } else { Memory::Whole(gpu.raw(bytes as u64)?) };
        let buffer = Buffer(Arc::new(Owned { id: gpu.id(), gpu, len: bytes, memory }));
        if self.0.options.guard_bands {
            self.0.guard(&buffer)?;
        }
        Ok(buffer)
    }

    /// Bytes of memory that a buffer of `bytes` takes.
    pub fn allocated(&self, bytes: usize) -> usize {
        if bytes == 0 { 0 } else { self.0.pool.class(bytes as u64) as usize }
    }

    /// Copies of `buffers` that lie in as few blocks of memory as the largest buffer allows, in their order: a kernel
    /// that binds a block reaches all of them. The queue copies them, without waiting.
    ///
    /// wgpu tracks usage by block: a kernel that binds one of them to write cannot bind another one to read. So this is
    /// for what is written all at once, as parameters are.
    ///
    /// # Errors
    /// [`DeviceError::Validation`] for a buffer of another device, [`DeviceError::OutOfMemory`], [`DeviceError::Lost`].
    pub fn pack(&self, buffers: &[Buffer]) -> Result<Vec<Buffer>, DeviceError> {
        self.0.faults.alive()?;
        buffers.iter().try_for_each(|buffer| self.owns(buffer, "packing buffers"))?;
        let size = |buffer: &Buffer| buffer.len().next_multiple_of(ALIGNMENT) as u64;
        let mut packed = Vec::with_capacity(buffers.len());
        let mut rest = buffers;
        while !rest.is_empty() {
            let mut bytes = 0u64;
            let fits = |buffer: &&Buffer| {
                bytes = bytes.saturating_add(size(buffer));
                bytes <= self.0.pool.largest()
            };
            // one at least: a buffer of its own that is as large as can be
            let count = rest.iter().take_while(fits).count().max(1);
            let (front, back) = rest.split_at(count);
            packed.extend(self.pack_block(front, front.iter().map(size).sum())?);
            rest = back;
        }
        Ok(packed)
    }

    fn pack_block(&self, buffers: &[Buffer], bytes: u64) -> Result<Vec<Buffer>, DeviceError> {
        let whole = self.alloc(bytes.min(self.0.pool.largest()) as usize)?;
        let Some(owned) = Arc::into_inner(whole.0) else { return Ok(buffers.to_vec()) };
        let gpu = self.0.clone();
        let block = Arc::new(Block { gpu: gpu.clone(), raw: owned.into_raw() });
        let mut offset = 0;
        let part = |buffer: &Buffer| {
            let bytes = (buffer.len().next_multiple_of(ALIGNMENT)) as u64;
            let memory = if buffer.is_empty() {
                Memory::Nothing
            } else {
                Memory::Part { block: block.clone(), offset, bytes }
            };
            offset += bytes;
            Buffer(Arc::new(Owned { id: gpu.id(), gpu: gpu.clone(), len: buffer.len(), memory }))
        };
        let parts: Vec<Buffer> = buffers.iter().map(part).collect();
        let guard = self.0.guard_bytes();
        let commands = self.0.check(&"packing buffers", 0, || {
            let mut encoder = self.0.device.create_command_encoder(&Default::default());
            for (from, to) in buffers.iter().zip(&parts) {
                if let (Some(old), Some(new)) = (from.place(), to.place()) {
                    let bytes = from.len().next_multiple_of(4) as u64;
                    let (at, to) = (guard + old.offset, guard + new.offset);
                    encoder.copy_buffer_to_buffer(&old.raw.buffer, at, &new.raw.buffer, to, bytes);
                }
            }
            encoder.finish()
        })?;
        self.0.submit("packing buffers", Some(commands))?;
        Ok(parts)
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
        match &self.0.memory {
            Memory::Nothing => 0,
            Memory::Whole(raw) => raw.capacity as usize,
            Memory::Part { bytes, .. } => *bytes as usize,
        }
    }

    /// The memory it lies in, alone or with others: a number that no other memory of the device has, and its bytes.
    pub fn memory(&self) -> (u64, usize) {
        self.place().map_or((0, 0), |place| (place.raw.id, place.raw.capacity as usize))
    }

    /// The block it lies in with others, and its first byte there; none if it has its memory for itself.
    pub fn block(&self) -> Option<(u64, usize)> {
        match &self.0.memory {
            Memory::Part { block, offset, .. } => Some((block.raw.as_ref()?.id, *offset as usize)),
            _ => None,
        }
    }

    /// Whether it belongs to `gpu`.
    pub fn is_on(&self, gpu: &Gpu) -> bool {
        Arc::ptr_eq(&self.0.gpu, &gpu.0)
    }

    /// Where its bytes are, if it has any.
    pub(crate) fn place(&self) -> Option<Place<'_>> {
        match &self.0.memory {
            Memory::Nothing => None,
            Memory::Whole(raw) => Some(Place { raw, offset: 0, bytes: None }),
            Memory::Part { block, offset, bytes } => {
                Some(Place { raw: block.raw.as_ref()?, offset: *offset, bytes: Some(*bytes) })
            }
        }
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({}, {} bytes)", self.0.id, self.0.len)
    }
}

impl Owned {
    /// Its memory, which is then somebody else's to return.
    fn into_raw(mut self) -> Option<Raw> {
        match std::mem::replace(&mut self.memory, Memory::Nothing) {
            Memory::Whole(raw) => Some(raw),
            _ => None,
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if let Memory::Whole(raw) = std::mem::replace(&mut self.memory, Memory::Nothing) {
            let freed = self.gpu.pool.give(raw);
            self.gpu.release(freed);
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if let Some(raw) = self.raw.take() {
            let freed = self.gpu.pool.give(raw);
            self.gpu.release(freed);
        }
    }
}
