use super::axis::Axis;
use super::boundary::reach;
use super::check::{count, finite, same_length};
use super::frame::{Frame, marker, title};
use super::picture::{fitted, text_width};
use super::{Anchor, Colour, Picture};
use crate::Result;

const LEFT: f64 = 64.0;
/// The size of the labels.
const SIZE: f64 = 12.0;

/// A word-embedding (or any labelled points) in the plane. Labels avoid each other and the points; where one finds no
/// room it is left out, and a note says how many.
///
/// # Errors
/// No point, or more than 5,000; another number of labels; a coordinate that is not finite.
///
/// ```
/// use anygrad_train::pictures::embedding_scatter;
/// let picture = embedding_scatter("Words", &[[0.0, 0.0], [1.0, 0.5]], &["king", "queen"])?;
/// assert!(picture.to_svg().contains(">queen</text>"));
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn embedding_scatter(heading: &str, points: &[[f32; 2]], labels: &[impl AsRef<str>]) -> Result<Picture> {
    const NAME: &str = "embedding scatter";
    count(NAME, "the number of points", points.len(), 1, 5000)?;
    same_length(NAME, ("labels", labels.len()), ("points", points.len()))?;
    finite(NAME, "points, flattened,", points.iter().flatten().copied().map(f64::from))?;
    let mut picture = Picture::new(720.0, 660.0);
    title(&mut picture, heading, LEFT);
    let axis = |place: fn(&[f32; 2]) -> f32| {
        let (low, high) = reach(points.iter().map(place));
        Axis::exact(low, high, 6.0)
    };
    let (x, y) = (axis(|point| point[0]), axis(|point| point[1]));
    let frame = Frame { left: LEFT, top: 50.0, right: 700.0, bottom: 600.0, x, y };
    frame.grid(&mut picture, true);
    frame.axes(&mut picture, "dimension 1", "dimension 2");
    let places = frame.all(points.iter().map(|[x, y]| (f64::from(*x), f64::from(*y))));
    for place in &places {
        marker(&mut picture, 0, *place, 4.0, Colour::of(0));
    }
    let left_out = place_labels(&mut picture, &frame, &places, labels);
    if left_out > 0 {
        let note = format!("{left_out} of {} labels found no room", labels.len());
        picture.text(note, 700.0, 648.0, 11.0, Anchor::End);
    }
    Ok(picture)
}

/// A rectangle: left, top, right, bottom.
type Area = [f64; 4];

fn overlap(a: &Area, b: &Area) -> bool {
    let ([left, top, right, bottom], [l, t, r, b]) = (a, b);
    left < r && l < right && top < b && t < bottom
}

/// Writes each label where it is free: right of its point, left, above, below, or at a corner. Returns how many found
/// no room.
fn place_labels(
    picture: &mut Picture,
    frame: &Frame,
    places: &[(f64, f64)],
    labels: &[impl AsRef<str>],
) -> usize {
    let dot = |(x, y): &(f64, f64)| [x - 4.0, y - 4.0, x + 4.0, y + 4.0];
    let mut taken: Vec<Area> = places.iter().map(dot).collect();
    let mut left_out = 0;
    for ((x, y), label) in places.iter().zip(labels) {
        let text = fitted(label.as_ref(), SIZE, 200.0);
        let width = text_width(&text, SIZE);
        let (right, left, middle) = (x + 6.0, x - 6.0 - width, x - width / 2.0);
        let (above, below) = (y - 16.0, y + 5.0);
        let corners = [
            (right, y - 6.0),
            (left, y - 6.0),
            (middle, above - 1.0),
            (middle, below),
            (right - 3.0, above + 3.0),
            (right - 3.0, below - 3.0),
            (left + 3.0, above + 3.0),
            (left + 3.0, below - 3.0),
        ];
        let areas = corners.map(|(left, top)| [left, top, left + width, top + SIZE]);
        let inside = |area: &&Area| area[0] > frame.left && area[2] < frame.right && area[1] > frame.top;
        let free = areas.iter().filter(inside).find(|area| !taken.iter().any(|other| overlap(area, other)));
        match free {
            Some(area) => {
                let [left, top, ..] = *area;
                picture.text(text, left, top + SIZE - 2.0, SIZE, Anchor::Start);
                taken.push(*area);
            }
            None => left_out += 1,
        }
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_never_overlap_and_the_rest_is_counted() {
        let points: Vec<_> = (0..300).map(|i| [(i * 37 % 101) as f32, (i * 53 % 97) as f32]).collect();
        let labels: Vec<_> = (0..300).map(|i| format!("word {i}")).collect();
        let svg = embedding_scatter("Words", &points, &labels).unwrap().to_svg();
        let shown = svg.matches(">word ").count();
        let note = format!(">{} of 300 labels found no room<", 300 - shown);
        assert!((30..300).contains(&shown) && svg.contains(&note), "{shown}");
        let number = |line: &str, name: &str| -> f64 {
            line.split(&format!(" {name}=\"")).nth(1).unwrap().split('"').next().unwrap().parse().unwrap()
        };
        let texts: Vec<_> = svg
            .lines()
            .filter(|line| line.contains(">word "))
            .map(|line| (number(line, "x"), number(line, "y")))
            .collect();
        // "word 1" is at least 40 pixels wide, and letters are 8 high
        let apart = |a: &(f64, f64), b: &(f64, f64)| (a.0 - b.0).abs() > 40.0 || (a.1 - b.1).abs() > 8.0;
        assert!(texts.iter().enumerate().all(|(i, a)| texts[..i].iter().all(|b| apart(a, b))));
        // one place for ten points: each of the eight places around it is taken at most once
        let svg = embedding_scatter("Words", &[[1.0, 1.0]; 10], &["a"; 10]).unwrap().to_svg();
        assert!(svg.matches(">a<").count() <= 8);
    }
}
