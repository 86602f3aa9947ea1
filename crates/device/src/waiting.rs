//! Handing work to a device, and waiting for it.

use std::collections::VecDeque;
use std::sync::atomic::{
    AtomicU32, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::DeviceError;
use crate::counters::add;
use crate::fault::lock;
use crate::gpu::Inner;

/// Submissions that may be under way at once. A loop that never reads anything back is slowed down to the
/// speed of the device here, instead of filling the memory with work to do.
const IN_FLIGHT: usize = 16;

/// How long to look whether work is done before going to sleep. A thread that sleeps learns of the end 30 to 50 µs
/// late, and a core that sleeps is slow to wake for whoever needs it next: the driver, where it runs on the CPU. That
/// is a third of a small network's step.
const LOOK: Duration = Duration::from_micros(500);

/// Waits in a row that have to be over within [`LOOK`] before the next one looks. Work that takes long is not worth a
/// core, which a driver that runs shaders on the CPU lacks.
const BRIEF: u32 = 3;

/// A submission of a device.
#[derive(Clone)]
pub(crate) struct Submission {
    /// Counted from 1.
    number: u64,
    index: wgpu::SubmissionIndex,
}

/// What is known of the work under way.
#[derive(Default)]
pub(crate) struct Waiting {
    in_flight: Mutex<InFlight>,
    /// The last submission that is known to be done. wgpu tells; asking it for one submission with a timeout that
    /// passes would panic where another thread clears the queue at the same time.
    finished: Arc<AtomicU64>,
    /// How many waits in a row were brief.
    brief: AtomicU32,
}

#[derive(Default)]
struct InFlight {
    last: Option<Submission>,
    oldest_first: VecDeque<Submission>,
}

impl Inner {
    /// Hands `commands`, and all uploads before them, to the device.
    pub(crate) fn submit(
        &self,
        what: &str,
        commands: Option<wgpu::CommandBuffer>,
    ) -> Result<Submission, DeviceError> {
        add(&self.counters.submits, 1);
        self.transfers.pending.store(0, Relaxed);
        // wgpu frees what is done with on the way, and learns of a device that is gone
        let index = self.check(&what, 0, || self.queue.submit(commands))?;
        let (submission, oldest) = {
            let mut in_flight = lock(&self.waiting.in_flight);
            let number = 1 + in_flight.last.as_ref().map_or(0, |last| last.number);
            let submission = Submission { number, index };
            in_flight.last = Some(submission.clone());
            in_flight.oldest_first.push_back(submission.clone());
            let full = in_flight.oldest_first.len() > IN_FLIGHT;
            (submission, if full { in_flight.oldest_first.pop_front() } else { None })
        };
        // told when all that was submitted until now is done, so those with smaller numbers are
        let (finished, number) = (self.waiting.finished.clone(), submission.number);
        self.queue.on_submitted_work_done(move || {
            finished.fetch_max(number, Release);
        });
        if let Some(oldest) = oldest {
            self.sleep(what, &oldest)?;
        }
        Ok(submission)
    }

    /// Waits for a submission, or for the last one; not for those after it. The time allowed is for each submission
    /// under way, so slow but steady work is no timeout.
    pub(crate) fn wait_for(&self, what: &str, last: Option<Submission>) -> Result<(), DeviceError> {
        self.faults.alive()?;
        let last = last.or_else(|| lock(&self.waiting.in_flight).last.clone());
        let Some(last) = last else { return Ok(()) };
        let next = || {
            let mut in_flight = lock(&self.waiting.in_flight);
            let due = in_flight.oldest_first.front().is_some_and(|oldest| oldest.number <= last.number);
            if due { in_flight.oldest_first.pop_front() } else { None }
        };
        let (start, mut waited) = (Instant::now(), false);
        while let Some(oldest) = next() {
            waited |= self.look_or_sleep(what, &oldest, start)?;
        }
        waited |= self.look_or_sleep(what, &last, start)?;
        if waited {
            // what was over before it was waited for says nothing of the next time
            let brief = if start.elapsed() < LOOK { self.waiting.brief.load(Relaxed) + 1 } else { 0 };
            self.waiting.brief.store(brief.min(BRIEF), Relaxed);
        }
        Ok(())
    }

    /// Waits for a submission by looking for a while, if that is likely to do, then asleep. `start` is when the waiting
    /// began. Whether it was not over yet.
    fn look_or_sleep(
        &self,
        what: &str,
        submission: &Submission,
        start: Instant,
    ) -> Result<bool, DeviceError> {
        if self.is_over(submission)? {
            return Ok(false);
        }
        if self.waiting.brief.load(Relaxed) >= BRIEF && another_core() {
            while start.elapsed() < LOOK {
                std::hint::spin_loop();
                if self.is_over(submission)? {
                    return Ok(true);
                }
            }
        }
        self.sleep(what, submission).map(|()| true)
    }

    /// Whether a submission is known to be done.
    fn is_over(&self, submission: &Submission) -> Result<bool, DeviceError> {
        let _ = self.device.poll(wgpu::PollType::Poll);
        self.faults.alive()?;
        Ok(self.waiting.finished.load(Acquire) >= submission.number)
    }

    fn sleep(&self, what: &str, submission: &Submission) -> Result<(), DeviceError> {
        self.faults.alive()?;
        let timeout = self.options.timeout;
        let submission_index = Some(submission.index.clone());
        match self.device.poll(wgpu::PollType::Wait { submission_index, timeout: Some(timeout) }) {
            Ok(_) => self.faults.alive(),
            Err(wgpu::PollError::Timeout) => {
                Err(DeviceError::Timeout { what: what.to_owned(), after: timeout })
            }
            Err(error) => Err(DeviceError::Internal { what: what.to_owned(), message: error.to_string() }),
        }
    }
}

/// Whether there is a core for others beside the one that looks.
fn another_core() -> bool {
    static CORES: OnceLock<usize> = OnceLock::new();
    *CORES.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from)) > 1
}
