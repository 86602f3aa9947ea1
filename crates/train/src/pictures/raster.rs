//! Pictures as PNG.

use tiny_skia::{
    FillRule, FilterQuality, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, PixmapPaint, Stroke,
    StrokeDash, Transform,
};
use ttf_parser::{Face, OutlineBuilder};

use super::picture::{Mark, Pixels, Text};
use super::{Anchor, Colour, Picture};
use crate::{Result, TrainError};

/// DejaVu Sans: Latin and Greek letters and some signs. The licence lies beside it.
const FONT: &[u8] = include_bytes!("../../assets/DejaVuSans-subset.ttf");
/// Pixels of the file for each of the picture, along each side.
const SCALE: f32 = 2.0;

fn wrong(message: impl Into<String>) -> TrainError {
    TrainError::Picture { picture: "png", message: message.into() }
}

/// The bytes of the file. The size has been checked.
pub(crate) fn png(picture: &Picture) -> Result<Vec<u8>> {
    let face = Face::parse(FONT, 0).map_err(|error| wrong(error.to_string()))?;
    let (width, height) = (picture.width() as f32 * SCALE, picture.height() as f32 * SCALE);
    let mut sheet = Pixmap::new(width.ceil() as u32, height.ceil() as u32)
        .ok_or_else(|| wrong(format!("no memory for {width} by {height} pixels")))?;
    sheet.fill(tiny_skia::Color::WHITE);
    for mark in picture.marks() {
        draw(&mut sheet, mark, &face);
    }
    sheet.encode_png().map_err(|error| wrong(error.to_string()))
}

fn draw(sheet: &mut Pixmap, mark: &Mark, face: &Face) {
    match mark {
        Mark::Path { parts, closed, fill, stroke } => {
            let mut path = PathBuilder::new();
            for part in parts {
                for (index, &(x, y)) in part.iter().enumerate() {
                    match index {
                        0 => path.move_to(x as f32, y as f32),
                        _ => path.line_to(x as f32, y as f32),
                    }
                }
                if *closed {
                    path.close();
                }
            }
            paint(sheet, path.finish(), *fill, *stroke);
        }
        Mark::Circle { centre: (x, y), radius, fill, stroke } => {
            paint(sheet, PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32), *fill, *stroke);
        }
        Mark::Text(text) => draw_text(sheet, text, face),
        Mark::Image { at, size, pixels } => draw_image(sheet, *at, *size, pixels),
    }
}

fn scaled() -> Transform {
    Transform::from_scale(SCALE, SCALE)
}

fn ink(colour: Colour) -> Paint<'static> {
    let [red, green, blue] = colour.rgb;
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, colour.opacity);
    paint
}

/// Paths of nothing are `None`, and draw nothing.
fn paint(sheet: &mut Pixmap, path: Option<Path>, fill: Option<Colour>, stroke: Option<super::Stroke>) {
    let Some(path) = path else { return };
    if let Some(colour) = fill {
        sheet.fill_path(&path, &ink(colour), FillRule::Winding, scaled(), None::<&Mask>);
    }
    if let Some(super::Stroke { colour, width, dashed }) = stroke {
        let dash = if dashed { StrokeDash::new(vec![6.0, 4.0], 0.0) } else { None };
        let stroke = Stroke { width: width as f32, dash, line_join: LineJoin::Round, ..Stroke::default() };
        sheet.stroke_path(&path, &ink(colour), &stroke, scaled(), None);
    }
}

fn draw_image(sheet: &mut Pixmap, at: (f64, f64), size: (f64, f64), pixels: &Pixels) {
    let Some(mut image) = Pixmap::new(pixels.columns as u32, pixels.rows as u32) else { return };
    for (to, [red, green, blue]) in image.pixels_mut().iter_mut().zip(&pixels.colours) {
        *to = tiny_skia::ColorU8::from_rgba(*red, *green, *blue, 255).premultiply();
    }
    let (x, y) = (size.0 / pixels.columns as f64, size.1 / pixels.rows as f64);
    let place = scaled().pre_translate(at.0 as f32, at.1 as f32).pre_scale(x as f32, y as f32);
    let squares = PixmapPaint { quality: FilterQuality::Nearest, ..PixmapPaint::default() };
    sheet.draw_pixmap(0, 0, image.as_ref(), &squares, place, None);
}

/// Collects the outlines of letters, with their base line on the horizontal axis.
struct Outline {
    path: PathBuilder,
    scale: f32,
    x: f32,
}

impl Outline {
    fn point(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, -y * self.scale)
    }
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.point(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.point(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.point(x1, y1), self.point(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.point(x1, y1), self.point(x2, y2), self.point(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

fn draw_text(sheet: &mut Pixmap, text: &Text, face: &Face) {
    let scale = text.size as f32 / f32::from(face.units_per_em());
    let mut outline = Outline { path: PathBuilder::new(), scale, x: 0.0 };
    for character in text.text.chars() {
        // glyph 0 is the box for what the font does not have
        let character = if character.is_control() { ' ' } else { character };
        let glyph = face.glyph_index(character).unwrap_or_default();
        // a space has no outline
        let _ = face.outline_glyph(glyph, &mut outline);
        outline.x += f32::from(face.glyph_hor_advance(glyph).unwrap_or_default()) * scale;
    }
    let shift = match text.anchor {
        Anchor::Start => 0.0,
        Anchor::Middle => -outline.x / 2.0,
        Anchor::End => -outline.x,
    };
    let Some(path) = outline.path.finish() else { return };
    let turn = if text.upwards { -90.0 } else { 0.0 };
    let place = Transform::from_translate(text.at.0 as f32, text.at.1 as f32)
        .pre_concat(Transform::from_rotate(turn))
        .pre_translate(shift, 0.0);
    let Some(path) = path.transform(place) else { return };
    // the font has one weight: bold letters are drawn with an outline
    let stroke = text.bold.then(|| super::Stroke::new(text.colour, text.size * 0.045));
    paint(sheet, Some(path), Some(text.colour), stroke);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pictures::Stroke;

    fn pixel(sheet: &Pixmap, x: u32, y: u32) -> [u8; 3] {
        let pixel = sheet.pixel(x, y).unwrap();
        [pixel.red(), pixel.green(), pixel.blue()]
    }

    #[test]
    fn marks_are_drawn_where_they_belong() {
        let mut picture = Picture::new(60.0, 40.0);
        picture.rectangle(10.0, 10.0, 10.0, 10.0, Some(Colour::hex(0xFF0000)), None);
        picture.line(&[(0.0, 30.0), (60.0, 30.0)], Stroke::new(Colour::hex(0x0000FF), 2.0));
        picture.image(30.0, 0.0, 20.0, 10.0, 2, &[Colour::hex(0x00FF00), Colour::hex(0x112233)]);
        let bytes = picture.to_png().unwrap();
        assert_eq!(bytes, picture.to_png().unwrap());
        let sheet = Pixmap::decode_png(&bytes).unwrap();
        assert_eq!((sheet.width(), sheet.height()), (120, 80));
        assert_eq!(pixel(&sheet, 30, 30), [255, 0, 0]);
        assert_eq!(pixel(&sheet, 45, 30), [255; 3]);
        assert_eq!(pixel(&sheet, 5, 60), [0, 0, 255]);
        assert_eq!(pixel(&sheet, 61, 1), [0, 255, 0]);
        // the second pixel of the image begins sharply in its middle
        assert_eq!((pixel(&sheet, 79, 18), pixel(&sheet, 80, 18)), ([0, 255, 0], [0x11, 0x22, 0x33]));
    }

    #[test]
    fn letters_stand_by_their_anchor_and_run_upwards() {
        // columns and rows that the text covers, in pixels of the picture
        let cover = |text: Text| {
            let mut picture = Picture::new(100.0, 100.0);
            picture.put_text(text);
            let sheet = Pixmap::decode_png(&picture.to_png().unwrap()).unwrap();
            let dark = sheet.pixels().iter().enumerate().filter(|(_, pixel)| pixel.red() < 200);
            let (mut x, mut y): (Vec<_>, Vec<_>) = dark.map(|(i, _)| (i % 200 / 2, i / 200 / 2)).unzip();
            x.sort_unstable();
            y.sort_unstable();
            [x[0], x[x.len() - 1], y[0], y[y.len() - 1]]
        };
        let text = |anchor| Text::new("Hxα", 50.0, 50.0, 20.0, anchor);
        let [left, right, top, bottom] = cover(text(Anchor::Start));
        assert!((50..54).contains(&left) && (85..95).contains(&right), "{left} {right}");
        assert!((34..38).contains(&top) && (49..51).contains(&bottom), "{top} {bottom}");
        let [left, right, ..] = cover(text(Anchor::End));
        assert!((8..15).contains(&left) && (44..51).contains(&right), "{left} {right}");
        let [left, right, top, bottom] = cover(text(Anchor::Middle).upwards());
        assert!((34..38).contains(&left) && (49..51).contains(&right), "{left} {right}");
        assert!((26..36).contains(&top) && (64..74).contains(&bottom), "{top} {bottom}");
    }

    #[test]
    fn letters_that_the_font_does_not_have_are_a_box() {
        let draw = |text: &str| {
            let mut picture = Picture::new(40.0, 40.0);
            picture.text(text, 10.0, 30.0, 20.0, Anchor::Start);
            picture.to_png().unwrap()
        };
        assert_eq!(draw("损"), draw("失"));
        assert_ne!(draw("损"), draw(" "));
        assert_ne!(draw("β"), draw("损"));
    }
}
