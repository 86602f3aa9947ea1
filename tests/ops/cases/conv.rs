//! Convolutions over one to three axes. Second derivatives reach spread inputs, cropping and reversed kernels,
//! which no forward pass of a usual network has.

use anygrad_graph::{Conv, Tensor};

use crate::case::{Case, Input, Lies, case, float};

/// The geometry on the last entries of three.
struct Setting(Conv);

impl Setting {
    fn new(rank: usize) -> Self {
        Self(Conv::new(rank))
    }
    fn stride(mut self, by: usize) -> Self {
        self.each(|c, i| c.stride[i] = by);
        self
    }
    fn pad(mut self, lo: isize, hi: isize) -> Self {
        self.each(|c, i| (c.pad_lo[i], c.pad_hi[i]) = (lo, hi));
        self
    }
    fn dilation(mut self, by: usize) -> Self {
        self.each(|c, i| c.dilation[i] = by);
        self
    }
    fn spread(mut self, by: usize) -> Self {
        self.each(|c, i| c.input_dilation[i] = by);
        self
    }
    fn groups(mut self, groups: usize) -> Self {
        self.0.groups = groups;
        self
    }
    fn flip(mut self) -> Self {
        self.0.flip = true;
        self
    }
    fn each(&mut self, set: impl Fn(&mut Conv, usize)) {
        (3 - self.0.rank..3).for_each(|i| set(&mut self.0, i));
    }
}

fn conv(name: &str, setting: Setting, x: Input, w: Input) -> Case {
    case("conv", name, [x, w], move |t: &[Tensor]| t[0].conv(&t[1], &setting.0))
}

pub fn cases() -> Vec<Case> {
    let uneven = || {
        let mut s = Setting::new(2);
        (s.0.stride, s.0.dilation, s.0.pad_lo, s.0.pad_hi) = ([1, 2, 1], [1, 1, 2], [0, 1, 0], [0, 0, 2]);
        s
    };
    vec![
        conv("1 axis", Setting::new(1), float([2, 3, 9]), float([4, 3, 3])),
        conv(
            "1 axis, step 2, padded",
            Setting::new(1).stride(2).pad(2, 1),
            float([2, 3, 8]),
            float([2, 3, 3]),
        ),
        conv("1 axis, everything", all(Setting::new(1)), float([2, 4, 9]), float([6, 2, 3])),
        conv("1 axis, one element", Setting::new(1), float([1, 1, 1]), float([1, 1, 1])),
        conv("2 axes", Setting::new(2), float([2, 3, 6, 7]), float([4, 3, 3, 3])),
        conv("2 axes, 1×1 kernel", Setting::new(2), float([2, 5, 4, 3]), float([3, 5, 1, 1])),
        conv("2 axes, same size", Setting::new(2).pad(1, 1), float([1, 2, 5, 5]), float([3, 2, 3, 3])),
        conv("2 axes, step 2", Setting::new(2).stride(2).pad(1, 1), float([2, 2, 7, 8]), float([3, 2, 3, 3])),
        conv(
            "2 axes, rest at the edge",
            Setting::new(2).stride(3),
            float([1, 2, 9, 10]),
            float([2, 2, 2, 2]),
        ),
        conv(
            "2 axes, dilated",
            Setting::new(2).dilation(2).pad(2, 2),
            float([2, 2, 7, 6]),
            float([2, 2, 3, 3]),
        ),
        conv("2 axes, spread", Setting::new(2).spread(2).pad(2, 2), float([2, 2, 4, 3]), float([3, 2, 3, 3])),
        conv("2 axes, cropped", Setting::new(2).pad(-1, -2), float([1, 2, 8, 9]), float([2, 2, 2, 3])),
        conv(
            "2 axes, flipped kernel",
            Setting::new(2).flip().pad(1, 0),
            float([1, 2, 5, 6]),
            float([2, 2, 3, 2]),
        ),
        conv("2 axes, groups", Setting::new(2).groups(2), float([2, 4, 5, 5]), float([6, 2, 3, 3])),
        conv(
            "2 axes, one channel a group",
            Setting::new(2).groups(3).pad(1, 1),
            float([2, 3, 5, 4]),
            float([6, 1, 3, 3]),
        ),
        conv("2 axes, everything", all(Setting::new(2)), float([2, 4, 6, 5]), float([2, 2, 3, 2])),
        conv("2 axes, uneven", uneven(), float([2, 2, 7, 8]), float([3, 2, 3, 2])),
        conv("2 axes, large kernel", Setting::new(2).pad(3, 3), float([1, 2, 7, 7]), float([2, 2, 7, 7])),
        conv("2 axes, many channels", Setting::new(2).pad(1, 1), float([1, 17, 4, 4]), float([19, 17, 3, 3]))
            .order(1),
        conv("2 axes, no samples", Setting::new(2), float([0, 2, 4, 4]), float([3, 2, 3, 3])),
        conv("2 axes, no channels", Setting::new(2), float([2, 0, 4, 4]), float([3, 0, 3, 3])),
        conv(
            "2 axes, other layouts",
            Setting::new(2).pad(1, 1),
            float([2, 3, 5, 4]).lies(Lies::SlicedPermuted),
            float([2, 3, 3, 3]).lies(Lies::Permuted),
        ),
        conv(
            "2 axes, backwards",
            Setting::new(2),
            float([2, 3, 5, 4]).lies(Lies::Flipped),
            float([2, 3, 3, 3]).lies(Lies::Flipped),
        ),
        conv(
            "2 axes, repeated samples",
            Setting::new(2),
            float([3, 2, 5, 4]).lies(Lies::Expanded),
            float([2, 2, 3, 3]),
        ),
        conv("3 axes", Setting::new(3).pad(1, 0), float([2, 2, 4, 5, 4]), float([3, 2, 2, 3, 2])),
        conv("3 axes, everything", all(Setting::new(3)), float([1, 4, 3, 4, 5]), float([2, 2, 2, 2, 2])),
        case("conv", "by conv2d", [float([2, 3, 6, 6]), float([4, 3, 3, 3])], |t: &[Tensor]| {
            t[0].conv2d(&t[1], 2, 1)
        }),
        case(
            "conv",
            "with a bias and a tail",
            [float([2, 3, 6, 6]), float([4, 3, 3, 3]), float([4, 1, 1])],
            |t: &[Tensor]| (t[0].conv2d(&t[1], 1, 1) + &t[2]).tanh(),
        ),
    ]
}

fn all(setting: Setting) -> Setting {
    setting.stride(2).pad(2, 1).dilation(2).spread(2).groups(2).flip()
}
