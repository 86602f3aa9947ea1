use std::path::Path;

use super::{Colour, svg};
use crate::{Result, TrainError, files};

/// A drawing: marks on a white sheet, written as SVG, or as PNG with the feature `png` (on by default).
///
/// What this module draws comes as a `Picture`, so that more can be drawn on it. Coordinates are in pixels, from the
/// upper left corner; marks hide those drawn before. Coordinates that are not finite leave their mark out.
///
/// ```
/// use anygrad_train::pictures::{Anchor, Colour, Picture};
/// let mut picture = Picture::new(200.0, 80.0);
/// picture.rectangle(10.0, 10.0, 60.0, 40.0, Some(Colour::of(0)), None);
/// picture.text("a box", 80.0, 35.0, 13.0, Anchor::Start);
/// assert!(picture.to_svg().contains(">a box</text>"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    width: f64,
    height: f64,
    marks: Vec<Mark>,
}

/// The outline of a shape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stroke {
    /// Its colour.
    pub colour: Colour,
    /// Its width in pixels.
    pub width: f64,
    /// Whether it is dashed.
    pub dashed: bool,
}

impl Stroke {
    /// A solid line.
    pub fn new(colour: Colour, width: f64) -> Self {
        Self { colour, width, dashed: false }
    }
}

/// Which part of a text stands at the place that is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Anchor {
    /// Its left end.
    Start,
    /// Its middle.
    Middle,
    /// Its right end.
    End,
}

/// How the values of an image are shown where it is enlarged: always as squares.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pixels {
    pub(crate) columns: usize,
    pub(crate) rows: usize,
    /// Row after row.
    pub(crate) colours: Vec<[u8; 3]>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) at: (f64, f64),
    pub(crate) size: f64,
    pub(crate) anchor: Anchor,
    pub(crate) colour: Colour,
    pub(crate) bold: bool,
    /// Whether it runs upwards.
    pub(crate) upwards: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Mark {
    Path { parts: Vec<Vec<(f64, f64)>>, closed: bool, fill: Option<Colour>, stroke: Option<Stroke> },
    Circle { centre: (f64, f64), radius: f64, fill: Option<Colour>, stroke: Option<Stroke> },
    Text(Text),
    Image { at: (f64, f64), size: (f64, f64), pixels: Pixels },
}

impl Picture {
    /// A white sheet of so many pixels.
    pub fn new(width: f64, height: f64) -> Self {
        Self { width, height, marks: Vec::new() }
    }

    /// Its width in pixels.
    pub fn width(&self) -> f64 {
        self.width
    }

    /// Its height in pixels.
    pub fn height(&self) -> f64 {
        self.height
    }

    pub(crate) fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// A rectangle from its upper left corner.
    pub fn rectangle(
        &mut self,
        x: f64,
        y: f64,
        width: f64,
        height: f64,
        fill: Option<Colour>,
        stroke: Option<Stroke>,
    ) {
        let (right, bottom) = (x + width, y + height);
        self.polygon(&[(x, y), (right, y), (right, bottom), (x, bottom)], fill, stroke);
    }

    /// A closed shape.
    pub fn polygon(&mut self, corners: &[(f64, f64)], fill: Option<Colour>, stroke: Option<Stroke>) {
        self.path(vec![corners.to_vec()], true, fill, stroke);
    }

    /// A line through `points`. A point that is not finite breaks it.
    pub fn line(&mut self, points: &[(f64, f64)], stroke: Stroke) {
        let parts = points.split(|(x, y)| !(x.is_finite() && y.is_finite()));
        let parts = parts.filter(|part| !part.is_empty()).map(<[_]>::to_vec).collect();
        self.path(parts, false, None, Some(stroke));
    }

    /// Lines of which no point is joined with another line's.
    pub(crate) fn segments(&mut self, parts: Vec<Vec<(f64, f64)>>, stroke: Stroke) {
        self.path(parts, false, None, Some(stroke));
    }

    fn path(
        &mut self,
        parts: Vec<Vec<(f64, f64)>>,
        closed: bool,
        fill: Option<Colour>,
        stroke: Option<Stroke>,
    ) {
        let finite = parts.iter().flatten().all(|(x, y)| x.is_finite() && y.is_finite());
        if finite && !parts.is_empty() {
            self.marks.push(Mark::Path { parts, closed, fill, stroke });
        }
    }

    /// A circle.
    pub fn circle(&mut self, x: f64, y: f64, radius: f64, fill: Option<Colour>, stroke: Option<Stroke>) {
        if x.is_finite() && y.is_finite() && radius.is_finite() {
            self.marks.push(Mark::Circle { centre: (x, y), radius, fill, stroke });
        }
    }

    /// A line of text of `size` pixels on the base line `y`.
    pub fn text(&mut self, text: impl Into<String>, x: f64, y: f64, size: f64, anchor: Anchor) {
        self.put_text(Text::new(text, x, y, size, anchor));
    }

    pub(crate) fn put_text(&mut self, text: Text) {
        if text.at.0.is_finite() && text.at.1.is_finite() && text.size.is_finite() {
            self.marks.push(Mark::Text(text));
        }
    }

    /// An image, enlarged without smoothing to the rectangle that begins at (`x`, `y`). `colours` holds its pixels
    /// row after row, `columns` in each; an incomplete last row is left out.
    pub fn image(&mut self, x: f64, y: f64, width: f64, height: f64, columns: usize, colours: &[Colour]) {
        let rows = colours.len().checked_div(columns).unwrap_or(0);
        let finite = [x, y, width, height].iter().all(|number| number.is_finite());
        if rows > 0 && finite {
            let colours = colours.iter().take(rows * columns).map(|colour| colour.rgb).collect();
            let pixels = Pixels { columns, rows, colours };
            self.marks.push(Mark::Image { at: (x, y), size: (width, height), pixels });
        }
    }

    /// The text of the SVG file.
    pub fn to_svg(&self) -> String {
        svg::write(self)
    }

    /// The bytes of a PNG file with two pixels for each of the picture's, so that it is sharp on any screen. Letters
    /// are those of DejaVu Sans: Latin and Greek; others show as an empty box.
    ///
    /// # Errors
    /// The picture has no pixel or is larger than 8,192 on a side; or the feature `png` is off.
    pub fn to_png(&self) -> Result<Vec<u8>> {
        let (width, height) = (self.width, self.height);
        if !(1.0..=8192.0).contains(&width) || !(1.0..=8192.0).contains(&height) {
            let message = format!("a PNG has 1 to 8192 pixels on a side, not {width} by {height}");
            return Err(TrainError::Picture { picture: "png", message });
        }
        #[cfg(feature = "png")]
        return super::raster::png(self);
        #[cfg(not(feature = "png"))]
        Err(TrainError::Picture {
            picture: "png",
            message: "anygrad-train was built without its feature png".into(),
        })
    }

    /// Writes the picture to `path`, as SVG or PNG by its extension, and makes the folders above it.
    ///
    /// # Errors
    /// The extension is neither `svg` nor `png`, those of [`Picture::to_png`], and
    /// [`TrainError::Io`] with the path.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match extension.as_str() {
            "svg" => files::write(path, self.to_svg()),
            "png" => files::write(path, self.to_png()?),
            _ => {
                let message = format!("{}: the file name has to end in .svg or .png", path.display());
                Err(TrainError::Picture { picture: "save", message })
            }
        }
    }
}

impl Text {
    pub(crate) fn new(text: impl Into<String>, x: f64, y: f64, size: f64, anchor: Anchor) -> Self {
        let colour = Colour::TEXT;
        Self { text: text.into(), at: (x, y), size, anchor, colour, bold: false, upwards: false }
    }

    pub(crate) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(crate) fn upwards(self) -> Self {
        Self { upwards: true, ..self }
    }

    pub(crate) fn colour(self, colour: Colour) -> Self {
        Self { colour, ..self }
    }
}

/// Widths of the characters from space to tilde of DejaVu Sans, in hundredths of the size.
#[rustfmt::skip]
const WIDTHS: [u8; 95] = [
    32, 40, 46, 84, 64, 95, 78, 27, 39, 39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 34, 34,
    84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79, 60, 79, 69, 63, 61, 73, 68, 99,
    69, 61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63, 63, 28, 28, 58, 28, 97, 63, 61, 63, 63, 41, 52,
    39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84,
];

/// The width of a text in pixels; characters beyond ASCII are taken as wide ones.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    let width = |character: char| {
        let index = (character as usize).wrapping_sub(' ' as usize);
        WIDTHS.get(index).copied().map_or(if character as u32 > 0x2E80 { 100.0 } else { 66.0 }, f64::from)
    };
    text.chars().map(width).sum::<f64>() * size / 100.0
}

/// `text`, or as much of its beginning as fits into `width` with "…" behind it.
pub(crate) fn fitted(text: &str, size: f64, width: f64) -> String {
    if text_width(text, size) <= width {
        return text.to_owned();
    }
    let mut short = text.to_owned();
    while short.pop().is_some() {
        if text_width(&short, size) + size <= width {
            break;
        }
    }
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::tests::Folder;

    #[test]
    fn what_is_not_finite_is_left_out_and_breaks_lines() {
        let mut picture = Picture::new(100.0, 100.0);
        picture.circle(f64::NAN, 1.0, 1.0, None, None);
        picture.rectangle(0.0, f64::INFINITY, 1.0, 1.0, None, None);
        picture.text("x", f64::NAN, 0.0, 10.0, Anchor::Start);
        picture.image(0.0, 0.0, 1.0, 1.0, 0, &[Colour::WHITE]);
        assert!(picture.marks().is_empty());
        let points = [(1.0, 1.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, 2.0)];
        picture.line(&points, Stroke::new(Colour::TEXT, 1.0));
        let Some(Mark::Path { parts, .. }) = picture.marks().first() else { panic!("a path") };
        assert_eq!(parts, &[vec![(1.0, 1.0)], vec![(3.0, 1.0), (4.0, 2.0)]]);
    }

    #[test]
    fn texts_are_shortened_to_a_width() {
        assert_eq!(fitted("short", 10.0, 100.0), "short");
        let cut = fitted("a name that is far too long", 10.0, 60.0);
        assert!(cut.ends_with('…') && text_width(&cut, 10.0) <= 62.0 && cut.len() > 8, "{cut}");
    }

    #[test]
    fn the_extension_says_what_is_written() {
        let folder = Folder::new("picture");
        let picture = Picture::new(20.0, 10.0);
        picture.save(folder.0.join("a/b.svg")).unwrap();
        assert!(std::fs::read_to_string(folder.0.join("a/b.svg")).unwrap().starts_with("<svg"));
        let error = picture.save(folder.0.join("b.pdf")).unwrap_err().to_string();
        assert!(error.ends_with("b.pdf: the file name has to end in .svg or .png"), "{error}");
        let error = Picture::new(0.0, 10.0).to_png().unwrap_err().to_string();
        assert_eq!(error, "png: a PNG has 1 to 8192 pixels on a side, not 0 by 10");
    }
}
