//! Data to and from a device.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::time::{Duration, Instant};

use futures_intrusive::channel::shared::{OneshotReceiver, OneshotSender, oneshot_channel};

use crate::buffer::Place;
use crate::counters::add;
use crate::fault::lock;
use crate::gpu::Inner;
use crate::waiting::Submission;
use crate::{Buffer, DeviceError, Gpu};

/// Uploads are handed to the device in pieces of this size, so the memory that carries them stays bounded.
const PIECE: usize = 16 << 20;

/// Readback buffers that are kept for the next read: how many, and up to which size.
const KEPT: usize = 4;
const KEPT_BYTES: u64 = 64 << 20;

/// How often to look whether another thread has told the outcome of a read.
const LOOK: Duration = Duration::from_micros(20);

type Outcome = Result<(), DeviceError>;

/// Where the outcome of a read is told: the first counts.
struct Teller {
    sender: OneshotSender<Outcome>,
    told: AtomicBool,
}

impl Teller {
    fn tell(&self, outcome: Outcome) {
        let _ = self.sender.send(outcome);
        self.told.store(true, Ordering::Release);
    }

    fn has_told(&self) -> bool {
        self.told.load(Ordering::Acquire)
    }
}

/// What transfers keep between calls.
#[derive(Default)]
pub(crate) struct Transfers {
    /// Bytes of uploads that no submission has carried yet.
    pub(crate) pending: AtomicU64,
    /// Readback buffers that wait to be used again, by size.
    staging: Mutex<Vec<(u64, wgpu::Buffer)>>,
    /// The thread that waits for the device on behalf of futures, once there was one.
    waiter: Mutex<Option<mpsc::Sender<Wait>>>,
}

/// A submission that a future waits for, and where to tell if it does not end.
struct Wait {
    /// Weak: the thread must not keep a device open.
    gpu: Weak<Inner>,
    submission: Submission,
    teller: Arc<Teller>,
}

/// Bytes on their way to the host; see [`Gpu::read_later`]. Dropped, it is a read that nobody asked for.
#[must_use = "bytes on their way are there for whoever waits for them"]
pub struct Reading(Option<Pending>);

impl Reading {
    /// Whether the bytes are here, so that [`Reading::wait`] does not block.
    pub fn is_done(&self) -> bool {
        let Some(pending) = &self.0 else { return true };
        if !pending.teller.has_told() {
            let _ = pending.gpu.device.poll(wgpu::PollType::Poll);
        }
        pending.teller.has_told() || pending.gpu.faults.alive().is_err()
    }

    /// The bytes, once the copy is done. What was handed to the device after it is not waited for.
    ///
    /// # Errors
    /// [`DeviceError::Timeout`], [`DeviceError::Lost`].
    pub fn wait(self) -> Result<Vec<u8>, DeviceError> {
        self.0.map_or_else(|| Ok(Vec::new()), Pending::block)
    }
}

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reading({} bytes)", self.0.as_ref().map_or(0, |pending| pending.bytes))
    }
}

/// A read under way.
struct Pending {
    gpu: Arc<Inner>,
    staging: (u64, wgpu::Buffer),
    bytes: u64,
    submission: Submission,
    teller: Arc<Teller>,
    receiver: OneshotReceiver<Outcome>,
}

impl Gpu {
    /// A new buffer that holds `data`.
    ///
    /// # Errors
    /// As [`Gpu::alloc`].
    pub fn upload(&self, data: &[u8]) -> Result<Buffer, DeviceError> {
        let buffer = self.alloc(data.len())?;
        self.write(&buffer, data)?;
        Ok(buffer)
    }

    /// Writes `data` to the start of `buffer`, after everything already handed to the device. `data` is whole words
    /// (a multiple of 4 bytes), or as long as the buffer.
    ///
    /// # Errors
    /// [`DeviceError::Validation`] for a length that does not fit or a buffer of another device, [`DeviceError::Lost`].
    pub fn write(&self, buffer: &Buffer, data: &[u8]) -> Result<(), DeviceError> {
        self.0.faults.alive()?;
        self.owns(buffer, "writing to a buffer")?;
        if data.len() > buffer.len() || !(data.len().is_multiple_of(4) || data.len() == buffer.len()) {
            let message = format!("{} bytes do not fit a buffer of {}", data.len(), buffer.len());
            return Err(DeviceError::Validation { what: "writing to a buffer".into(), message });
        }
        let Some(Place { raw, offset, .. }) = buffer.place() else { return Ok(()) };
        add(&self.0.counters.uploads, 1);
        let (words, rest) = data.split_at(data.len() / 4 * 4);
        let mut offset = self.0.guard_bytes() + offset;
        for piece in words.chunks(PIECE) {
            self.0.write_piece(&raw.buffer, offset, piece)?;
            offset += piece.len() as u64;
        }
        if !rest.is_empty() {
            let mut word = [0; 4];
            for (to, from) in word.iter_mut().zip(rest) {
                *to = *from;
            }
            self.0.write_piece(&raw.buffer, offset, &word)?;
        }
        Ok(())
    }

    /// The first `bytes` bytes of `buffer`, once everything already handed to the device is done.
    ///
    /// # Errors
    /// [`DeviceError::Validation`] if the buffer is shorter or of another device, [`DeviceError::Timeout`],
    /// [`DeviceError::Lost`].
    pub fn read(&self, buffer: &Buffer, bytes: usize) -> Result<Vec<u8>, DeviceError> {
        self.read_later(buffer, bytes)?.wait()
    }

    /// As [`Gpu::read`], in two parts: the copy is made now, and waited for when the bytes are needed. Until then the
    /// device may be given more to do, which may overwrite the buffer.
    ///
    /// # Errors
    /// As [`Gpu::read`], but for those of waiting.
    pub fn read_later(&self, buffer: &Buffer, bytes: usize) -> Result<Reading, DeviceError> {
        self.begin_read(buffer, bytes).map(Reading)
    }

    /// As [`Gpu::read`], without blocking. The copy is made when this is called, not when the future is awaited; a
    /// thread of this crate waits for the device, so any executor will do.
    pub fn read_async(
        &self,
        buffer: &Buffer,
        bytes: usize,
    ) -> impl Future<Output = Result<Vec<u8>, DeviceError>> + Send + 'static {
        let pending = self.begin_read(buffer, bytes).and_then(|pending| {
            if let Some(pending) = &pending {
                pending.gpu.hand_to_waiter(pending)?;
            }
            Ok(pending)
        });
        async move {
            match pending? {
                Some(pending) => pending.finish().await,
                None => Ok(Vec::new()),
            }
        }
    }

    fn begin_read(&self, buffer: &Buffer, bytes: usize) -> Result<Option<Pending>, DeviceError> {
        let what = "reading a buffer";
        self.0.faults.alive()?;
        self.owns(buffer, what)?;
        if bytes > buffer.len() {
            let message = format!("{bytes} bytes wanted of a buffer of {}", buffer.len());
            return Err(DeviceError::Validation { what: what.into(), message });
        }
        let Some(place) = buffer.place().filter(|_| bytes > 0) else { return Ok(None) };
        let part = (place.raw.buffer.clone(), self.0.guard_bytes() + place.offset, bytes as u64);
        Inner::begin_parts(&self.0, what, &[part]).map(Some)
    }

    pub(crate) fn owns(&self, buffer: &Buffer, what: &str) -> Result<(), DeviceError> {
        if buffer.is_on(self) {
            return Ok(());
        }
        let message = "the buffer belongs to another device".to_owned();
        Err(DeviceError::Validation { what: what.to_owned(), message })
    }
}

impl Inner {
    fn write_piece(&self, buffer: &wgpu::Buffer, offset: u64, data: &[u8]) -> Result<(), DeviceError> {
        let bytes = data.len() as u64;
        let write = || self.queue.write_buffer(buffer, offset, data);
        self.or_make_room(|| self.check(&"writing to a buffer", bytes, write))?;
        if self.transfers.pending.fetch_add(bytes, Ordering::Relaxed) + bytes >= PIECE as u64 {
            self.submit("writing to a buffer", None)?;
        }
        Ok(())
    }

    /// The bytes of several ranges (buffer, offset, size), one after the other. Offsets, and sizes of all but the
    /// last, are multiples of 4.
    pub(crate) fn read_parts(
        self: &Arc<Self>,
        what: &str,
        parts: &[(wgpu::Buffer, u64, u64)],
    ) -> Result<Vec<u8>, DeviceError> {
        Self::begin_parts(self, what, parts)?.block()
    }

    fn begin_parts(
        gpu: &Arc<Self>,
        what: &str,
        parts: &[(wgpu::Buffer, u64, u64)],
    ) -> Result<Pending, DeviceError> {
        let bytes: u64 = parts.iter().map(|(_, _, size)| size).sum();
        let staging = gpu.staging(bytes.next_multiple_of(4))?;
        let (sender, receiver) = oneshot_channel();
        let teller = Arc::new(Teller { sender, told: AtomicBool::new(false) });
        let commands = gpu.check(&what, bytes, || {
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            let mut to = 0;
            for (buffer, offset, size) in parts {
                let size = size.next_multiple_of(4);
                encoder.copy_buffer_to_buffer(buffer, *offset, &staging.1, to, size);
                to += size;
            }
            encoder.finish()
        })?;
        let submission = gpu.submit(what, Some(commands))?;
        add(&gpu.counters.readbacks, 1);
        let to = teller.clone();
        gpu.check(&what, bytes, || {
            staging.1.map_async(wgpu::MapMode::Read, .., move |outcome| {
                let failed = |error: wgpu::BufferAsyncError| DeviceError::Internal {
                    what: "reading a buffer".into(),
                    message: error.to_string(),
                };
                to.tell(outcome.map_err(failed));
            });
        })?;
        Ok(Pending { gpu: gpu.clone(), staging, bytes, submission, teller, receiver })
    }

    /// A buffer of at least `bytes` that the host can read.
    fn staging(&self, bytes: u64) -> Result<(u64, wgpu::Buffer), DeviceError> {
        let size = if bytes > KEPT_BYTES { bytes } else { bytes.next_power_of_two().max(4096) };
        {
            let mut kept = lock(&self.transfers.staging);
            if let Some(at) = kept.iter().position(|(kept, _)| *kept == size) {
                return Ok(kept.swap_remove(at));
            }
        }
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        let description = wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false };
        let create = || self.check(&"reading a buffer", size, || self.device.create_buffer(&description));
        let buffer = self.or_make_room(create)?;
        Ok((size, buffer))
    }

    /// Waits for a read until its outcome is told, by whatever thread; tells why there is none if there is none.
    fn wait_for_read(&self, submission: Submission, teller: &Teller) {
        let what = "reading a buffer";
        if let Err(error) = self.wait_for(what, Some(submission)) {
            return teller.tell(Err(error));
        }
        // The thread that finds the copy done calls the callback, and that may be another one, which has not come
        // to it yet.
        let start = Instant::now();
        while !teller.has_told() {
            if let Err(error) = self.faults.alive() {
                return teller.tell(Err(error));
            }
            if start.elapsed() >= self.options.timeout {
                let message = "the copy did not arrive".into();
                return teller.tell(Err(DeviceError::Internal { what: what.into(), message }));
            }
            std::thread::sleep(LOOK);
            let _ = self.device.poll(wgpu::PollType::Poll);
        }
    }

    fn hand_to_waiter(&self, pending: &Pending) -> Result<(), DeviceError> {
        let mut waiter = lock(&self.transfers.waiter);
        let sender = match waiter.as_ref() {
            Some(sender) => sender.clone(),
            None => waiter.insert(self.spawn_waiter()?).clone(),
        };
        let gpu = Arc::downgrade(&pending.gpu);
        let wait = Wait { gpu, submission: pending.submission.clone(), teller: pending.teller.clone() };
        sender.send(wait).map_err(|error| DeviceError::Internal {
            what: "reading a buffer".into(),
            message: format!("the thread that waits for the GPU is gone: {error}"),
        })
    }

    /// Starts the thread that waits on behalf of futures. It ends with the device handle, whose field holds the only
    /// sender.
    fn spawn_waiter(&self) -> Result<mpsc::Sender<Wait>, DeviceError> {
        let (sender, waits) = mpsc::channel::<Wait>();
        let body = move || {
            for Wait { gpu, submission, teller } in waits {
                if let Some(gpu) = gpu.upgrade() {
                    gpu.wait_for_read(submission, &teller);
                }
            }
        };
        let spawned = std::thread::Builder::new().name("anygrad-wait".into()).spawn(body);
        spawned.map(|_| sender).map_err(|error| DeviceError::Internal {
            what: "starting the thread that waits for the GPU".into(),
            message: error.to_string(),
        })
    }
}

impl Pending {
    fn block(self) -> Result<Vec<u8>, DeviceError> {
        self.gpu.wait_for_read(self.submission.clone(), &self.teller);
        pollster::block_on(self.finish())
    }

    async fn finish(self) -> Result<Vec<u8>, DeviceError> {
        let outcome = self.receiver.receive().await;
        self.gpu.faults.alive()?;
        let internal = |message| DeviceError::Internal { what: "reading a buffer".into(), message };
        outcome.unwrap_or_else(|| Err(internal("the channel closed".into())))?;
        let (size, buffer) = self.staging;
        let data = {
            // A view takes whole words.
            let view = buffer
                .get_mapped_range(..self.bytes.next_multiple_of(4))
                .map_err(|error| internal(error.to_string()))?;
            view.get(..self.bytes as usize).unwrap_or_default().to_vec()
        };
        buffer.unmap();
        let mut kept = lock(&self.gpu.transfers.staging);
        if size <= KEPT_BYTES {
            if kept.len() >= KEPT {
                kept.remove(0);
            }
            kept.push((size, buffer));
        }
        Ok(data)
    }
}
