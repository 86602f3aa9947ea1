use crate::targets::check_length;
use crate::{DataError, Result};

/// One image `[channels, height, width]`, the rows of the first channel first.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    channels: usize,
    height: usize,
    width: usize,
    pixels: Vec<f32>,
}

impl Image {
    /// An image of these `pixels`.
    ///
    /// # Errors
    /// [`DataError::SampleShape`] or [`DataError::Length`] if there are not channels · height · width of them, or none.
    pub fn new(channels: usize, height: usize, width: usize, pixels: Vec<f32>) -> Result<Self> {
        check_length("inputs", pixels.len(), &[channels, height, width], 1)?;
        Ok(Self { channels, height, width, pixels })
    }

    /// Number of channels: 1 for grey, 3 for red, green and blue.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Number of rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Number of columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All pixels, channel by channel and row by row.
    pub fn pixels(&self) -> &[f32] {
        &self.pixels
    }

    /// All pixels, to be changed in place.
    pub fn pixels_mut(&mut self) -> &mut [f32] {
        &mut self.pixels
    }

    /// All pixels, without the image.
    pub fn into_pixels(self) -> Vec<f32> {
        self.pixels
    }

    /// One pixel, or `None` outside the image.
    pub fn get(&self, channel: usize, row: usize, column: usize) -> Option<f32> {
        let inside = channel < self.channels && row < self.height && column < self.width;
        inside.then(|| self.pixels[(channel * self.height + row) * self.width + column])
    }

    /// Each pixel as `change` makes it.
    pub fn map(mut self, change: impl Fn(f32) -> f32) -> Self {
        self.pixels.iter_mut().for_each(|value| *value = change(*value));
        self
    }

    /// One channel, row by row. The channel is in range: the caller checks.
    pub(super) fn plane(&self, channel: usize) -> &[f32] {
        &self.pixels[channel * self.height * self.width..][..self.height * self.width]
    }

    /// An image of another size: pixel (channel, row, column) is `pixel` of them.
    pub(super) fn build(
        channels: usize,
        height: usize,
        width: usize,
        mut pixel: impl FnMut(usize, usize, usize) -> f32,
    ) -> Result<Self> {
        let (shape, mut pixels) = ([channels, height, width], Vec::new());
        let size = crate::targets::checked_size(&shape).filter(|&size| size > 0);
        // a size from the settings may be beyond all memory
        if size.is_none_or(|size| pixels.try_reserve_exact(size).is_err()) {
            return Err(DataError::SampleShape { what: "inputs", shape: shape.to_vec() });
        }
        for channel in 0..channels {
            for row in 0..height {
                pixels.extend((0..width).map(|column| pixel(channel, row, column)));
            }
        }
        Ok(Self { channels, height, width, pixels })
    }

    /// Red, green and blue planes, if these are the channels.
    pub(super) fn is_rgb(&self) -> bool {
        self.channels == 3
    }

    /// The lightness that the eye sees (ITU-R 601-2, as torchvision rounds it), one number a pixel; the channel itself
    /// of a grey image.
    pub(super) fn luma(&self) -> Vec<f32> {
        if !self.is_rgb() {
            return self.plane(0).to_vec();
        }
        let colors = self.plane(0).iter().zip(self.plane(1)).zip(self.plane(2));
        colors.map(|((r, g), b)| 0.2989 * r + 0.587 * g + 0.114 * b).collect()
    }
}
