//! How long each kernel of a plan takes.

use crate::counters::add;
use crate::plan::{DISPATCHES, Step};
use crate::{Buffer, DeviceError, Plan};

/// Bytes of one timestamp.
const STAMP: u64 = wgpu::QUERY_SIZE as u64;

impl Plan {
    /// As [`Plan::run`], but with a clock around each step: microseconds of each dispatch, in order. It waits for the
    /// device, and a kernel does not overlap with the next one, so the sum is more than a plain run takes.
    ///
    /// # Errors
    /// As [`Plan::run`]; [`DeviceError::Unsupported`] without [`Limits::timestamps`](crate::Limits::timestamps).
    pub fn run_timed(&self, buffers: &[Buffer], numbers: &[u32]) -> Result<Vec<f64>, DeviceError> {
        if !self.gpu().limits().timestamps {
            return Err(DeviceError::Unsupported { what: "timing kernels (no timestamp queries)".into() });
        }
        self.run_with(buffers, numbers, |groups| {
            let mut times = Vec::with_capacity(self.steps.len());
            for (steps, groups) in self.steps.chunks(DISPATCHES).zip(groups.chunks(DISPATCHES)) {
                times.extend(self.time(steps, groups)?);
            }
            Ok(times)
        })
    }

    /// The labels of the steps that a run dispatches, in order.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().map(|step| step.label.as_str())
    }

    fn time(&self, steps: &[Step], groups: &[wgpu::BindGroup]) -> Result<Vec<f64>, DeviceError> {
        let inner = &self.gpu().0;
        let count = 2 * steps.len() as u32;
        let size = STAMP * u64::from(count);
        let usage = wgpu::BufferUsages::QUERY_RESOLVE | wgpu::BufferUsages::COPY_SRC;
        let description = wgpu::BufferDescriptor { label: None, size, usage, mapped_at_creation: false };
        let (stamps, commands) = inner.check(&"timing a plan", size, || {
            let ty = wgpu::QueryType::Timestamp;
            let queries = inner.device.create_query_set(&wgpu::QuerySetDescriptor { label: None, ty, count });
            let stamps = inner.device.create_buffer(&description);
            let mut encoder = inner.device.create_command_encoder(&Default::default());
            for (first, (step, group)) in (0..count).step_by(2).zip(steps.iter().zip(groups)) {
                let writes = wgpu::ComputePassTimestampWrites {
                    query_set: &queries,
                    beginning_of_pass_write_index: Some(first),
                    end_of_pass_write_index: Some(first + 1),
                };
                let timed = wgpu::ComputePassDescriptor { label: None, timestamp_writes: Some(writes) };
                let mut pass = encoder.begin_compute_pass(&timed);
                pass.set_pipeline(&step.pipeline.pipeline);
                step.dispatch(&mut pass, group);
            }
            encoder.resolve_query_set(&queries, 0..count, &stamps, 0);
            (stamps, encoder.finish())
        })?;
        add(&inner.counters.dispatches, steps.len() as u64);
        inner.submit("timing a plan", Some(commands))?;
        let data = inner.read_parts("timing a plan", &[(stamps, 0, size)])?;
        let period = f64::from(inner.queue.get_timestamp_period()); // nanoseconds a tick
        let stamp =
            |bytes: &[u8]| bytes.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        let micros = |pair: &[u8]| {
            let (begin, end) = pair.split_at(pair.len().min(STAMP as usize));
            stamp(end).saturating_sub(stamp(begin)) as f64 * period / 1000.0
        };
        Ok(data.chunks(2 * STAMP as usize).map(micros).collect())
    }
}
