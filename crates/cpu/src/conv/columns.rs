use std::ops::Range;

use super::Geometry;

/// The matrix whose product with the weights is the convolution: one axis counts the terms of an output element
/// (channel and taps), the other the output positions (image and place). It is written piece by piece.
///
/// Along each spatial axis the input is read at `base + tap·tap_step + place·stride`, which treats both axes of
/// the matrix alike: either may be the rows.
pub(super) struct Columns<'a> {
    data: &'a [f32],
    offset: isize,
    base: [isize; 3],
    input: [usize; 3],
    spread: [usize; 3],
    strides: [isize; 3],
    rows: Side,
    columns: Side,
}

/// One axis of the matrix: a channel or image, and three places or taps.
#[derive(Clone, Copy)]
struct Side {
    sizes: [usize; 3],
    /// Input elements from one channel or image to the next.
    outer: isize,
    /// Spread positions from one place or tap to the next.
    steps: [isize; 3],
}

impl Side {
    fn split(&self, index: usize) -> (usize, [usize; 3]) {
        let [deep, high, wide] = self.sizes;
        let (rest, x) = (index / wide, index % wide);
        (rest / high / deep, [rest / high % deep, rest % high, x])
    }
}

impl<'a> Columns<'a> {
    /// The matrix of a group, from `image` on. `transposed`: the rows are the positions, not the terms.
    pub fn new(g: &Geometry, data: &'a [f32], group: usize, image: usize, transposed: bool) -> Self {
        // A flipped kernel is walked from its last tap.
        let flip = |axis: usize| if g.conv.flip { g.kernel[axis].max(1) as isize - 1 } else { 0 };
        let dilation = |axis: usize| g.conv.dilation[axis] as isize;
        let terms = Side {
            sizes: g.kernel,
            outer: g.x.channel,
            steps: [0, 1, 2].map(|axis| if g.conv.flip { -dilation(axis) } else { dilation(axis) }),
        };
        let positions =
            Side { sizes: g.output, outer: g.x.outer, steps: g.conv.stride.map(|stride| stride as isize) };
        let (rows, columns) = if transposed { (positions, terms) } else { (terms, positions) };
        Self {
            data,
            offset: g.x.offset + image as isize * g.x.outer + (group * g.in_channels) as isize * g.x.channel,
            base: [0, 1, 2].map(|axis| flip(axis) * dilation(axis) - g.conv.pad_lo[axis]),
            input: g.input,
            spread: g.conv.input_dilation,
            strides: g.x.spatial,
            rows,
            columns,
        }
    }

    /// Writes a piece of the matrix, row by row.
    pub fn write(&self, rows: Range<usize>, columns: Range<usize>, out: &mut [f32]) {
        let wide = self.columns.sizes[2];
        for (row, out) in rows.zip(out.chunks_mut(columns.len().max(1))) {
            let (outer, taps) = self.rows.split(row);
            let start = self.offset + outer as isize * self.rows.outer;
            let base: [isize; 3] =
                [0, 1, 2].map(|axis| self.base[axis] + taps[axis] as isize * self.rows.steps[axis]);
            let mut at = columns.start;
            let mut left = out;
            let (mut outer, mut place) = self.columns.split(at);
            while at < columns.end {
                let count = (wide - place[2]).min(columns.end - at);
                let (now, rest) = left.split_at_mut(count);
                left = rest;
                self.write_run(start + outer as isize * self.columns.outer, base, place, now);
                at += count;
                // On to the next row of places.
                place[2] = 0;
                place[1] += 1;
                if place[1] == self.columns.sizes[1] {
                    place[1] = 0;
                    place[0] += 1;
                    if place[0] == self.columns.sizes[0] {
                        place[0] = 0;
                        outer += 1;
                    }
                }
            }
        }
    }

    /// Writes neighbours along the last axis, from `place` on; zeros where there is padding or spread.
    #[inline]
    fn write_run(&self, start: isize, base: [isize; 3], place: [usize; 3], out: &mut [f32]) {
        let mut start = start;
        for axis in 0..2 {
            let position = base[axis] + place[axis] as isize * self.columns.steps[axis];
            match self.source(axis, position) {
                Some(i) => start += i as isize * self.strides[axis],
                None => return out.fill(0.0),
            }
        }
        let step = self.columns.steps[2];
        let first = base[2] + place[2] as isize * step;
        let stride = self.strides[2];
        if step < 1 || self.spread[2] != 1 {
            for (i, to) in out.iter_mut().enumerate() {
                let source = self.source(2, first + i as isize * step);
                *to = source.map_or(0.0, |at| self.data[(start + at as isize * stride) as usize]);
            }
            return;
        }
        // The places before `inside` lie in the padding before, those from `after` in the padding behind.
        let size = self.input[2] as isize;
        let until = |bound: isize| match step {
            1 => bound,
            _ => (bound + step - 1).div_euclid(step),
        };
        let inside = until(-first).clamp(0, out.len() as isize);
        let after = until(size - first).clamp(inside, out.len() as isize);
        let (before, rest) = out.split_at_mut(inside as usize);
        let (within, behind) = rest.split_at_mut((after - inside) as usize);
        before.fill(0.0);
        behind.fill(0.0);
        if within.is_empty() {
            return;
        }
        let from = start + (first + inside * step) * stride;
        let stride = step * stride;
        if stride == 1 {
            within.copy_from_slice(&self.data[from as usize..from as usize + within.len()]);
        } else {
            for (i, to) in within.iter_mut().enumerate() {
                *to = self.data[(from + i as isize * stride) as usize];
            }
        }
    }

    /// The input index at a spread position, unless that is padding or a zero between two elements.
    #[inline]
    fn source(&self, axis: usize, position: isize) -> Option<usize> {
        if position < 0 {
            return None;
        }
        let (position, spread) = (position as usize, self.spread[axis]);
        let index = if spread == 1 {
            position
        } else if position % spread == 0 {
            position / spread
        } else {
            return None;
        };
        (index < self.input[axis]).then_some(index)
    }
}
