//! A function of two numbers over a rectangle, as colours and as lines of equal value.

use super::axis::Axis;
use super::frame::Frame;
use super::{Colour, Picture, Stroke};

/// Values at the centres of equal cells, row after row, the lowest row first.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) x: (f64, f64),
    pub(crate) y: (f64, f64),
    pub(crate) columns: usize,
    pub(crate) values: Vec<f64>,
}

/// The places of the centres of `cells` by `cells` cells, in the order of [`Field::values`].
pub(crate) fn centres(x: (f64, f64), y: (f64, f64), cells: usize) -> Vec<(f64, f64)> {
    let at = |(low, high): (f64, f64), index: usize| low + (high - low) * (index as f64 + 0.5) / cells as f64;
    (0..cells).flat_map(|row| (0..cells).map(move |column| (at(x, column), at(y, row)))).collect()
}

impl Field {
    pub(crate) fn frame(&self, (left, top): (f64, f64), (width, height): (f64, f64)) -> Frame {
        let (right, bottom) = (left + width, top + height);
        let (x, y) = (Axis::exact(self.x.0, self.x.1, 6.0), Axis::exact(self.y.0, self.y.1, 6.0));
        Frame { left, top, right, bottom, x, y }
    }

    /// Fills the frame with the colours of the cells.
    pub(crate) fn fill(&self, picture: &mut Picture, frame: &Frame, colour: impl Fn(f64) -> Colour) {
        let rows = self.values.chunks(self.columns.max(1)).rev();
        let colours: Vec<_> = rows.flatten().map(|value| colour(*value)).collect();
        let (width, height) = (frame.right - frame.left, frame.bottom - frame.top);
        picture.image(frame.left, frame.top, width, height, self.columns, &colours);
    }

    /// The lines along which the value is `level` (marching squares, Lorensen and Cline 1987 in two dimensions).
    /// They end half a cell before the border; cells with a value that is not finite have none.
    pub(crate) fn contour(&self, level: f64) -> Vec<[(f64, f64); 2]> {
        let rows: Vec<&[f64]> = self.values.chunks(self.columns.max(1)).collect();
        let step = |(low, high): (f64, f64), count: usize| (high - low) / count.max(1) as f64;
        let (dx, dy) = (step(self.x, self.columns), step(self.y, rows.len()));
        let mut lines = Vec::new();
        for (row, (below, above)) in rows.iter().zip(rows.iter().skip(1)).enumerate() {
            let pairs = below.windows(2).zip(above.windows(2)).enumerate();
            for (column, (below, above)) in pairs {
                let (&[a, b], &[d, c]) = (below, above) else { continue };
                let x = self.x.0 + dx * (column as f64 + 0.5);
                let y = self.y.0 + dy * (row as f64 + 0.5);
                let place = |(across, up): (f64, f64)| (x + dx * across, y + dy * up);
                lines.extend(crossings([a, b, c, d], level).map(|[from, to]| [place(from), place(to)]));
            }
        }
        lines
    }

    pub(crate) fn draw_contour(&self, picture: &mut Picture, frame: &Frame, level: f64, stroke: Stroke) {
        let lines = self.contour(level);
        picture.segments(lines.iter().map(|line| frame.all(line.iter().copied())).collect(), stroke);
    }
}

/// The pieces of a contour in the square with these corners, counter-clockwise from the lower left.
fn crossings(corners: [f64; 4], level: f64) -> impl Iterator<Item = [(f64, f64); 2]> {
    let [a, b, c, d] = corners;
    let edges = [
        (a, b, (0.0, 0.0), (1.0, 0.0)),
        (b, c, (1.0, 0.0), (1.0, 1.0)),
        (c, d, (1.0, 1.0), (0.0, 1.0)),
        (d, a, (0.0, 1.0), (0.0, 0.0)),
    ];
    let finite = corners.iter().all(|corner| corner.is_finite());
    let mut points: Vec<(f64, f64)> = Vec::new();
    for (from, to, start, end) in edges {
        if finite && (from < level) != (to < level) {
            let share = (level - from) / (to - from);
            points.push((start.0 + share * (end.0 - start.0), start.1 + share * (end.1 - start.1)));
        }
    }
    // a saddle: the mean of the corners tells which two of them are joined
    if points.len() == 4 && ((a + b + c + d) / 4.0 < level) != (a < level) {
        points.rotate_left(1);
    }
    let pairs: Vec<_> = points.chunks_exact(2).filter_map(|pair| pair.try_into().ok()).collect();
    pairs.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(cells: usize, of: impl Fn(f64, f64) -> f64) -> Field {
        let (x, y) = ((-2.0, 2.0), (-2.0, 2.0));
        let values = centres(x, y, cells).into_iter().map(|(x, y)| of(x, y)).collect();
        Field { x, y, columns: cells, values }
    }

    #[test]
    fn contours_lie_where_the_value_is_reached() {
        let lines = field(60, |x, y| x * x + y * y).contour(1.0);
        // a circle of radius 1 crosses about 8 / (4/60) cells
        assert!((100..140).contains(&lines.len()), "{}", lines.len());
        for (x, y) in lines.into_iter().flatten() {
            assert!(((x * x + y * y).sqrt() - 1.0).abs() < 2e-3, "{x} {y}");
        }
        let lines = field(10, |x, y| 2.0 * x - y).contour(0.5);
        assert!(lines.iter().flatten().all(|(x, y)| (2.0 * x - y - 0.5).abs() < 1e-12) && !lines.is_empty());
    }

    #[test]
    fn a_saddle_is_parted_by_its_mean() {
        let cut = |corners| crossings(corners, 0.0).collect::<Vec<_>>();
        // a and c high, the middle too: each line cuts off one low corner, b or d
        let joined = cut([3.0, -1.0, 3.0, -1.0]);
        assert_eq!(joined, [[(0.75, 0.0), (1.0, 0.25)], [(0.25, 1.0), (0.0, 0.75)]]);
        // the middle low: each line cuts off one high corner, a or c
        let parted = cut([1.0, -3.0, 1.0, -3.0]);
        assert_eq!(parted, [[(1.0, 0.75), (0.75, 1.0)], [(0.0, 0.25), (0.25, 0.0)]]);
    }

    #[test]
    fn what_is_not_finite_has_no_contour() {
        assert!(field(10, |x, _| if x < 1.0 { f64::NAN } else { x }).contour(0.0).is_empty());
    }
}
