//! The exact texts of what a wrong call of a convolution says.

use anygrad_graph::{ConvOptions, DType};

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
