//! Guard bands: a pattern around every buffer that shows whether a kernel wrote where it must not.
//!
//! A buffer of `len` bytes lies at byte 256 of its wgpu buffer; the pattern fills the 256 bytes before it and those
//! after its last word. Kernels bind everything from the buffer's start to the end of the wgpu buffer, for a driver
//! discards a write past the bound range and nothing would show. Fresh buffers of up to 64 KiB hold the pattern too,
//! so a kernel that leaves an element unwritten or reads an element too many yields NaN.

use std::sync::Mutex;

use rustc_hash::FxHashMap;

use crate::buffer::Place;
use crate::fault::lock;
use crate::gpu::Inner;
use crate::pool::Raw;
use crate::{Buffer, DeviceError, Gpu, Options};

/// Bytes of each band: the largest alignment a binding may need.
const BAND: u64 = 256;

/// A NaN as f32, and a number no index or size is, as u32.
const PATTERN: [u8; 4] = 0x7fc0_bad5_u32.to_le_bytes();

/// Fresh buffers up to this size are filled with the pattern.
const POISONED: u64 = 64 << 10;

/// The guarded buffers, live and pooled, by the id of the wgpu buffer. Other threads use buffers anew, at other
/// lengths, while their bands are read back. So a buffer is listed only while its bands are where its length says,
/// and what was read counts only if the buffer has been in the same life all along.
pub(crate) type Guards = Mutex<FxHashMap<u64, Guarded>>;

/// A wgpu buffer with bands.
#[derive(Clone)]
pub(crate) struct Guarded {
    buffer: wgpu::Buffer,
    /// The id of the [`Buffer`] that the wgpu buffer is now, or was last.
    life: u64,
    bytes: u64,
}

impl Gpu {
    /// Whether the bands around all buffers, live and pooled, are as they were, as far as the queue has got now.
    /// Bands found damaged are mended, so the next call tells only what happened since. A buffer that another
    /// thread frees or gets from the pool meanwhile is not judged. Always fine without
    /// [`Options::guard_bands`](crate::Options::guard_bands).
    ///
    /// # Errors
    /// [`DeviceError::OutOfBounds`] for the first buffer (in order of creation) whose band changed.
    pub fn check_guards(&self) -> Result<(), DeviceError> {
        let mut listed: Vec<_> =
            lock(&self.0.guards).iter().map(|(id, guarded)| (*id, guarded.clone())).collect();
        listed.sort_by_key(|(id, _)| *id);
        if listed.is_empty() {
            return self.0.faults.alive();
        }
        let bands = |(_, guarded): &(u64, Guarded)| {
            [0, after(guarded.bytes)].map(|offset| (guarded.buffer.clone(), offset, BAND))
        };
        let parts: Vec<_> = listed.iter().flat_map(bands).collect();
        let contents = self.0.read_parts("checking guard bands", &parts)?;
        let mut found = None;
        for ((id, guarded), bands) in listed.iter().zip(contents.chunks(2 * BAND as usize)) {
            if let Some(damage) = damage(bands, guarded.bytes)
                && self.0.mend(*id, guarded)?
            {
                found = found.or(Some(damage));
            }
        }
        found.map_or(Ok(()), Err)
    }
}

/// What is wrong with the two bands around a buffer of `bytes`.
fn damage(bands: &[u8], bytes: u64) -> Option<DeviceError> {
    let (before, past) = bands.split_at(bands.len().min(BAND as usize));
    let error = |side, words: usize| DeviceError::OutOfBounds { bytes, side, distance: 4 * words as u64 };
    let past = past.chunks(4).position(damaged).map(|words| error("past the end of", words));
    past.or_else(|| before.rchunks(4).position(damaged).map(|words| error("before", words)))
}

impl Inner {
    /// Bytes that a wgpu buffer has before and after the buffer proper.
    pub(crate) fn guard_bytes(&self) -> u64 {
        guard_bytes(&self.options)
    }

    /// What a kernel binds: all from the start of a buffer, or a part of a block.
    pub(crate) fn binding<'a>(&self, place: Place<'a>) -> wgpu::BindingResource<'a> {
        let offset = self.guard_bytes() + place.offset;
        let size = place.bytes.and_then(std::num::NonZeroU64::new);
        wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer: &place.raw.buffer, offset, size })
    }

    /// Draws the bands around a fresh buffer.
    pub(crate) fn guard(&self, buffer: &Buffer) -> Result<(), DeviceError> {
        let Some(Place { raw, .. }) = buffer.place() else { return Ok(()) };
        let bytes = buffer.len() as u64;
        // Its last life ends before its bands move, and the next begins after: see `Guards`.
        lock(&self.guards).remove(&raw.id);
        self.draw_bands(&raw.buffer, bytes)?;
        if bytes <= POISONED {
            let poison = PATTERN.repeat(bytes.div_ceil(4) as usize);
            self.check(&"poisoning", 0, || self.queue.write_buffer(&raw.buffer, BAND, &poison))?;
        }
        let guarded = Guarded { buffer: raw.buffer.clone(), life: buffer.id(), bytes };
        lock(&self.guards).insert(raw.id, guarded);
        Ok(())
    }

    /// Draws the bands of a listed buffer again and answers true, or false if it is in another life by now.
    fn mend(&self, id: u64, listed: &Guarded) -> Result<bool, DeviceError> {
        // Held while drawing, or another thread could give the buffer out in between.
        let guards = lock(&self.guards);
        let same = guards.get(&id).is_some_and(|now| now.life == listed.life);
        if same {
            self.draw_bands(&listed.buffer, listed.bytes)?;
        }
        Ok(same)
    }

    fn draw_bands(&self, buffer: &wgpu::Buffer, bytes: u64) -> Result<(), DeviceError> {
        let band = PATTERN.repeat(BAND as usize / 4);
        self.check(&"drawing guard bands", 0, || {
            self.queue.write_buffer(buffer, 0, &band);
            self.queue.write_buffer(buffer, after(bytes), &band);
        })
    }

    /// Forgets buffers that go back to the driver.
    pub(crate) fn forget_guards(&self, freed: &[Raw]) {
        let mut guards = lock(&self.guards);
        for raw in freed {
            guards.remove(&raw.id);
        }
    }
}

/// Bytes that a wgpu buffer has before and after the buffer proper.
pub(crate) fn guard_bytes(options: &Options) -> u64 {
    if options.guard_bands { BAND } else { 0 }
}

/// Where the band after a buffer of `bytes` begins.
fn after(bytes: u64) -> u64 {
    BAND + bytes.next_multiple_of(4)
}

fn damaged(word: &[u8]) -> bool {
    word != PATTERN
}
