//! Whole buffers by size class, used again and again.
//!
//! A new wgpu buffer is filled with zeros at its first use, which costs more than most kernels; one from the pool
//! is not. Whole buffers, because wgpu tracks usage a buffer: parts of one could not be read and written at once.

use std::collections::VecDeque;
use std::sync::Mutex;

use rustc_hash::FxHashMap;

use crate::Memory;
use crate::fault::lock;

/// A wgpu buffer of one size class.
#[derive(Debug)]
pub(crate) struct Raw {
    /// Names the wgpu buffer, in all its lives; the key of cached bind groups.
    pub(crate) id: u64,
    pub(crate) buffer: wgpu::Buffer,
    /// Bytes that may be used, guards not counted.
    pub(crate) capacity: u64,
}

/// The smallest class, and what every class is a multiple of.
const GRAIN: u64 = 256;

/// The pool may keep a quarter of the peak plus this much beyond what was ever needed at once.
const SLACK: u64 = 64 << 20;

#[derive(Debug)]
pub(crate) struct Pool {
    largest: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By class, the longest unused first, each with the time it came.
    free: FxHashMap<u64, VecDeque<(u64, Raw)>>,
    time: u64,
    memory: Memory,
    /// The most bytes that were ever live, whatever the peak was reset to.
    most: u64,
}

impl Pool {
    /// A pool whose buffers leave `reserved` bytes of the largest that the limits allow.
    pub(crate) fn new(limits: &wgpu::Limits, reserved: u64) -> Self {
        let largest = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        let largest = largest.saturating_sub(reserved) / GRAIN * GRAIN;
        Self { largest, state: Mutex::default() }
    }

    /// Most bytes of one buffer.
    pub(crate) fn largest(&self) -> u64 {
        self.largest
    }

    /// The class of a buffer of `bytes`: the least of four sizes an octave (eight above a mebibyte) that holds it.
    pub(crate) fn class(&self, bytes: u64) -> u64 {
        if bytes <= GRAIN {
            return GRAIN;
        }
        let octave = (bytes - 1).ilog2();
        let step = 1 << (octave - if octave < 20 { 2 } else { 3 });
        let class = bytes.div_ceil(step).saturating_mul(step);
        class.div_ceil(GRAIN).saturating_mul(GRAIN).min(self.largest.max(GRAIN))
    }

    /// A buffer of a class, the latest that came back (it is the likeliest to be in a cache, and the same one
    /// every time round a loop, which bind groups are cached by).
    pub(crate) fn take(&self, class: u64) -> Option<Raw> {
        let mut state = lock(&self.state);
        let (_, raw) = state.free.get_mut(&class)?.pop_back()?;
        state.memory.pooled_bytes -= class;
        state.count_live(class);
        Some(raw)
    }

    /// Counts a buffer of a class that the driver made.
    pub(crate) fn made(&self, class: u64) {
        let mut state = lock(&self.state);
        state.memory.allocations += 1;
        state.count_live(class);
    }

    /// Takes a buffer back. Returns those that are let go for it.
    pub(crate) fn give(&self, raw: Raw) -> Vec<Raw> {
        let mut state = lock(&self.state);
        state.memory.live_bytes -= raw.capacity;
        state.memory.pooled_bytes += raw.capacity;
        state.time += 1;
        let time = state.time;
        state.free.entry(raw.capacity).or_default().push_back((time, raw));
        let most = state.most.saturating_add(state.most / 4).saturating_add(SLACK);
        let mut freed = Vec::new();
        while state.memory.live_bytes.saturating_add(state.memory.pooled_bytes) > most {
            let Some(raw) = state.pop_oldest() else { break };
            freed.push(raw);
        }
        freed
    }

    /// Empties the pool.
    pub(crate) fn drain(&self) -> Vec<Raw> {
        let mut state = lock(&self.state);
        state.memory.pooled_bytes = 0;
        let free = std::mem::take(&mut state.free);
        free.into_values().flatten().map(|(_, raw)| raw).collect()
    }

    /// Begins to look for the peak anew.
    pub(crate) fn reset_peak(&self) {
        let mut state = lock(&self.state);
        state.memory.peak_bytes = state.memory.live_bytes;
    }

    pub(crate) fn memory(&self) -> Memory {
        lock(&self.state).memory
    }
}

impl State {
    fn count_live(&mut self, class: u64) {
        self.memory.live_bytes += class;
        self.memory.peak_bytes = self.memory.peak_bytes.max(self.memory.live_bytes);
        self.most = self.most.max(self.memory.live_bytes);
    }

    fn pop_oldest(&mut self) -> Option<Raw> {
        let age = |queue: &VecDeque<(u64, Raw)>| queue.front().map(|(time, _)| *time);
        let times = self.free.iter().filter_map(|(class, queue)| Some((age(queue)?, *class)));
        let (_, class) = times.min()?;
        let (_, raw) = self.free.get_mut(&class)?.pop_front()?;
        self.memory.pooled_bytes -= class;
        Some(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_hold_their_sizes_and_waste_a_quarter_at_most() {
        let pool = Pool::new(&wgpu::Limits::default(), 0);
        let mut last = 0;
        for bytes in (1..5000).chain((5000..40_000_000).step_by(7919)) {
            let class = pool.class(bytes);
            assert!(class >= bytes && class >= last && class.is_multiple_of(GRAIN), "{bytes} {class}");
            assert!(class - bytes <= bytes / 4 + GRAIN, "{bytes} {class}");
            assert_eq!(pool.class(class), class);
            last = class;
        }
        assert_eq!(pool.class(pool.largest()), pool.largest());
        assert_eq!(pool.class(pool.largest() - 1), pool.largest());
    }
}
