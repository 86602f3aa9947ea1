//! The exact texts of what a wrong call of a convolution, a pooling or a resizing says.

use anygrad_graph::op::Op;
use anygrad_graph::ops::interval::IntervalSum;
use anygrad_graph::{ConvOptions, DType, Device, Intervals, PoolOptions, Resize, Tensor};

use crate::messages::{of, says, t};

#[test]
fn convolutions_by_their_methods() {
    let o = ConvOptions::new;
    says(
        t([1, 5, 5, 2]).conv2d(&t([3, 2, 3, 3]), 1, 0),
        "conv2d: channels differ: input [1, 5, 5, 2] has 5, weight [3, 2, 3, 3] takes 2",
    );
    says(
        t([1, 2, 2, 5]).conv2d(&t([3, 2, 3, 3]), 1, 0),
        "conv2d: the kernel does not fit the padded input along spatial axis 0: input [1, 2, 2, 5], weight [3, 2, 3, 3]",
    );
    says(
        t([2, 5, 5]).conv2d(&t([3, 2, 3, 3]), 1, 0),
        "conv2d: takes an input [N, C, height, width] and a weight [O, C/groups, height, width]: input [2, 5, 5], weight [3, 2, 3, 3]",
    );
    says(t([2, 5, 5]).conv1d(&t([2, 5, 3]), 0, 0), "conv1d: stride and dilation are at least 1");
    says(t([2, 5, 5]).conv_with(&t([2, 5]), &o()), "conv: 0 spatial axes; 1 to 3 are possible");
    says(
        t([2, 5, 5]).conv_with(&t([2, 5, 3]), &o().stride([1, 2])),
        "conv1d: stride [1, 2] for 1 spatial axes",
    );
    says(
        t([2, 5, 5]).conv_with(&t([2, 5, 3]), &o().padding_sides(&[])),
        "conv1d: padding [] for 1 spatial axes",
    );
    says(t([2, 5, 5]).conv1d(&t([2, 5, 3]), 1, 1 << 40), "conv1d: padding 1099511627776 is beyond reason");
    says(
        t([1, 3, 5, 5]).conv_with(&t([4, 1, 3, 3]), &o().depthwise()),
        "conv2d: 3 groups do not divide 3 input and 4 output channels",
    );
    says(
        t([1, 3, 5, 5]).conv_with(&t([4, 3, 3, 3]), &o().bias(&t([3]))),
        "conv2d: the bias is f32 [3], not f32 [4]: a number for each output channel",
    );
    says(
        t([2, 5, 5]).conv_with(&t([2, 5, 3]), &o().output_padding(1)),
        "conv1d: an output padding is for transposed convolutions",
    );
    says(
        of(DType::I32, &[2, 5, 5]).conv1d(&t([2, 5, 3]), 1, 0),
        "conv1d: takes two floats of one dtype: input i32, weight f32",
    );
    // an error of an input comes first
    says(t([2]).reshape([3]).conv2d(&t([1]), 1, 0), "reshape: [2] has 2 elements, [3] has 3");
}

#[test]
fn transposed_convolutions() {
    let o = ConvOptions::new;
    says(
        t([2, 3, 5, 5]).conv_transpose2d(&t([4, 3, 3, 3]), 1, 0),
        "conv_transpose2d: channels differ: input [2, 3, 5, 5] has 3, weight [4, 3, 3, 3] takes 4",
    );
    says(
        t([2, 3, 5]).conv_transpose2d(&t([3, 3, 3, 3]), 1, 0),
        "conv_transpose2d: takes an input [N, C, height, width] and a weight [C, O/groups, height, width]: input [2, 3, 5], weight [3, 3, 3, 3]",
    );
    says(
        t([2, 3, 5]).conv_transpose_with(&t([3, 1, 3]), &o().groups(2)),
        "conv_transpose1d: 2 groups do not divide 3 input channels",
    );
    says(
        t([2, 3, 5]).conv_transpose_with(&t([3, 1, 3]), &o().stride(2).output_padding(2)),
        "conv_transpose1d: output padding 2 is not below the larger of stride 2 and dilation 1 along spatial axis 0",
    );
    says(
        t([2, 3, 1]).conv_transpose_with(&t([3, 1, 3]), &o().padding(2)),
        "conv_transpose1d: the output would have no elements along spatial axis 0: input [2, 3, 1], weight [3, 1, 3]",
    );
    says(
        t([2, 3, 0]).conv_transpose1d(&t([3, 1, 3]), 1, 0),
        "conv_transpose1d: the input has no elements along spatial axis 0: input [2, 3, 0], weight [3, 1, 3]",
    );
    says(t([2, 3]).conv_transpose_with(&t([3, 1]), &o()), "conv: 0 spatial axes; 1 to 3 are possible");
    says(
        t([2, 3, 4]).conv_transpose_with(&t([3, 1, 2]), &o().same().stride(2).output_padding(1)),
        "conv_transpose1d: same leaves no choice of an output padding",
    );
    says(
        t([2, 3, 4]).conv_transpose_with(&of(DType::F64, &[3, 1, 2]), &o()),
        "conv_transpose1d: takes two floats of one dtype: input f32, weight f64",
    );
    let error = t([2, 3, 1]).conv_transpose1d(&t([3, 1, 3]), 1, 2).check().unwrap_err().to_string();
    let line = line!() - 1;
    assert!(error.contains(&format!("messages_conv.rs:{line}")), "{error}");
}

#[test]
fn pooling_by_options() {
    let o = |kernel: usize| PoolOptions::new(kernel);
    says(
        t([1, 1, 6, 6]).max_pool_with(&o(3).padding(2)),
        "max_pool2d: padding 2 is more than half of the window's 3 along spatial axis 0",
    );
    says(
        t([1, 1, 6, 6]).avg_pool_with(&PoolOptions::new([2, 3]).padding([1, 2])),
        "avg_pool2d: padding 2 is more than half of the window's 3 along spatial axis 1",
    );
    says(
        t([1, 1, 2]).max_pool_with(&o(2).stride(1).dilation(4).padding(2)),
        "max_pool1d: a window would lie in the padding alone along spatial axis 0 of [1, 1, 2]",
    );
    says(
        t([1, 1, 0]).max_pool_with(&o(2).padding(1)),
        "max_pool1d: a window would lie in the padding alone along spatial axis 0 of [1, 1, 0]",
    );
    says(
        t([1, 1, 4]).max_pool_with(&PoolOptions::new([2, 2])),
        "max_pool1d: kernel [2, 2] for 1 spatial axes",
    );
    says(t([1, 1, 4]).max_pool1d(5, 1), "max_pool1d: the window [5] does not fit input [1, 1, 4]");
    says(t([1, 1, 4]).avg_pool_with(&o(2).divisor(0)), "avg_pool1d: the divisor is 0");
    says(
        t([1, 1, 4]).max_pool1d(usize::MAX, 1),
        &format!("max_pool1d: kernel {} is beyond reason", usize::MAX),
    );
    says(
        t([2, 3]).max_pool_with(&o(2)),
        "pooling: a window over 0 axes takes [N, C, …] of 2 axes, not [2, 3]",
    );
    says(
        t([1, 1, 2, 2]).max_pool3d(2, 2),
        "max_pool3d: a window over 3 axes takes [N, C, …] of 5 axes, not [1, 1, 2, 2]",
    );
    says(of(DType::I32, &[1, 1, 4]).max_pool_with_index(&o(2)).1, "max_pool1d: takes floats, not i32");
    says(of(DType::I32, &[1, 1, 4]).lp_pool(2.0, &o(2)), "lp_pool1d: takes floats, not i32");
    says(t([1, 1, 4]).lp_pool(0.0, &o(2)), "lp_pool1d: the power 0 is not positive");
    let index = || of(DType::U32, &[1, 1, 2, 2]);
    says(
        t([1, 1, 2, 2]).max_unpool(&index(), &o(2), &[4, 6]),
        "max_unpool2d: pooling [4, 6] gives [2, 3], which is not [1, 1, 2, 2]",
    );
    says(
        t([1, 1, 2, 2]).max_unpool(&index(), &o(2), &[4]),
        "max_unpool1d: sizes [4] are for [N, C, …] of 3 axes, not [1, 1, 2, 2]",
    );
    says(
        t([1, 1, 2, 3]).max_unpool(&index(), &o(2), &[4, 6]),
        "max_unpool2d: the index is u32 [1, 1, 2, 2], not u32 [1, 1, 2, 3]",
    );
}

#[test]
fn adaptive_pooling_and_resizing() {
    says(
        t([1, 2, 3]).adaptive_avg_pool(&[2, 2]),
        "adaptive_avg_pool: sizes [2, 2] for the 1 axes behind [N, C] of [1, 2, 3]",
    );
    says(t([1, 2, 3]).adaptive_max_pool(&[0]), "adaptive_max_pool: no elements: from [1, 2, 3] to sizes [0]");
    says(t([1, 2, 0]).adaptive_avg_pool(&[2]), "adaptive_avg_pool: no elements: from [1, 2, 0] to sizes [2]");
    says(of(DType::I32, &[1, 2, 3]).global_avg_pool(), "global_avg_pool: takes floats, not i32");
    says(t([1, 2]).global_max_pool(), "global_max_pool: takes [N, C, …] with 1 to 3 axes behind, not [1, 2]");
    says(
        t([1, 1, 3]).adaptive_max_pool(&[1 << 30]),
        "adaptive_max_pool: [1, 1, 3] to [1073741824] is too large for 31 bits",
    );
    says(
        t([1, 1, 3]).adaptive_avg_pool(&[1 << 30]),
        "adaptive_avg_pool: 3 to 1073741824 positions along axis 2 of [1, 1, 3] are too many for 31 bits",
    );
    let r = Resize::Linear;
    says(t([1, 2, 3, 4]).resize(&[2], r), "resize: sizes [2] for the 2 axes behind [N, C] of [1, 2, 3, 4]");
    says(t([1, 2, 3]).resize(&[0], r), "resize: no elements: from [1, 2, 3] to sizes [0]");
    says(t([1, 2, 3]).resize_by(0.0, r), "resize: the factor 0 is not positive");
    says(t([1, 2, 3]).resize_by(0.1, r), "resize: no elements: from [1, 2, 3] to sizes [0]");
    says(of(DType::U32, &[1, 2, 3]).resize(&[4], r), "resize: takes floats, not u32");
    for mode in [Resize::Nearest, Resize::Linear, Resize::Cubic] {
        let error = t([1, 1, 40_001]).resize(&[50_021], mode).check().unwrap_err().to_string();
        assert!(error.starts_with("resize: ") && error.contains("too many for 31 bits"), "{error}");
        let error = t([1, 1, 3]).resize_by(1e30, mode).check().unwrap_err().to_string();
        assert!(error.starts_with("resize: ") && error.contains("for 31 bits"), "{error}");
    }
    let sum = |axis, size, intervals| Tensor::record(IntervalSum { axis, size, intervals }, &[&t([2, 3])]);
    says(sum(2, 1, Intervals::Adaptive), "interval_sum: axis 2 is out of range for 2 axes");
    says(
        sum(1, 1, Intervals::Pick { step: 0, first: 0, over: 1 }),
        "interval_sum: 3 to 1 positions along axis 1 of [2, 3] are too many for 31 bits",
    );
    let op = IntervalSum { axis: 0, size: 1, intervals: Intervals::Adaptive };
    assert_eq!(op.infer(&[]).unwrap_err(), "takes 1 input, got 0");
    assert!(Tensor::zeros([1, 1, 1 << 20], &Device::cpu()).resize_by(2.0, Resize::Linear).check().is_ok());
}
