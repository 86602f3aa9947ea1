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
        for (row, out) in rows.zip(out.chunks_mut(columns.len().max(1))) {
            let (outer, taps) = self.rows.split(row);
            let start = self.offset + outer as isize * self.rows.outer;
            let base = [0, 1, 2].map(|axis| self.base[axis] + taps[axis] as isize * self.rows.steps[axis]);
            self.write_row(start, base, columns.start, out);
        }
    }

    /// Writes the columns from `first` on of the row that reads from `start` and `base` on.
    fn write_row(&self, start: isize, base: [isize; 3], first: usize, out: &mut [f32]) {
        let [_, _, wide] = self.columns.sizes;
        let steps = self.columns.steps;
        let inside = self.inside(base[2]);
        let (mut outer, mut place) = self.columns.split(first);
        let mut left = out;
        while !left.is_empty() {
            let (lines, rest) = self.write_lines(start, base, outer, place, &inside, left);
            if lines > 0 {
                left = rest;
                place[1] += lines;
                self.carry(&mut outer, &mut place);
                continue;
            }
            left = rest;
            let count = (wide - place[2]).min(left.len());
            let (run, rest) = left.split_at_mut(count);
            left = rest;
            let z = self.source(0, base[0] + place[0] as isize * steps[0]);
            let y = self.source(1, base[1] + place[1] as isize * steps[1]);
            match (z, y) {
                (Some(z), Some(y)) => {
                    let line = start
                        + outer as isize * self.columns.outer
                        + z as isize * self.strides[0]
                        + y as isize * self.strides[1];
                    self.write_run(line, base[2], place[2], &inside, run);
                }
                _ => run.fill(0.0),
            }
            // On to the next row of places.
            place[2] = 0;
            place[1] += 1;
            self.carry(&mut outer, &mut place);
        }
    }

    /// After the last row of places of a plane comes the next plane.
    #[inline]
    fn carry(&self, outer: &mut usize, place: &mut [usize; 3]) {
        let [deep, high, _] = self.columns.sizes;
        if place[1] == high {
            place[1] = 0;
            place[0] += 1;
            if place[0] == deep {
                place[0] = 0;
                *outer += 1;
            }
        }
    }

    /// Writes as many whole rows of places as are one piece of memory each and follow each other; gives their number,
    /// which may be 0, and what is left of the output.
    #[inline]
    fn write_lines<'o>(
        &self,
        start: isize,
        base: [isize; 3],
        outer: usize,
        place: [usize; 3],
        inside: &Option<Range<usize>>,
        out: &'o mut [f32],
    ) -> (usize, &'o mut [f32]) {
        let [_, high, wide] = self.columns.sizes;
        let ([_, step, across], [_, down, stride]) = (self.columns.steps, self.strides);
        let (Some(inside), true) =
            (inside, place[2] == 0 && across * stride == 1 && self.spread[1] == 1 && step > 0)
        else {
            return (0, out);
        };
        let y = base[1] + place[1] as isize * step;
        let (Some(z), true) = (self.source(0, base[0] + place[0] as isize * self.columns.steps[0]), y >= 0)
        else {
            return (0, out);
        };
        let within = (self.input[1] as isize - y).max(0) as usize;
        let lines = within.div_ceil(step as usize).min(high - place[1]).min(out.len() / wide);
        if lines == 0 || inside.is_empty() {
            return (0, out);
        }
        let plane = start + outer as isize * self.columns.outer + z as isize * self.strides[0];
        let first = plane + y * down + base[2] + inside.start as isize * across;
        for line in 0..lines {
            let (out, from) = (&mut out[line * wide..], (first + line as isize * step * down) as usize);
            copy_some(&self.data[from..], inside.len(), &mut out[inside.start..]);
            out[..inside.start].fill(0.0);
            out[inside.end..wide].fill(0.0);
        }
        (lines, &mut out[lines * wide..])
    }

    /// The places along the last axis that read inside the input, where those are neighbours in memory order.
    fn inside(&self, base: isize) -> Option<Range<usize>> {
        let (step, wide) = (self.columns.steps[2], self.columns.sizes[2] as isize);
        if step < 1 || self.spread[2] != 1 {
            return None;
        }
        // The first place whose position is not below a bound.
        let from = |bound: isize| {
            let ahead = bound - base;
            let places = if step == 1 { ahead } else { (ahead + step - 1).div_euclid(step) };
            places.clamp(0, wide) as usize
        };
        let first = from(0);
        Some(first..from(self.input[2] as isize).max(first))
    }

    /// Writes neighbours along the last axis, from `place` on; zeros where there is padding or spread.
    #[inline(always)]
    fn write_run(
        &self,
        line: isize,
        base: isize,
        place: usize,
        inside: &Option<Range<usize>>,
        out: &mut [f32],
    ) {
        let (step, stride) = (self.columns.steps[2], self.strides[2]);
        let Some(inside) = inside else {
            for (i, to) in (place..).zip(out) {
                let source = self.source(2, base + i as isize * step);
                *to = source.map_or(0.0, |at| self.data[(line + at as isize * stride) as usize]);
            }
            return;
        };
        let len = out.len();
        let first = inside.start.clamp(place, place + len) - place;
        let last = inside.end.clamp(place + first, place + len) - place;
        if first > 0 {
            out[..first].fill(0.0);
        }
        if last < len {
            out[last..].fill(0.0);
        }
        let within = &mut out[first..last];
        if within.is_empty() {
            return;
        }
        let from = line + (base + (place + first) as isize * step) * stride;
        let stride = step * stride;
        if stride == 1 {
            let from = &self.data[from as usize..from as usize + within.len()];
            // A call to copy memory costs more than a short loop.
            if within.len() < 16 {
                within.iter_mut().zip(from).for_each(|(to, &x)| *to = x);
            } else {
                within.copy_from_slice(from);
            }
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

/// Elements that are copied at once.
const AT_ONCE: usize = 16;

/// Copies `len` elements from the start of one slice to that of the other. Whatever is behind them in `to` may be
/// overwritten: whole vectors are copied, as a call to copy memory costs more than a short row.
#[inline]
fn copy_some(from: &[f32], len: usize, to: &mut [f32]) {
    let pieces = len.div_ceil(AT_ONCE);
    let (all, targets) = (from.as_chunks::<AT_ONCE>().0, to.as_chunks_mut::<AT_ONCE>().0);
    if pieces > 4 || pieces > all.len() || pieces > targets.len() {
        to[..len].copy_from_slice(&from[..len]);
        return;
    }
    for (to, from) in targets.iter_mut().zip(all).take(pieces) {
        *to = *from;
    }
}
