use super::axis::Axis;
use super::check::{count, finite, same_length, wrong};
use super::frame::{SIZE, colour_bar, title};
use super::picture::{Text, fitted, text_width};
use super::{Anchor, Colour, ColourMap, Picture, Stroke};
use crate::Result;

/// The most images of a picture.
const MOST: usize = 1024;

/// What stands below an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caption {
    /// Its text.
    pub text: String,
    /// Whether it is marked as right ("✓", blue) or wrong ("✗", red).
    pub right: Option<bool>,
}

/// Images in rows of `columns`, with captions; without any caption if `captions` is empty.
///
/// `pixels` holds the images of `shape` [channels, height, width], one after the other, as a tensor
/// [images, channels, height, width] does: one channel is grey, three are red, green and blue. Values from 0 to 1 run
/// from dark to light; those outside take the nearer end.
///
/// # Errors
/// No image or more than 1,024; one or three channels are not what `shape` has, or it has no pixel; pixels that do not
/// fill whole images; another number of captions; no column; a value that is not finite.
///
/// ```
/// use anygrad_train::pictures::{Caption, image_grid};
/// let captions = [Caption { text: "a cross".into(), right: Some(true) }];
/// let picture = image_grid("Shapes", &[1.0, 0.0, 0.0, 1.0], [1, 2, 2], &captions, 8)?;
/// assert!(picture.to_svg().contains(">✓ a cross</text>"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn image_grid(
    heading: &str,
    pixels: &[f32],
    shape: [usize; 3],
    captions: &[Caption],
    columns: usize,
) -> Result<Picture> {
    const NAME: &str = "image grid";
    let [channels, height, width] = shape;
    if channels != 1 && channels != 3 {
        let message =
            format!("images have 1 or 3 channels, and shape is {shape:?} [channels, height, width]");
        return Err(wrong(NAME, message));
    }
    let images = whole(NAME, pixels, &shape, "images")?;
    count(NAME, "columns", columns, 1, MOST)?;
    if !captions.is_empty() {
        same_length(NAME, ("captions", captions.len()), ("the images", images))?;
    }
    let plane = height * width;
    let colours = |image: &[f32]| -> Vec<Colour> {
        let light = |value: f32| (f64::from(value).clamp(0.0, 1.0) * 255.0).round() as u8;
        let at = |pixel: usize, channel: usize| {
            image.get(pixel + plane * (channel % channels)).copied().map_or(0, light)
        };
        (0..plane)
            .map(|pixel| Colour { rgb: [at(pixel, 0), at(pixel, 1), at(pixel, 2)], opacity: 255 })
            .collect()
    };
    let tiles: Vec<_> = pixels.chunks(plane * channels).map(colours).collect();
    let layout = Layout::new(columns.min(images), (height, width), captions);
    let mut picture = layout.sheet(heading, images, 0.0);
    layout.draw(&mut picture, &tiles, captions);
    Ok(picture)
}

/// Images with the class that was predicted for each: right ones with its name, wrong ones with both names. For
/// `pixels` and `shape` see [`image_grid`].
///
/// # Errors
/// Those of [`image_grid`]; numbers of predictions or truths that differ from that of the images; a class at or beyond
/// `classes.len()`.
///
/// ```
/// use anygrad_train::pictures::prediction_grid;
/// let picture = prediction_grid("Digits", &[0.0; 8], [1, 2, 2], &[0, 1], &[0, 0], &["zero", "one"])?;
/// assert!(picture.to_svg().contains(">✗ one, not zero</text>"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn prediction_grid(
    heading: &str,
    pixels: &[f32],
    shape: [usize; 3],
    predictions: &[usize],
    truths: &[usize],
    classes: &[impl AsRef<str>],
) -> Result<Picture> {
    const NAME: &str = "image grid";
    same_length(NAME, ("predictions", predictions.len()), ("truths", truths.len()))?;
    let name = |class: usize| match classes.get(class) {
        Some(name) => Ok(name.as_ref()),
        None => {
            Err(wrong(NAME, format!("a sample is of class {class}, and there are {} classes", classes.len())))
        }
    };
    let caption = |(prediction, truth): (&usize, &usize)| {
        let (said, is) = (name(*prediction)?, name(*truth)?);
        let right = prediction == truth;
        let text = if right { said.to_owned() } else { format!("{said}, not {is}") };
        Ok(Caption { text, right: Some(right) })
    };
    let captions = predictions.iter().zip(truths).map(caption).collect::<Result<Vec<_>>>()?;
    let columns =
        if captions.len() <= 4 { captions.len().max(1) } else { captions.len().isqrt().clamp(4, 12) };
    image_grid(heading, pixels, shape, &captions, columns)
}

/// The filters of a convolution, `weights` of `shape` [outputs, inputs, height, width]. Those of three inputs are
/// shown in colour, grey where a weight is 0; others one input beside the other, a row for each output (of one input:
/// in rows of up to 8), blue below and orange above 0. All share one scale.
///
/// # Errors
/// No weight or more than 1,024 images; weights that do not fill `shape`; a value that is not finite.
///
/// ```
/// use anygrad_train::pictures::filter_grid;
/// let edges = [1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, -1.0];
/// assert!(filter_grid("conv1", &edges, [2, 1, 2, 2])?.to_svg().contains("<image"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn filter_grid(heading: &str, weights: &[f32], shape: [usize; 4]) -> Result<Picture> {
    const NAME: &str = "filter grid";
    let [outputs, inputs, height, width] = shape;
    let filters = whole(NAME, weights, &[height, width], "filters")?;
    same_length(
        NAME,
        ("weights, in filters,", filters),
        ("outputs · inputs", outputs.saturating_mul(inputs)),
    )?;
    let highest = weights.iter().fold(0.0f32, |highest, weight| highest.max(weight.abs()));
    let scale = if highest > 0.0 { f64::from(highest) } else { 1.0 };
    if inputs == 3 {
        let light: Vec<f32> = weights.iter().map(|weight| 0.5 + 0.5 * weight / scale as f32).collect();
        return image_grid(heading, &light, [3, height, width], &[], outputs.clamp(1, 8));
    }
    let columns = if inputs == 1 { outputs.min(8) } else { inputs };
    maps(heading, weights, (height, width), columns, (ColourMap::BlueOrange, -scale, scale), "weight")
}

/// The maps that a layer makes of an image, `values` of `shape` [channels, height, width], in rows of up to 8; all
/// share one scale.
///
/// # Errors
/// No value or more than 1,024 channels; values that do not fill `shape`; a value that is not finite.
///
/// ```
/// use anygrad_train::pictures::feature_maps;
/// let values: Vec<f32> = (0..32).map(|i| i as f32).collect();
/// assert!(feature_maps("conv1 of a digit", &values, [2, 4, 4])?.to_svg().contains("<image"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn feature_maps(heading: &str, values: &[f32], shape: [usize; 3]) -> Result<Picture> {
    const NAME: &str = "feature maps";
    let [channels, height, width] = shape;
    let images = whole(NAME, values, &[height, width], "channels")?;
    same_length(NAME, ("values, in channels,", images), ("shape", channels))?;
    let all = || values.iter().copied().map(f64::from);
    let (low, high) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let high = if high > low { high } else { low + 1.0 };
    maps(heading, values, (height, width), channels.min(8), (ColourMap::Viridis, low, high), "activation")
}

/// How many images of `shape` the values fill.
fn whole(picture: &'static str, values: &[f32], shape: &[usize], name: &str) -> Result<usize> {
    let size = shape.iter().try_fold(1usize, |size, side| size.checked_mul(*side)).unwrap_or(0);
    if size == 0 || !values.len().is_multiple_of(size) || shape.iter().any(|side| *side > 4096) {
        let message = format!("{} values do not fill whole {name} of shape {shape:?}", values.len());
        return Err(wrong(picture, message));
    }
    let images = values.len() / size;
    count(picture, &format!("the number of {name}"), images, 1, MOST)?;
    finite(picture, "the value", values.iter().copied().map(f64::from))?;
    Ok(images)
}

/// Images of one channel each, in colours of one scale, with a bar for it.
fn maps(
    heading: &str,
    values: &[f32],
    (height, width): (usize, usize),
    columns: usize,
    (map, low, high): (ColourMap, f64, f64),
    label: &str,
) -> Result<Picture> {
    let axis = Axis::exact(low, high, 5.0);
    let tiles: Vec<Vec<_>> = values
        .chunks(height * width)
        .map(|tile| tile.iter().map(|value| map.at(axis.place(f64::from(*value)))).collect())
        .collect();
    let layout = Layout::new(columns, (height, width), &[]);
    let mut picture = layout.sheet(heading, tiles.len(), 110.0);
    layout.draw(&mut picture, &tiles, &[]);
    let right = MARGIN + layout.step.0 * columns as f64;
    let bottom = (picture.height() - MARGIN).min(TOP + 260.0);
    colour_bar(&mut picture, map, &axis, (right + 10.0, TOP, bottom), label);
    Ok(picture)
}

const MARGIN: f64 = 20.0;
const TOP: f64 = 50.0;

/// Where the images of a grid stand.
struct Layout {
    columns: usize,
    /// Pixels of an image in a row.
    width: usize,
    /// An image, enlarged.
    size: (f64, f64),
    /// From one to the next.
    step: (f64, f64),
}

impl Layout {
    fn new(columns: usize, (height, width): (usize, usize), captions: &[Caption]) -> Self {
        let side = height.max(width) as f64;
        // small images by a whole factor, so that their pixels are equal
        let factor = if side <= 64.0 { (64.0 / side).floor() } else { 64.0 / side };
        let factor = if captions.is_empty() { factor } else { factor * 1.5 };
        let size = (width as f64 * factor, height as f64 * factor);
        // 16 for the sign before the text
        let widths = captions.iter().map(|caption| text_width(&caption.text, SIZE) + 16.0);
        let step = match widths.reduce(f64::max) {
            Some(widest) => (size.0.max(widest.min(240.0)) + 14.0, size.1 + 34.0),
            None => (size.0 + 8.0, size.1 + 8.0),
        };
        Self { columns: columns.max(1), width, size, step }
    }

    /// A sheet with a heading and room for so many images, and for a bar at the right.
    fn sheet(&self, heading: &str, images: usize, bar: f64) -> Picture {
        let rows = images.div_ceil(self.columns) as f64;
        let width = (2.0 * MARGIN + self.step.0 * self.columns as f64 + bar).max(280.0);
        let height = TOP + self.step.1 * rows + MARGIN;
        let mut picture = Picture::new(width, if bar > 0.0 { height.max(TOP + 140.0) } else { height });
        title(&mut picture, heading, MARGIN);
        picture
    }

    fn draw(&self, picture: &mut Picture, tiles: &[Vec<Colour>], captions: &[Caption]) {
        for (index, tile) in tiles.iter().enumerate() {
            let x = MARGIN + self.step.0 * (index % self.columns) as f64 + (self.step.0 - self.size.0) / 2.0;
            let y = TOP + self.step.1 * (index / self.columns) as f64;
            picture.image(x, y, self.size.0, self.size.1, self.width, tile);
            let rim = Some(Stroke::new(Colour::AXIS, 0.5));
            picture.rectangle(x, y, self.size.0, self.size.1, None, rim);
            let Some(Caption { text, right }) = captions.get(index) else { continue };
            let (sign, colour) = match right {
                Some(true) => ("✓ ", Colour::of(0)),
                Some(false) => ("✗ ", Colour::of(1)),
                None => ("", Colour::TEXT),
            };
            let text = fitted(&format!("{sign}{text}"), SIZE, self.step.0 - 6.0);
            let at = (x + self.size.0 / 2.0, y + self.size.1 + 17.0);
            picture.put_text(Text::new(text, at.0, at.1, SIZE, Anchor::Middle).colour(colour));
        }
    }
}
