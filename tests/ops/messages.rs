//! The exact texts of what a wrong call says.

use anygrad_graph::op::Op;
use anygrad_graph::ops::gather::{Gather, ScatterAdd};
use anygrad_graph::ops::pool::Pool;
use anygrad_graph::ops::reduce::{Reduce, Reduction};
use anygrad_graph::{Conv, DType, Device, Tensor, Window, eval, grad};

/// A tensor of f32 zeros.
pub fn t<const N: usize>(shape: [usize; N]) -> Tensor {
    Tensor::zeros(shape, &Device::cpu())
}

pub fn of(dtype: DType, shape: &[usize]) -> Tensor {
    Tensor::full(shape, 0.0, dtype, &Device::cpu())
}

/// The first line of the error; the others say where.
#[track_caller]
pub fn says(tensor: Tensor, expected: &str) {
    let error = tensor.check().map(|t| format!("no error, {t:?}")).unwrap_or_else(|error| error.to_string());
    assert_eq!(error.split("\n  ").next(), Some(expected), "{error}");
}

#[test]
fn pointwise() {
    says(t([2, 3]) + t([4]), "add: shapes do not broadcast: [2, 3] and [4]");
    says(t([2]) * of(DType::I32, &[2]), "mul: dtypes differ: f32 and i32; convert one with to_dtype");
    says(of(DType::Bool, &[2]) + of(DType::Bool, &[2]), "add: does not take bool");
    says(of(DType::I32, &[2]).exp(), "exp: does not take i32");
    says(-of(DType::U32, &[2]), "neg: does not take u32");
    says(t([2]).logical_not(), "logical_not: does not take f32");
    says(t([2]).select(t([2]), t([2])), "where_op: the condition is f32, not bool");
    says(
        of(DType::Bool, &[2]).select(t([2]), of(DType::I32, &[2])),
        "where_op: dtypes differ: f32 and i32; convert one with to_dtype",
    );
    says(t([2]).clamp(t([3]), t([2])), "clamp: shapes do not broadcast: [2] and [3] and [2]");
    says(t([2]).threefry(1u32, 2u32), "threefry: does not take f32");
}

#[test]
fn activations() {
    says(
        t([2, 3, 4]).prelu(&t([4])),
        "prelu: takes one slope or one for each of 3 channels: input [2, 3, 4], weight [4]",
    );
    says(t([2, 5]).maxout(1, 2), "maxout: 2 pieces do not divide axis 1 of [2, 5]");
    says(t([2, 4]).maxout(2, 2), "maxout: axis 2 is out of range for 2 axes");
    says(t([2, 4]).maxout(1, 0), "maxout: 0 pieces do not divide axis 1 of [2, 4]");
    says(t([2, 5]).glu(1), "glu: axis 1 of [2, 5] has an odd size");
    says(t([2]).celu(0.0), "celu: alpha is 0; it must be above 0");
    says(
        of(DType::I32, &[2]).gelu(),
        "number: 0.5 is not an i32; convert the tensor beside it with to_dtype",
    );
}

#[test]
fn numbers_beside_integers_are_whole() {
    for dtype in [DType::I32, DType::U32] {
        for (number, shown) in
            [(0.5, "0.5"), (f64::NAN, "NaN"), (f64::INFINITY, "inf"), (1e10, "10000000000")]
        {
            let expected =
                format!("number: {shown} is not an {dtype}; convert the tensor beside it with to_dtype");
            says(of(dtype, &[2]) * number, &expected);
            says(number - of(dtype, &[2]), &expected);
        }
        assert!((of(dtype, &[2]) + 2.0).check().is_ok());
    }
    // one less, as integers wrap
    assert_eq!((of(DType::U32, &[1]) + 5u32 + -1.0).to_vec::<u32>().unwrap(), [4]);
}

#[test]
fn products() {
    says(t([2, 3]).matmul(&t([4, 5])), "matmul: inner dimensions differ: left [2, 3], right [4, 5]");
    says(t([2, 3]).matmul(&of(DType::I32, &[3, 2])), "matmul: dtypes differ: left f32, right i32");
    says(of(DType::Bool, &[2, 2]).matmul(&of(DType::Bool, &[2, 2])), "matmul: does not take bool");
    says(t([]).matmul(&t([2, 2])), "matmul: takes matrices: left [], right [2, 2]");
    says(
        t([2, 3, 4]).matmul(&t([3, 4, 5])),
        "matmul: batch dimensions differ: left [2, 3, 4], right [3, 4, 5]",
    );
    says(t([2, 3, 4]).matmul(&t([5, 6])), "matmul: inner dimensions differ: left [2, 3, 4], right [5, 6]");
    says(t([3]).matmul(&t([4])), "matmul: inner dimensions differ: left [3], right [4]");
}

#[test]
fn convolutions() {
    let conv = |x: Tensor, w: Tensor, set: fn(&mut Conv)| {
        let mut conv = Conv::new(2);
        set(&mut conv);
        x.conv(&w, &conv)
    };
    says(
        conv(t([1, 2, 5]), t([3, 2, 3, 3]), |_| {}),
        "conv: takes an input [N, C, height, width] and a weight [O, C/groups, height, width]: input [1, 2, 5], weight [3, 2, 3, 3]",
    );
    says(
        conv(t([1, 2, 5, 5]), t([3, 4, 3, 3]), |_| {}),
        "conv: channels differ: input [1, 2, 5, 5] has 2, weight [3, 4, 3, 3] takes 4",
    );
    says(
        conv(t([1, 3, 5, 5]), t([4, 1, 3, 3]), |c| c.groups = 2),
        "conv: 2 groups do not divide 3 input and 4 output channels",
    );
    says(
        conv(t([1, 3, 5, 5]), t([4, 3, 3, 3]), |c| c.stride[2] = 0),
        "conv: stride and dilation are at least 1",
    );
    says(
        conv(t([1, 3, 5, 2]), t([4, 3, 3, 3]), |_| {}),
        "conv: the kernel does not fit the padded input along spatial axis 1: input [1, 3, 5, 2], weight [4, 3, 3, 3]",
    );
    says(
        conv(of(DType::I32, &[1, 3, 5, 5]), t([4, 3, 3, 3]), |_| {}),
        "conv: takes two floats of one dtype: input i32, weight f32",
    );
    says(conv(t([1, 3, 5, 5]), t([4, 3, 3, 3]), |c| c.rank = 4), "conv: 4 spatial axes; 1 to 3 are possible");
}

#[test]
fn pooling() {
    says(
        t([2, 3, 4]).max_pool2d(2, 2),
        "max_pool2d: a window over 2 axes takes [N, C, …] of 4 axes, not [2, 3, 4]",
    );
    says(t([1, 1, 2, 2]).avg_pool2d(3, 1), "avg_pool2d: the window [3, 3] does not fit input [1, 1, 2, 2]");
    says(t([1, 1, 4, 4]).avg_pool2d(2, 0), "avg_pool2d: kernel, stride and dilation are at least 1");
    says(of(DType::I32, &[1, 1, 4, 4]).max_pool2d(2, 2), "max_pool2d: takes floats, not i32");
    let mut padded = Window::new(&[2, 2]);
    padded.pad_lo = [0, 2, 0];
    says(t([1, 1, 4, 4]).max_pool(&padded), "max_pool: padding 2 is not below the window's reach");
    let pick = Pool::Pick(Window::new(&[2, 2]));
    says(
        Tensor::record(pick, &[&t([1, 1, 4, 4]), &of(DType::I32, &[1, 1, 2, 2])]),
        "window_gather: the index is i32 [1, 1, 2, 2], not u32 [1, 1, 2, 2]",
    );
    let scatter = Pool::PickAdjoint(Window::new(&[2, 2]), [1, 4, 4]);
    says(
        Tensor::record(scatter, &[&t([1, 1, 2, 2]), &of(DType::U32, &[1, 1, 2, 3])]),
        "window_scatter: the index is u32 [1, 1, 2, 3], not u32 [1, 1, 2, 2]",
    );
}

#[test]
fn reductions() {
    says(t([2, 3]).sum(&[2]), "sum: axis 2 is out of range for 2 axes");
    says(t([2, 3]).sum(&[-3]), "sum: axis -3 is out of range for 2 axes");
    says(t([2, 3]).sum(&[1, -1]), "sum: axis 1 is named twice");
    says(of(DType::Bool, &[2]).sum(&[0]), "sum: does not take bool");
    says(t([0, 3]).max(&[0]), "max: no elements along axes [0] of [0, 3]");
    says(t([0, 3]).argmin(0), "argmin: no elements along axes [0] of [0, 3]");
    says(t([2]).argmax(1), "argmax: axis 1 is out of range for 1 axes");
    says(of(DType::I32, &[2]).mean(&[0]), "mean: takes floats, not i32");
    says(t([2]).mean(&[1]), "mean: axis 1 is out of range for 1 axes");
    says(t([2]).softmax(1), "softmax: axis 1 is out of range for 1 axes");
}

#[test]
fn movement() {
    says(t([2, 3]).reshape([7]), "reshape: [2, 3] has 6 elements, [7] has 7");
    says(t([2, 3]).permute(&[0, 0]), "permute: axis 0 is named twice");
    says(t([2, 3]).permute(&[0]), "permute: [0] does not order the 2 axes");
    says(t([2, 3]).permute(&[0, 2]), "permute: axis 2 is out of range for 2 axes");
    says(t([2]).t(), "transpose: axis -2 is out of range for 1 axes");
    says(t([2, 3]).expand([2, 4]), "expand: [2, 3] does not expand to [2, 4]");
    says(t([2, 3]).expand([3]), "expand: [2, 3] does not expand to [3]");
    says(t([2, 3]).slice(2, 0, 1), "slice: axis 2 is out of range for 2 axes");
    says(t([2, 3]).slice(1, 2, 2), "slice: 2 elements from 2 exceed axis 1 of [2, 3]");
    says(
        t([2, 3]).slice(1, usize::MAX, 2),
        &format!("slice: 2 elements from {} exceed axis 1 of [2, 3]", usize::MAX),
    );
    says(t([2, 3]).flip(&[2]), "flip: axis 2 is out of range for 2 axes");
    says(t([2, 3]).flatten(3), "flatten: axis 3 is out of range for 2 axes");
    says(t([2, 3]).squeeze(0), "squeeze: axis 0 of [2, 3] has not size 1");
    says(t([2, 3]).squeeze(5), "squeeze: axis 5 is out of range for 2 axes");
    says(t([2, 3]).unsqueeze(4), "unsqueeze: axis 4 is out of range for 3 axes");
    says(t([2, 3]).pad(&[(1, 1)]), "pad: 1 pairs of pads for the axes of [2, 3]");
    says(t([2]).pad(&[(usize::MAX, 1)]), "pad: the size overflows");
    says(
        Tensor::concat(&[&t([2, 3]), &t([2, 4])], 0),
        "concat: [2, 4] does not fit beside [2, 3] along axis 0",
    );
    says(Tensor::concat(&[&t([2, 3]), &t([2])], 0), "concat: [2] does not fit beside [2, 3] along axis 0");
    says(Tensor::concat(&[&t([2]), &of(DType::I32, &[2])], 0), "concat: dtypes differ: f32 and i32");
    says(Tensor::concat(&[&t([2, 3])], 2), "concat: axis 2 is out of range for 2 axes");
    says(Tensor::concat(&[], 0), "concat: no inputs");
    says(
        t([1, 70_000]).expand([70_000, 70_000]),
        "expand: the result would have shape [70000, 70000]: more than 2^32 elements",
    );
}

#[test]
fn indices() {
    let index = |values: &[i32]| Tensor::from_slice(values, [values.len()], &Device::cpu());
    says(t([3]).gather(0, &t([3])), "gather: the index is f32, not u32 or i32");
    says(
        t([3, 2]).gather(0, &of(DType::U32, &[3, 4])),
        "gather: index [3, 4] does not fit input [3, 2] along axis 0",
    );
    says(t([3, 2]).gather(2, &of(DType::U32, &[3, 2])), "gather: axis 2 is out of range for 2 axes");
    says(t([3]).gather(0, &index(&[0, 3])), "gather: index 3 is out of range for size 3");
    says(t([3]).gather(0, &index(&[0, -1])), "gather: index -1 is negative");
    says(
        t([3, 2]).scatter_add(0, &of(DType::U32, &[3]), 3),
        "scatter_add: index [3] does not fit input [3, 2] along axis 0",
    );
    says(t([2]).scatter_add(0, &index(&[1, 5]), 3), "scatter_add: index 5 is out of range for size 3");
    says(of(DType::Bool, &[2]).scatter_add(0, &index(&[1, 2]), 3), "scatter_add: does not take bool");
    says(
        t([3, 2]).index_select(0, &of(DType::U32, &[1, 1])),
        "index_select: the index has shape [1, 1], not one axis",
    );
    says(t([3, 2]).index_select(0, &index(&[4])), "index_select: index 4 is out of range for size 3");
    says(t([3]).one_hot(3), "one_hot: classes are f32, not u32 or i32");
    says(index(&[1, 3]).one_hot(3), "one_hot: class 3 is out of range for 3 classes");
    says(index(&[-1, 2]).one_hot(3), "one_hot: class -1 is out of range for 3 classes");
}

#[test]
fn sources() {
    let cpu = Device::cpu();
    says(Tensor::from_slice(&[1.0f32], [2], &cpu), "from_slice: shape [2] does not hold 1 elements");
    says(
        Tensor::from_slice(&[1.0f32], [usize::MAX, 2], &cpu),
        &format!("from_slice: shape [{}, 2] does not hold 1 elements", usize::MAX),
    );
    says(Tensor::iota(1 << 33, &cpu), "iota: 8589934592 does not fit in u32");
    let error = t([2]).to_vec::<i32>().unwrap_err().to_string();
    assert_eq!(error, "to_vec: the tensor is f32, not i32; to_dtype converts");
    let error = t([2]).item().unwrap_err().to_string();
    assert_eq!(error, "item: the tensor has shape [2], not one element");
}

#[test]
fn gradients() {
    let x = t([2, 3]);
    says(grad(&x.exp(), &[&x]).remove(0), "grad: the loss has shape [2, 3]; reduce it to a scalar first");
    let i = of(DType::I32, &[2]);
    says(grad(&i.sum_all(), &[&i]).remove(0), "grad: the loss is i32, not a float");
    // the first error comes through, and comes first
    says(grad(&x.sum(&[7]), &[&x]).remove(0), "sum: axis 7 is out of range for 2 axes");
    says((x.sum(&[7]) + t([9, 9])).exp(), "sum: axis 7 is out of range for 2 axes");
    let error = eval(&[&x.exp(), &x.sum(&[7])]).unwrap_err().to_string();
    assert!(
        error.starts_with("sum: axis 7 is out of range for 2 axes\n  at tests/ops/messages.rs:"),
        "{error}"
    );
}

/// An op recorded by hand with the wrong number of inputs, or attributes that no method makes, is an error as well.
#[test]
fn ops_recorded_by_hand() {
    let x = t([2, 3]);
    let record = |op: &dyn Fn() -> Tensor| op().check().map(|_| ()).unwrap_err().to_string();
    let first = |text: String| text.split("\n  ").next().unwrap_or_default().to_owned();
    let max = || Tensor::record(Reduce { kind: Reduction::Max, axes: vec![0] }, &[&x, &x]);
    assert_eq!(first(record(&max)), "max: takes 1 input, got 2");
    let gather = || Tensor::record(Gather(5), &[&x, &of(DType::U32, &[2, 3])]);
    assert_eq!(first(record(&gather)), "gather: index [2, 3] does not fit input [2, 3] along axis 5");
    let scatter = || Tensor::record(ScatterAdd { axis: 0, size: 3 }, &[&x]);
    assert_eq!(first(record(&scatter)), "scatter_add: takes 2 inputs, got 1");
    assert_eq!(Gather(0).name(), "gather");
}
