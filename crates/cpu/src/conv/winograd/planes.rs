//! Reading overlapping tiles out of planes, and writing tiles side by side.

use std::ops::Range;

/// Planes of images that tiles are read from, a tile every two rows and columns.
#[derive(Clone, Copy)]
pub(super) struct Planes<'a> {
    pub data: &'a [f32],
    pub offset: isize,
    /// Strides of image, channel, row and column.
    pub image: isize,
    pub channel: isize,
    pub steps: [isize; 2],
    /// Rows and columns of a plane; beyond them are zeros.
    pub size: [usize; 2],
    /// How far the first tile begins before the first row and column.
    pub pad: [isize; 2],
    /// Tiles of a plane, down and across.
    pub tiles: [usize; 2],
}

impl Planes<'_> {
    /// Reads tiles of `reach` rows and columns: those of the lines of tiles `lines`, counted through the images, of one
    /// channel. Element (i, j) of the tiles goes to row `4·i + j` of `out`, whose rows are `pitch` apart.
    pub fn read(&self, channel: usize, lines: Range<usize>, reach: usize, pitch: usize, out: &mut [f32]) {
        let [high, wide] = self.tiles;
        for (number, line) in lines.enumerate() {
            let (image, down) = (line / high, line % high);
            let plane = self.offset + image as isize * self.image + channel as isize * self.channel;
            for i in 0..reach {
                let y = (2 * down + i) as isize - self.pad[0];
                let inside = (0..self.size[0] as isize).contains(&y);
                for j in 0..reach {
                    let to = &mut out[(4 * i + j) * pitch + number * wide..][..wide];
                    if inside {
                        self.read_line(plane + y * self.steps[0], j as isize - self.pad[1], to);
                    } else {
                        to.fill(0.0);
                    }
                }
            }
        }
    }

    /// Reads every other element of the row at `row`, from column `first` on, which may lie before it.
    #[inline]
    fn read_line(&self, row: isize, first: isize, out: &mut [f32]) {
        // the first tile whose column is not below a bound
        let from = |bound: isize| ((bound - first + 1).max(0) as usize / 2).min(out.len());
        let (start, end) = (from(0), from(self.size[1] as isize));
        let end = end.max(start);
        out[..start].fill(0.0);
        out[end..].fill(0.0);
        let within = &mut out[start..end];
        let Some((last, most)) = within.split_last_mut() else { return };
        let step = self.steps[1];
        let at = row + (first + 2 * start as isize) * step;
        if step == 1 {
            let source = &self.data[at as usize..][..2 * most.len() + 1];
            most.iter_mut().zip(source.chunks_exact(2)).for_each(|(to, pair)| *to = pair[0]);
            *last = source[2 * most.len()];
        } else {
            for (k, to) in within.iter_mut().enumerate() {
                *to = self.data[(at + 2 * k as isize * step) as usize];
            }
        }
    }
}

/// Writes the 2×2 tiles of one plane, whose rows are `wide` elements long, side by side: element (i, j) of the tiles
/// is in row `4·i + j` of `tiles`, from column `first` on. `lines` are the lines of tiles. What goes beyond the plane
/// is left out.
pub(super) fn write(
    tiles: &[f32],
    pitch: usize,
    first: usize,
    lines: Range<usize>,
    across: usize,
    out: &mut [f32],
    wide: usize,
) {
    for (number, line) in lines.enumerate() {
        for i in 0..2 {
            let Some(row) = out.chunks_exact_mut(wide).nth(2 * line + i) else { continue };
            let from = |j: usize| &tiles[(4 * i + j) * pitch + first + number * across..][..across];
            let (left, right) = (from(0), from(1));
            let mut pairs = row.chunks_exact_mut(2);
            for ((pair, &a), &b) in (&mut pairs).zip(left).zip(right) {
                (pair[0], pair[1]) = (a, b);
            }
            if let ([odd], Some(&a)) = (pairs.into_remainder(), left.last()) {
                *odd = a;
            }
        }
    }
}
