//! Event files that TensorBoard shows.

mod histogram;
mod hparams;
mod protobuf;
mod record;

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::png::png;
use crate::{Result, TrainError};
pub use hparams::HParam;
use protobuf::Message;

/// Writes an event file of TensorBoard, under the names of PyTorch's `SummaryWriter`: scalars, histograms, texts,
/// pictures and hyper-parameters, each at a step. `tensorboard --logdir runs` shows all runs below the folder `runs`.
///
/// Every call writes a whole record, so that what was written before a crash is readable after it. The format is that
/// of TensorFlow: `Event` messages (tensorflow/core/util/event.proto) in TFRecord frames with masked CRC-32C.
///
/// ```
/// use anygrad_train::SummaryWriter;
/// # let folder = std::env::temp_dir().join(format!("anygrad-doc-events-{}", std::process::id()));
/// let mut writer = SummaryWriter::new(folder.join("run1"))?;
/// for step in 0..3 {
///     writer.add_scalar("loss", 1.0 / (1.0 + step as f32), step)?;
/// }
/// writer.add_histogram("weights", &[0.1, -0.2, 0.3], 2)?;
/// writer.add_text("note", "a *short* run", 0)?;
/// assert!(writer.path().to_string_lossy().contains("tfevents"));
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
#[derive(Debug)]
pub struct SummaryWriter {
    path: PathBuf,
    file: File,
}

impl SummaryWriter {
    /// A new event file in `folder`, which is made if need be.
    ///
    /// # Errors
    /// [`TrainError::Io`] with the path.
    pub fn new(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        fs::create_dir_all(folder).map_err(|source| TrainError::Io { path: folder.to_owned(), source })?;
        let (seconds, process) = (wall_time() as u64, std::process::id());
        // TensorBoard reads the files of a folder in the order of their names
        let mut tries = 0..10_000u32;
        loop {
            let count = tries.next().unwrap_or(u32::MAX);
            let path = folder.join(format!("events.out.tfevents.{seconds:010}.anygrad.{process}.{count:04}"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    let mut writer = Self { path, file };
                    writer.write(Message::new().double(1, wall_time()).text(3, "brain.Event:2"))?;
                    return Ok(writer);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists && count < u32::MAX => {}
                Err(source) => return Err(TrainError::Io { path, source }),
            }
        }
    }

    /// As [`new`](SummaryWriter::new), for a run that goes on after `step`: TensorBoard forgets what files of this
    /// folder hold of `step` and later ones.
    ///
    /// # Errors
    /// As [`new`](SummaryWriter::new).
    pub fn resumed(folder: impl AsRef<Path>, step: u64) -> Result<Self> {
        let mut writer = Self::new(folder)?;
        // a SessionLog with the status START
        writer.event(step, 7, Message::new().integer(1, 1))?;
        Ok(writer)
    }

    /// The event file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A number of the curve `tag`.
    ///
    /// # Errors
    /// [`TrainError::Io`] with the path.
    pub fn add_scalar(&mut self, tag: &str, value: f32, step: u64) -> Result<()> {
        self.summary(step, Message::new().text(1, tag).float(2, value))
    }

    /// The distribution of the values that are finite. Buckets are those of TensorFlow and PyTorch, whose limits
    /// grow by a tenth from ±10⁻¹².
    ///
    /// # Errors
    /// [`TrainError::Io`] with the path.
    pub fn add_histogram(&mut self, tag: &str, values: &[f32], step: u64) -> Result<()> {
        let histogram = histogram::histogram(values.iter().copied().map(f64::from));
        self.summary(step, Message::new().text(1, tag).message(5, histogram))
    }

    /// A text in Markdown.
    ///
    /// # Errors
    /// [`TrainError::Io`] with the path.
    pub fn add_text(&mut self, tag: &str, text: &str, step: u64) -> Result<()> {
        // a tensor of one string
        let shape = Message::new().message(2, Message::new().integer(1, 1));
        let tensor = Message::new().integer(1, 7).message(2, shape).text(8, text);
        let tag = format!("{tag}/text_summary");
        self.summary(step, Message::new().text(1, &tag).message(8, tensor).message(9, metadata("text", None)))
    }

    /// A picture of `shape` [height, width, channels], 8 bits a channel, row by row; channels are 1 (grey), 3 (RGB)
    /// or 4 (RGBA).
    ///
    /// # Errors
    /// The shape is none of a picture or does not hold as many bytes as `pixels`; [`TrainError::Io`] with the path.
    pub fn add_image(&mut self, tag: &str, pixels: &[u8], shape: [usize; 3], step: u64) -> Result<()> {
        let wrong = |what: &str| TrainError::Setting {
            message: format!("add_image: {tag} has shape {shape:?} and {} bytes; {what}", pixels.len()),
        };
        let [height, width, channels] = shape;
        if ![1, 3, 4].contains(&channels) {
            return Err(wrong("it must have 1, 3 or 4 channels"));
        }
        let bytes = height.checked_mul(width).and_then(|count| count.checked_mul(channels));
        if bytes != Some(pixels.len()) || pixels.is_empty() {
            return Err(wrong("it must have height · width · channels bytes, and some"));
        }
        let side = |size: usize| u32::try_from(size).ok().filter(|&size| size <= i32::MAX as u32);
        // the bytes of a chunk are counted in 31 bits
        let (Some(height), Some(width), true) = (side(height), side(width), pixels.len() < 1 << 30) else {
            return Err(wrong("it is too large"));
        };
        self.add_png(tag, &png(pixels, height, width, channels as u8), [height, width], step)
    }

    /// A picture of [height, width] that is a PNG file already.
    ///
    /// # Errors
    /// [`TrainError::Io`] with the path.
    pub fn add_png(&mut self, tag: &str, png: &[u8], size: [u32; 2], step: u64) -> Result<()> {
        let [height, width] = size.map(i64::from);
        let image = Message::new().integer(1, height).integer(2, width).integer(3, 3).bytes(4, png);
        self.summary(step, Message::new().text(1, tag).message(4, image))
    }

    /// The hyper-parameters of this run and what came of it, a row of the HParams page: the metrics become scalars
    /// at step 0, unless the curves of these tags are there already.
    ///
    /// # Errors
    /// [`TrainError::Io`] with the path.
    pub fn add_hparams(&mut self, hparams: &[(&str, HParam)], metrics: &[(&str, f32)]) -> Result<()> {
        let named: Vec<(String, HParam)> =
            hparams.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        let tags: Vec<String> = metrics.iter().map(|(tag, _)| (*tag).to_owned()).collect();
        for (tag, content) in hparams::summaries(&named, &tags, wall_time()) {
            // the version of the plugin's data comes first
            let content = Message::new().integer(1, 0).joined(content);
            let value = Message::new().text(1, tag).message(9, metadata("hparams", Some(content)));
            self.summary(0, value)?;
        }
        metrics.iter().try_for_each(|(tag, value)| self.add_scalar(tag, *value, 0))
    }

    /// Makes sure that what was written survives a power cut.
    ///
    /// # Errors
    /// [`TrainError::Io`] with the path.
    pub fn flush(&mut self) -> Result<()> {
        self.file.sync_all().map_err(|source| TrainError::Io { path: self.path.clone(), source })
    }

    /// Writes a `Summary` of one value.
    fn summary(&mut self, step: u64, value: Message) -> Result<()> {
        self.event(step, 5, Message::new().message(1, value))
    }

    /// Writes an `Event` whose content is `field`.
    fn event(&mut self, step: u64, field: u32, content: Message) -> Result<()> {
        let step = i64::try_from(step).unwrap_or(i64::MAX);
        self.write(Message::new().double(1, wall_time()).integer(2, step).message(field, content))
    }

    fn write(&mut self, event: Message) -> Result<()> {
        let record = record::record(&event.into_bytes());
        self.file.write_all(&record).map_err(|source| TrainError::Io { path: self.path.clone(), source })
    }
}

/// A `SummaryMetadata` that names the page which shows the value.
fn metadata(plugin: &str, content: Option<Message>) -> Message {
    let mut data = Message::new().text(1, plugin);
    if let Some(content) = content {
        data = data.message(2, content);
    }
    Message::new().message(1, data)
}

/// Seconds since 1970.
fn wall_time() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64())
}
