//! Cases for every row of the pointwise table, from the row itself.

use anygrad_graph::op::OpRef;
use anygrad_graph::pointwise::{Class, Pointwise, Row, Types, rows};
use anygrad_graph::{DType, Tensor};

use crate::case::{Case, Input, Lies, case, given};

/// f32 numbers at which functions misbehave.
const SPECIAL: [f64; 18] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    1.5,
    2.5,
    -2.5,
    3.0,
    9.0625,
    -20.0,
    88.875,
    -104.5,
    1e30,
    -1e30,
];

pub fn cases() -> Vec<Case> {
    rows().flat_map(|row| dtypes(row).into_iter().flat_map(move |dtype| of_dtype(row, dtype))).collect()
}

/// The dtypes a row takes on every device; f64 is what f32 becomes in the reference.
fn dtypes(row: &Row) -> Vec<DType> {
    let class = match row.types {
        Types::Same(class) | Types::Truth(class) | Types::To(class, _) => class,
        Types::Select => Class::Any,
        _ => Class::Any,
    };
    // f64 is not on every device
    if matches!(row.types, Types::To(_, DType::F64)) {
        return Vec::new();
    }
    [DType::F32, DType::I32, DType::U32, DType::Bool].into_iter().filter(|&dtype| class.has(dtype)).collect()
}

fn of_dtype(row: &'static Row, dtype: DType) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, shapes: [&[usize]; 3], lies: Lies| {
        let inputs = (0..row.arity).map(|i| input(row, dtype, i, shapes[i]).lies(lies)).collect::<Vec<_>>();
        cases.push(finish(row, dtype, name, inputs));
    };
    let same = |shape: &'static [usize]| [shape; 3];
    add("of odd sizes", same(&[7, 13]), Lies::Dense);
    add("four at a time", same(&[8, 8]), Lies::Dense);
    add("of parts with other axes", same(&[3, 4, 5]), Lies::SlicedPermuted);
    if dtype == DType::F32 {
        add("of a scalar", same(&[]), Lies::Dense);
        add("of one element", same(&[1, 1]), Lies::Dense);
        add("of nothing", same(&[0, 3]), Lies::Dense);
        add("backwards", same(&[3, 5]), Lies::Flipped);
        add("repeated", same(&[4, 3]), Lies::Expanded);
    }
    if row.arity > 1 {
        add("with broadcasting", [&[5, 1, 3], &[4, 1], &[5, 4, 3]], Lies::Dense);
        add("of a scalar and a list", [&[], &[2, 6], &[6]], Lies::Dense);
    }
    cases.push(special(row, dtype));
    cases
}

fn finish(row: &'static Row, dtype: DType, name: &str, inputs: Vec<Input>) -> Case {
    let build = move |x: &[Tensor]| Tensor::record(OpRef::Static(op(row)), &x.iter().collect::<Vec<_>>());
    let smooth = row.vjp.is_some() && dtype == DType::F32 && !matches!(row.types, Types::To(..));
    // 1 − y, of which the gradients of these are made, keeps few digits where y is near 1
    let slopes = if matches!(row.name, "sigmoid" | "tanh") { 10.0 } else { 1.0 };
    case(row.name, format!("{dtype} {name}"), inputs, build)
        .order(if smooth { 2 } else { 0 })
        .loose_slopes(slopes)
}

/// The row as an op; leaked, as there are few.
fn op(row: &'static Row) -> &'static Pointwise {
    Box::leak(Box::new(Pointwise(row)))
}

fn dtype_of(row: &Row, dtype: DType, i: usize) -> DType {
    if row.types == Types::Select && i == 0 { DType::Bool } else { dtype }
}

fn input(row: &Row, dtype: DType, i: usize, shape: &[usize]) -> Input {
    let dtype = dtype_of(row, dtype, i);
    let range = match (row.types, dtype) {
        (Types::Same(Class::Only(_)) | Types::To(Class::Only(_), _), _) => row.probe,
        (_, DType::F32) => row.probe,
        (_, DType::I32) => (-9.0, 10.0),
        _ => (0.0, 10.0),
    };
    Input::new(dtype, shape, range)
}

/// Every combination of the numbers at which something is special; among them are all ties.
fn special(row: &'static Row, dtype: DType) -> Case {
    let list = |i: usize| -> Vec<f64> {
        let list: Vec<f64> = match dtype_of(row, dtype, i) {
            DType::F32 if matches!(row.types, Types::To(..)) => SPECIAL
                .into_iter()
                .chain([-0.75, 3e9, -3e9, 4_294_967_040.0, 4.3e9, 2_147_483_520.0, 1e-30])
                .collect(),
            DType::F32 => SPECIAL.to_vec(),
            DType::I32 => {
                vec![0.0, 1.0, -1.0, 7.0, -7.0, 100_000.0, f64::from(i32::MAX), f64::from(i32::MIN)]
            }
            DType::U32 => vec![0.0, 1.0, 2.0, 7.0, 100_000.0, 2_147_483_648.0, f64::from(u32::MAX)],
            _ => vec![0.0, 1.0],
        };
        // three inputs have many combinations
        if row.arity == 3 { list.into_iter().take(8).collect() } else { list }
    };
    let lists: Vec<Vec<f64>> = (0..row.arity).map(list).collect();
    let count: usize = lists.iter().map(Vec::len).product();
    let column = |i: usize| {
        let repeat: usize = lists[i + 1..].iter().map(Vec::len).product();
        let values = (0..count).map(|k| lists[i][k / repeat % lists[i].len()]).collect();
        given(dtype_of(row, dtype, i), &[count], values)
    };
    let inputs: Vec<Input> = (0..row.arity).map(column).collect();
    finish(row, dtype, "special numbers", inputs).special()
}
