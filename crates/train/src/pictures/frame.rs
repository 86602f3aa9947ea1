//! What surrounds the data: axes, titles, legends, colour bars.

use super::axis::Axis;
use super::picture::{Text, fitted, text_width};
use super::{Anchor, Colour, ColourMap, Picture, Stroke};

/// The size of labels and ticks.
pub(crate) const SIZE: f64 = 13.0;

/// The title of a picture, in its upper left corner.
pub(crate) fn title(picture: &mut Picture, text: &str, left: f64) {
    let text = fitted(text, 19.0, picture.width() - left - 10.0);
    picture.put_text(Text::new(text, left, 30.0, 18.0, Anchor::Start).bold());
}

/// A rectangle of a picture with an axis below and one to the left.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
    pub(crate) x: Axis,
    pub(crate) y: Axis,
}

impl Frame {
    pub(crate) fn at(&self, x: f64, y: f64) -> (f64, f64) {
        let across = self.left + self.x.place(x) * (self.right - self.left);
        (across, self.bottom - self.y.place(y) * (self.bottom - self.top))
    }

    /// The places of many points.
    pub(crate) fn all(&self, points: impl IntoIterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
        points.into_iter().map(|(x, y)| self.at(x, y)).collect()
    }

    /// Lines at the ticks of the vertical axis (and of the other one if `both`), to be drawn before the data.
    pub(crate) fn grid(&self, picture: &mut Picture, both: bool) {
        for (value, _) in &self.y.ticks {
            let (_, y) = self.at(self.x.low(), *value);
            picture.line(&[(self.left, y), (self.right, y)], Stroke::new(Colour::GRID, 1.0));
        }
        for (value, _) in self.x.ticks.iter().filter(|_| both) {
            let (x, _) = self.at(*value, self.y.low());
            picture.line(&[(x, self.top), (x, self.bottom)], Stroke::new(Colour::GRID, 1.0));
        }
    }

    /// The two axes with ticks and titles. Labels of ticks that would touch the one before are left out.
    pub(crate) fn axes(&self, picture: &mut Picture, x_label: &str, y_label: &str) {
        let stroke = Stroke::new(Colour::AXIS, 1.0);
        let mut widest = 0.0f64;
        for (value, label) in &self.y.ticks {
            let (_, y) = self.at(self.x.low(), *value);
            picture.line(&[(self.left - 4.0, y), (self.left, y)], stroke);
            picture.text(label, self.left - 8.0, y + 4.5, SIZE, Anchor::End);
            widest = widest.max(text_width(label, SIZE));
        }
        let mut taken = f64::NEG_INFINITY;
        for (value, label) in &self.x.ticks {
            let (x, _) = self.at(*value, self.y.low());
            picture.line(&[(x, self.bottom), (x, self.bottom + 5.0)], stroke);
            let half = text_width(label, SIZE) / 2.0;
            if x - half > taken + 4.0 {
                picture.text(label, x, self.bottom + 20.0, SIZE, Anchor::Middle);
                taken = x + half;
            }
        }
        let corner = [(self.left, self.top), (self.left, self.bottom), (self.right, self.bottom)];
        picture.line(&corner, stroke);
        let (x, y) = ((self.left + self.right) / 2.0, (self.top + self.bottom) / 2.0);
        if !x_label.is_empty() {
            picture.text(x_label, x, self.bottom + 42.0, SIZE, Anchor::Middle);
        }
        if !y_label.is_empty() {
            let across = (self.left - 8.0 - widest - 12.0).max(14.0);
            picture.put_text(Text::new(y_label, across, y, SIZE, Anchor::Middle).upwards());
        }
    }
}

/// What stands before a name in a legend.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sample {
    Line(Stroke),
    Marker(usize, Colour),
    /// A line of a light colour, with a dark rim.
    Outlined(Colour),
}

/// Names with samples from `left` to `right`, in as many lines as they need; `top` is the middle of the first one.
/// Returns by how many pixels they are taller than one line.
pub(crate) fn legend(
    picture: &mut Picture,
    entries: &[(String, Sample)],
    (left, top, right): (f64, f64, f64),
) -> f64 {
    let (mut x, mut y) = (left, top);
    for (name, sample) in entries {
        let name = fitted(name, SIZE, right - left - 30.0);
        let width = 30.0 + text_width(&name, SIZE);
        if x > left && x + width > right {
            (x, y) = (left, y + 20.0);
        }
        match *sample {
            Sample::Line(stroke) => picture.line(&[(x, y), (x + 24.0, y)], Stroke { width: 3.0, ..stroke }),
            Sample::Outlined(colour) => {
                let points = [(x, y), (x + 24.0, y)];
                picture.line(&points, Stroke::new(Colour::hex(0x222222), 4.4));
                picture.line(&points, Stroke::new(colour, 3.0));
            }
            Sample::Marker(shape, colour) => marker(picture, shape, (x + 16.0, y), 5.0, colour),
        }
        picture.text(name, x + 30.0, y + 4.5, SIZE, Anchor::Start);
        x += width + 20.0;
    }
    y - top
}

/// A point of a scatter plot: shapes help where colours do not.
pub(crate) fn marker(picture: &mut Picture, shape: usize, (x, y): (f64, f64), radius: f64, colour: Colour) {
    let rim = Some(Stroke::new(Colour::WHITE, 0.8));
    let fill = Some(colour);
    let r = radius;
    match shape % 4 {
        0 => picture.circle(x, y, r, fill, rim),
        1 => picture.rectangle(x - 0.88 * r, y - 0.88 * r, 1.76 * r, 1.76 * r, fill, rim),
        2 => picture.polygon(
            &[(x, y - 1.2 * r), (x + 1.1 * r, y + 0.8 * r), (x - 1.1 * r, y + 0.8 * r)],
            fill,
            rim,
        ),
        _ => picture.polygon(
            &[(x, y - 1.3 * r), (x + 1.3 * r, y), (x, y + 1.3 * r), (x - 1.3 * r, y)],
            fill,
            rim,
        ),
    }
}

/// A bar that tells the values of colours, upright at the right of a frame from `top` to `bottom`.
pub(crate) fn colour_bar(
    picture: &mut Picture,
    map: ColourMap,
    axis: &Axis,
    (left, top, bottom): (f64, f64, f64),
    label: &str,
) {
    let colours: Vec<_> = (0..128).rev().map(|i| map.at(f64::from(i) / 127.0)).collect();
    picture.image(left, top, 16.0, bottom - top, 1, &colours);
    let mut widest = 0.0f64;
    for (value, text) in &axis.ticks {
        let y = bottom - axis.place(*value) * (bottom - top);
        picture.line(&[(left + 16.0, y), (left + 20.0, y)], Stroke::new(Colour::AXIS, 1.0));
        picture.text(text, left + 24.0, y + 4.5, SIZE, Anchor::Start);
        widest = widest.max(text_width(text, SIZE));
    }
    let x = left + 24.0 + widest + 18.0;
    picture.put_text(Text::new(label, x, (top + bottom) / 2.0, SIZE, Anchor::Middle).upwards());
}
