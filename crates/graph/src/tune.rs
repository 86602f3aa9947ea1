//! Choosing kernels by measuring.

use std::path::Path;

use anygrad_device::Tuning;

use crate::device::Device;
use crate::error::Error;

impl Device {
    /// Measures the kernels for all that `run` evaluates on this device, and takes the fastest from then on: for each
    /// matrix product and convolution, every variant that the adapter can run is timed on random numbers of the same
    /// shapes, and compared with the plainest kernel. Gives what `run` gives, and what was found; on the CPU, which has
    /// one way for each shape, nothing.
    ///
    /// Without it nothing is ever measured, and tables choose kernels. It takes from a few milliseconds to seconds for
    /// each shape. Sums are added up in another order by another kernel: the last bits of results may differ before and
    /// after, and are the same on every run with the same choices ([`Device::save_tuning`]).
    ///
    /// Let `run` do what is to become fast once, such as one step of a training. Other threads should not use the device
    /// meanwhile: what they run is measured as well, and disturbs the clock.
    ///
    /// # Errors
    /// The device was lost, is out of memory, or did not finish within its time limit.
    ///
    /// ```
    /// use anygrad_graph::{Device, Tensor};
    /// let device = Device::auto()?;
    /// let x = Tensor::ones([32, 8], &device);
    /// let (sum, tuning) = device.tune(|| x.matmul(&x.t()).sum_all().item())?;
    /// assert_eq!(sum?, 8192.0);
    /// println!("{tuning}");
    /// # Ok::<(), anygrad_graph::Error>(())
    /// ```
    pub fn tune<T>(&self, run: impl FnOnce() -> T) -> Result<(T, Tuning), Error> {
        let Some(gpu) = self.as_gpu() else { return Ok((run(), Tuning::default())) };
        // programs that are planned already would not be heard
        self.inner().plans().clear();
        gpu.choices().listen();
        let result = run();
        gpu.wait()?;
        let tuning = gpu.tune(&gpu.choices().heard())?;
        self.inner().plans().clear();
        Ok((result, tuning))
    }

    /// Writes what [`Device::tune`] chose to a text file, with the adapter, its driver and the version of this crate, so
    /// that the next process need not measure: [`Device::load_tuning`].
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save_tuning(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        match self.as_gpu() {
            Some(gpu) => Ok(gpu.save_choices(path.as_ref())?),
            None => Err(Error::invalid("save_tuning", "the CPU has nothing to tune")),
        }
    }

    /// Takes the choices of a file that [`Device::save_tuning`] wrote, and says how many there are.
    ///
    /// # Errors
    /// The file cannot be read, is damaged, or was measured on another adapter, driver or version of this crate; then
    /// nothing is taken from it. The CPU has no kernels to choose from.
    pub fn load_tuning(&self, path: impl AsRef<Path>) -> Result<usize, Error> {
        let Some(gpu) = self.as_gpu() else {
            return Err(Error::invalid("load_tuning", "the CPU has nothing to tune"));
        };
        let count = gpu.load_choices(path.as_ref())?;
        self.inner().plans().clear();
        Ok(count)
    }
}
