//! Pictures in folders, one folder a class.

use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::imageops::FilterType;
use image::{DynamicImage, ImageReader, Limits};

use crate::augment::Image;
use crate::{DataError, Dataset, Result, Sample, Source, Target, TargetKind};

/// Which channels pictures are read in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Color {
    /// One channel, lightness.
    Gray,
    /// Red, green and blue.
    #[default]
    Rgb,
}

/// How pictures are read; what is not named keeps its default.
///
/// ```
/// use anygrad_data::image_folder::{Color, ImageSettings};
/// let settings = ImageSettings { size: Some((32, 32)), ..ImageSettings::default() };
/// assert_eq!((settings.color, settings.max_side), (Color::Rgb, 16_384));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSettings {
    /// The channels; [`Color::Rgb`].
    pub color: Color,
    /// The (height, width) that every picture is scaled to, smoothly; as they are if `None`, and then all of one size.
    pub size: Option<(usize, usize)>,
    /// The greatest height and width that is read: a small file may claim a huge picture; 16,384.
    pub max_side: u32,
    /// The greatest memory that decoding one picture may take, in bytes; 512 MiB.
    pub max_bytes: u64,
}

impl Default for ImageSettings {
    fn default() -> Self {
        Self { color: Color::Rgb, size: None, max_side: 16_384, max_bytes: 512 << 20 }
    }
}

/// The pictures below a folder, whose sub-folders are the classes. Both are taken in the order of their names: class 0 is
/// the first sub-folder. Files that end in .png, .jpg or .jpeg are pictures, all others are left alone.
///
/// It is a [`Source`]: pictures are read when they are asked for, by the threads of a [`Loader`](crate::Loader).
/// [`ImageFolder::load`] reads all at once.
///
/// ```
/// use anygrad_data::image_folder::{ImageFolder, ImageSettings, write_png};
/// let folder = std::env::temp_dir().join(format!("anygrad-doc-images-{}", std::process::id()));
/// for (class, grey) in [("dark", 0.1), ("light", 0.9)] {
///     std::fs::create_dir_all(folder.join(class)).map_err(|e| anygrad_data::DataError::Custom(e.into()))?;
///     let image = anygrad_data::augment::Image::new(3, 4, 4, vec![grey; 48])?;
///     write_png(&image, &folder.join(class).join("1.png"))?;
/// }
/// let data = ImageFolder::open(&folder, ImageSettings::default())?.load()?;
/// assert_eq!((data.len(), data.input_shape()), (2, &[3, 4, 4][..]));
/// # let _ = std::fs::remove_dir_all(&folder);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageFolder {
    classes: Vec<String>,
    files: Vec<(PathBuf, u32)>,
    settings: ImageSettings,
    size: (usize, usize),
}

impl ImageFolder {
    /// Lists the pictures below `dir`; only the first is read, for its size, if no size is set.
    ///
    /// # Errors
    /// [`DataError::Io`] if a folder cannot be listed, [`DataError::Format`] if there is no picture or the first is
    /// damaged, [`DataError::Setting`] if the size is 0.
    pub fn open(dir: &Path, settings: ImageSettings) -> Result<Self> {
        check_size(&settings)?;
        let (mut classes, mut files) = (Vec::new(), Vec::new());
        for folder in listed(dir)?.into_iter().filter(|path| path.is_dir()) {
            let label =
                u32::try_from(classes.len()).map_err(|_| DataError::ClassCount { classes: classes.len() })?;
            classes.push(folder.file_name().unwrap_or_default().to_string_lossy().into_owned());
            files.extend(
                listed(&folder)?.into_iter().filter(|path| is_picture(path)).map(|path| (path, label)),
            );
        }
        let Some((first, _)) = files.first() else {
            let found = format!("{} folders without any", classes.len());
            let wanted = "folders of classes with .png, .jpg or .jpeg files";
            return Err(DataError::format(&dir.display().to_string(), wanted, found));
        };
        let size = match settings.size {
            Some(size) => size,
            None => {
                let image = read(first, &settings)?;
                (image.height(), image.width())
            }
        };
        Ok(Self { classes, files, settings, size })
    }

    /// The names of the classes, in the order of their labels.
    pub fn class_names(&self) -> &[String] {
        &self.classes
    }

    /// The files, with their labels.
    pub fn files(&self) -> &[(PathBuf, u32)] {
        &self.files
    }

    /// Reads all pictures into memory.
    ///
    /// # Errors
    /// [`DataError::Io`] or [`DataError::Format`] naming the file.
    pub fn load(&self) -> Result<Dataset> {
        Dataset::from_source(self)
    }
}

impl Source for ImageFolder {
    fn len(&self) -> usize {
        self.files.len()
    }

    fn input_shape(&self) -> Vec<usize> {
        let channels = if self.settings.color == Color::Rgb { 3 } else { 1 };
        vec![channels, self.size.0, self.size.1]
    }

    fn target_kind(&self) -> TargetKind {
        TargetKind::Classes(self.classes.len())
    }

    fn sample(&self, index: usize) -> Result<Sample> {
        let Some((path, label)) = self.files.get(index) else {
            return Err(DataError::IndexRange { position: 0, index, len: self.files.len() });
        };
        let image = read(path, &self.settings)?;
        if (image.height(), image.width()) != self.size {
            let wanted =
                format!("a picture of {} x {} as the first, or a size to scale to", self.size.0, self.size.1);
            let found = format!("{} x {}", image.height(), image.width());
            return Err(DataError::format(&path.display().to_string(), wanted, found));
        }
        Ok(Sample { input: image.into_pixels(), target: Target::Class(*label) })
    }
}

/// Reads one picture: values from 0 to 1, the bytes divided by 255. Its content tells its format, PNG or JPEG.
///
/// # Errors
/// [`DataError::Io`] if it cannot be read, [`DataError::Format`] if it is no picture, damaged or larger than
/// [`max_side`](ImageSettings::max_side), [`DataError::Setting`] if the size is 0.
pub fn read(path: &Path, settings: &ImageSettings) -> Result<Image> {
    let bytes = fs::read(path).map_err(|source| DataError::Io { path: path.to_owned(), source })?;
    parse(&bytes, &path.display().to_string(), settings)
}

/// As [`read`], of a file that is already in memory; `name` is what errors call it.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], name: &str, settings: &ImageSettings) -> Result<Image> {
    check_size(settings)?;
    let wrong =
        |error: image::ImageError| DataError::format(name, "a PNG or JPEG picture", error.to_string());
    let mut limits = Limits::default();
    limits.max_image_width = Some(settings.max_side);
    limits.max_image_height = Some(settings.max_side);
    limits.max_alloc = Some(settings.max_bytes);
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader =
        reader.map_err(|error| DataError::format(name, "a PNG or JPEG picture", error.to_string()))?;
    reader.limits(limits);
    let mut picture = reader.decode().map_err(wrong)?;
    if let Some((height, width)) = settings.size {
        let side = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        picture = picture.resize_exact(side(width), side(height), FilterType::Triangle);
    }
    pixels(&picture, settings.color)
}

fn pixels(picture: &DynamicImage, color: Color) -> Result<Image> {
    let (height, width) = (picture.height() as usize, picture.width() as usize);
    let value = |byte: u8| f32::from(byte) / 255.0;
    match color {
        Color::Gray => {
            let gray = picture.to_luma8().into_raw();
            Image::new(1, height, width, gray.into_iter().map(value).collect())
        }
        Color::Rgb => {
            // pixel by pixel in the file, channel by channel here
            let colors = picture.to_rgb8().into_raw();
            let plane = |channel: usize| colors.iter().skip(channel).step_by(3).map(|&byte| value(byte));
            Image::new(3, height, width, plane(0).chain(plane(1)).chain(plane(2)).collect())
        }
    }
}

/// Writes a grey picture (one channel) or a coloured one (three) as PNG: values are cut to [0, 1] and rounded to bytes.
///
/// # Errors
/// [`DataError::Needs`] for another number of channels, [`DataError::Io`] if the file cannot be written.
pub fn write_png(image: &Image, path: &Path) -> Result<()> {
    let (channels, size) = (image.channels(), image.height() * image.width());
    let color = match channels {
        1 => image::ExtendedColorType::L8,
        3 => image::ExtendedColorType::Rgb8,
        _ => return Err(DataError::needs("write_png", "an image of 1 or 3 channels", channels.to_string())),
    };
    let byte = |value: f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
    let values = image.pixels();
    let bytes: Vec<u8> = (0..size)
        .flat_map(|pixel| (0..channels).map(move |channel| byte(values[channel * size + pixel])))
        .collect();
    let side = |size: usize| {
        u32::try_from(size).map_err(|_| DataError::needs("write_png", "sides of 32 bits", size.to_string()))
    };
    let (width, height) = (side(image.width())?, side(image.height())?);
    image::save_buffer_with_format(path, &bytes, width, height, color, image::ImageFormat::Png)
        .map_err(|error| DataError::Io { path: path.to_owned(), source: std::io::Error::other(error) })
}

fn check_size(settings: &ImageSettings) -> Result<()> {
    let side = 1..=settings.max_side as usize;
    match settings.size {
        Some((height, width)) if !(side.contains(&height) && side.contains(&width)) => {
            let wanted = format!("from 1 x 1 to {0} x {0}, the max_side", settings.max_side);
            Err(DataError::setting("ImageSettings", "size", format!("{height} x {width}"), wanted))
        }
        _ => Ok(()),
    }
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    path.is_file() && ["png", "jpg", "jpeg"].contains(&ending.as_str())
}

/// What is in the folder, in the order of the names.
pub(super) fn listed(dir: &Path) -> Result<Vec<PathBuf>> {
    let io_error = |source| DataError::Io { path: dir.to_owned(), source };
    let entries = fs::read_dir(dir).map_err(io_error)?;
    let mut paths = entries.map(|entry| Ok(entry.map_err(io_error)?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
