//! Kernels that store through a pointwise program.

use anygrad_device::kernels::SourceKind;
use anygrad_device::kernels::pointwise as kernel;
use anygrad_device::{Caps, DeviceError};
use anygrad_layout::{DType, Layout};

use super::{Builder, numbers, pointwise};
use crate::error::Error;
use crate::fuse::Fused;
use crate::plan::Schedule;

impl Builder<'_> {
    /// A kernel whose results go through `tail`; where none can do so, such as one that would store single halves, the
    /// kernel and then the program.
    pub(super) fn kernel_then(
        &mut self,
        schedule: &Schedule,
        place: usize,
        (instr, inputs): (u32, &[(u32, Layout)]),
        tail: &Fused,
        caps: &Caps,
    ) -> Result<(), Error> {
        let node = &self.program.instrs[instr as usize];
        let dtypes: Vec<DType> =
            node.inputs.iter().map(|&i| self.program.instrs[i as usize].meta.dtype).collect();
        let in_place = schedule.in_place(tail, place);
        let (mut values, layouts): (Vec<u32>, Vec<Layout>) = inputs.iter().cloned().unzip();
        let mut program = pointwise(tail, &in_place, &mut values);
        let label = self.label(&[&[instr], &tail.instrs[..]].concat());
        match node.op.lower_then(&layouts, &dtypes, &program, caps) {
            Ok(kernels) => {
                self.check_scratch(instr, &kernels)?;
                let inputs = self.slots.all(&values)?;
                let outputs = self.outputs(tail, &in_place)?;
                self.launch(place, kernels, &inputs, &outputs, &numbers(schedule, tail), &label)
            }
            Err(DeviceError::Unsupported { .. }) => {
                let kernels = node.op.lower(&layouts, &dtypes, &node.meta, caps);
                let kernels = kernels.map_err(|error| self.failed(instr, &error))?;
                self.check_scratch(instr, &kernels)?;
                let bytes = self.bytes(instr, node.meta.shape.numel(), node.meta.dtype)?;
                let computed = self.slots.scratch(bytes);
                let mut inputs = self.slots.all(&values)?;
                self.launch(place, kernels, &inputs, &[computed], &[0], &self.label(&[instr]))?;
                for source in program.inputs.iter_mut().filter(|source| source.kind == SourceKind::Computed) {
                    source.kind = SourceKind::Buffer(inputs.len());
                }
                let kernels = kernel::pointwise(&program, caps, None);
                let kernels = kernels.map_err(|error| self.failed(instr, &error))?;
                inputs.push(computed);
                let outputs = self.outputs(tail, &in_place)?;
                self.launch(place, kernels, &inputs, &outputs, &numbers(schedule, tail), &label)
            }
            Err(error) => Err(self.failed(instr, &error)),
        }
    }
}
