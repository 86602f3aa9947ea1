//! Running an op by itself, for tests and probes. Programs prepare a [`Plan`] instead.

use crate::{Buffer, DeviceError, Gpu, Lowered, Operand, Plan, PlanStep};

impl Gpu {
    /// Runs a lowered op once: prepares a plan, gives it scratch buffers and hands it to the device. Kernels that were
    /// compiled before are not compiled again.
    ///
    /// # Errors
    /// [`DeviceError::Validation`] if a launch names a buffer or number that is not given; else as [`Plan::new`]
    /// and [`Plan::run`].
    pub fn run_once(
        &self,
        lowered: &Lowered,
        inputs: &[Buffer],
        outputs: &[Buffer],
        numbers: &[u32],
    ) -> Result<(), DeviceError> {
        let plan = self.plan_once(lowered, inputs.len(), outputs.len(), numbers.len())?;
        let mut buffers = [inputs, outputs].concat();
        for bytes in &lowered.scratch {
            buffers.push(self.alloc(*bytes)?);
        }
        plan.run(&buffers, numbers)
    }

    /// The plan of [`Gpu::run_once`]. It runs on the inputs, outputs and scratch buffers in that order.
    fn plan_once(
        &self,
        lowered: &Lowered,
        inputs: usize,
        outputs: usize,
        numbers: usize,
    ) -> Result<Plan, DeviceError> {
        let counts = [inputs, outputs, lowered.scratch.len()];
        let slot = |operand: Operand| {
            let (kind, index) = match operand {
                Operand::Input(index) | Operand::Block(index) => (0, index),
                Operand::Output(index) => (1, index),
                Operand::Scratch(index) => (2, index),
            };
            if index >= counts[kind] {
                let message =
                    format!("{operand:?} is not among {counts:?} inputs, outputs and scratch buffers");
                return Err(DeviceError::Validation { what: "running an op".into(), message });
            }
            Ok(counts.iter().take(kind).sum::<usize>() + index)
        };
        let step = |launch: &crate::Launch| {
            let slots = launch.bindings.iter().map(|(operand, _)| slot(*operand));
            Ok(PlanStep {
                slots: slots.collect::<Result<_, DeviceError>>()?,
                numbers: (0..numbers).collect(),
                label: launch.family.to_owned(),
                launch: launch.clone(),
            })
        };
        let steps = lowered.launches.iter().map(step).collect::<Result<_, DeviceError>>()?;
        Plan::new(self, steps)
    }
}
