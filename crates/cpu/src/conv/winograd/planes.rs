//! Reading overlapping tiles out of planes, and writing tiles side by side.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

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
        Arch::new().dispatch(Read { planes: self, channel, lines, reach, pitch, out });
    }
}

/// What [`Planes::read`] does, compiled for each instruction set.
struct Read<'a> {
    planes: &'a Planes<'a>,
    channel: usize,
    lines: Range<usize>,
    reach: usize,
    pitch: usize,
    out: &'a mut [f32],
}

impl WithSimd for Read<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        let Self { planes, channel, lines, reach, pitch, out } = self;
        let [high, wide] = planes.tiles;
        let [row_step, step] = planes.steps;
        // for each column of the tiles, where it begins and which tiles of a line have it inside the plane
        let mut columns = [(0, 0, 0); 4];
        for (j, column) in columns.iter_mut().enumerate() {
            let first = j as isize - planes.pad[1];
            let from = |bound: isize| ((bound - first + 1).max(0) as usize / 2).min(wide);
            let start = from(0);
            *column = ((first + 2 * start as isize) * step, start, from(planes.size[1] as isize).max(start));
        }
        let (mut image, mut down) = (lines.start / high, lines.start % high);
        for number in 0..lines.len() {
            let plane = planes.offset + image as isize * planes.image + channel as isize * planes.channel;
            for i in 0..reach {
                let y = (2 * down + i) as isize - planes.pad[0];
                let inside = y >= 0 && y < planes.size[0] as isize;
                for (j, &(first, start, end)) in columns.iter().take(reach).enumerate() {
                    let to = &mut out[(4 * i + j) * pitch + number * wide..][..wide];
                    if !inside {
                        to.fill(0.0);
                        continue;
                    }
                    to[..start].fill(0.0);
                    to[end..].fill(0.0);
                    read_line(planes.data, plane + y * row_step + first, step, &mut to[start..end]);
                }
            }
            down += 1;
            if down == high {
                (image, down) = (image + 1, 0);
            }
        }
    }
}

/// Reads every other element along a row whose elements are `step` apart, from `at` on.
#[inline(always)]
fn read_line(data: &[f32], at: isize, step: isize, out: &mut [f32]) {
    if step == 1 {
        let Some((last, most)) = out.split_last_mut() else { return };
        let source = &data[at as usize..][..2 * most.len() + 1];
        for (to, pair) in most.iter_mut().zip(source.chunks_exact(2)) {
            *to = pair[0];
        }
        *last = source[2 * most.len()];
    } else {
        for (k, to) in out.iter_mut().enumerate() {
            *to = data[(at + 2 * k as isize * step) as usize];
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
