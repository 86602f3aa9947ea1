//! Two ops of our own: an elementwise one, and one with a kernel. Each has a CPU meaning, WGSL and a gradient, and runs
//! on the CPU and on a GPU if there is one. Checks itself and says what it found; about a second.
//!
//!     cargo run --example custom_op -- [auto|cpu|gpu|gpu:N|software]

use std::ops::{Add, Sub};

use anygrad::extend::{
    Builder, Caps, Class, CpuError, DType, DeviceError, Gradients, Host, Layout, Lowered, Meta, Op, Operand,
    Row, Storage, Types, View, Vjp, cpu, float1,
};
use anygrad::prelude::*;

/// `x / (1 + x²)`: an elementwise op is a row, and fuses with its neighbours.
static WITCH: Row = Row {
    name: "witch",
    arity: 1,
    types: Types::Same(Class::Float),
    cpu: |args, out| float1(args, out, |x| x / (1.0 + x * x), |x| x / (1.0 + x * x)),
    wgsl: |_| "$0 / (1.0 + $0 * $0)",
    // dy/dx = (1 − x²) / (1 + x²)²
    vjp: Some(|v| {
        let square = v.inputs[0].square();
        vec![Some(v.grad * (1.0 - &square) / (&square + 1.0).square())]
    }),
    probe: (-3.0, 3.0),
};

/// Second differences along the last axis: `y[i] = x[i−1] − 2·x[i] + x[i+1]`, with 0 beyond the ends. Attributes of an
/// op, of which this one has none, are fields; they are compared and hashed, so that plans are found again.
#[derive(Debug, PartialEq, Eq, Hash)]
struct SecondDifference;

impl Op for SecondDifference {
    fn name(&self) -> &'static str {
        "second_difference"
    }

    // every check is here; what follows relies on it
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        match inputs {
            [x] if x.dtype.is_float() && x.shape.rank() > 0 => Ok((*x).clone()),
            [x] => Err(format!("takes floats with at least one axis, not {} {}", x.dtype, x.shape)),
            _ => Err(format!("takes 1 input, got {}", inputs.len())),
        }
    }

    // the matrix of the op is symmetric, so it is its own gradient; that makes second derivatives right as well
    fn vjp(&self, v: &Vjp<'_>) -> Option<Gradients> {
        Some(vec![Some(second_difference(v.grad))])
    }

    fn eval(&self, host: &Host, inputs: &[View<'_>], output: &Meta) -> Result<Storage, CpuError> {
        let width = output.shape.last().copied().unwrap_or(1);
        // inputs are views: transposed, sliced, repeated. Copying makes them dense.
        match cpu::copy(host, inputs[0])? {
            Storage::F32(x) => Ok(Storage::F32(differences(&x, width))),
            Storage::F64(x) => Ok(Storage::F64(differences(&x, width))),
            _ => Err(CpuError::Unsupported { op: self.name(), dtype: output.dtype }),
        }
    }

    fn lower(&self, x: &[Layout], _: &[DType], y: &Meta, caps: &Caps) -> Result<Lowered, DeviceError> {
        let mut kernel = Builder::new("second_difference", "naive");
        kernel.read("x", y.dtype, Operand::Input(0));
        kernel.read_write("y", y.dtype, Operand::Output(0));
        kernel.param("width", y.shape.last().copied().unwrap_or(1));
        // fn x_at(i): where element i of the view lies in the buffer
        kernel.strided("x_at", &x[0].shape, &x[0].strides, x[0].offset);
        kernel.function(
            "fn evaluate(i: u32) {
                let column = i % p.width;
                var sum = -2.0 * x[x_at(i)];
                if column > 0u { sum += x[x_at(i - 1u)]; }
                if column + 1u < p.width { sum += x[x_at(i + 1u)]; }
                y[i] = sum;
            }",
        );
        let count = y.shape.numel();
        kernel.for_each(count, 3 * count as u64, 8 * count as u64, caps)
    }
}

fn differences<T: Copy + Default + Add<Output = T> + Sub<Output = T>>(x: &[T], width: usize) -> Vec<T> {
    let at = |row: &[T], i: Option<usize>| i.and_then(|i| row.get(i)).copied().unwrap_or_default();
    let one = |row: &[T], i: usize| at(row, i.checked_sub(1)) + at(row, Some(i + 1)) - row[i] - row[i];
    x.chunks(width.max(1)).flat_map(|row| (0..row.len()).map(|i| one(row, i)).collect::<Vec<T>>()).collect()
}

/// The function users call. `track_caller` makes errors name their line.
#[track_caller]
fn second_difference(x: &Tensor) -> Tensor {
    Tensor::record(SecondDifference, &[x])
}

/// Both ops in a formula with others.
fn formula(x: &Tensor) -> Tensor {
    (second_difference(&WITCH.record(&[&x.exp()])) * 2.0).tanh()
}

fn numbers(device: &Device) -> anygrad::Result<(Vec<f32>, Vec<f32>)> {
    let x = Rng::new(1).uniform([5, 37], device).t() - 0.5;
    let loss = formula(&x).square().sum_all();
    let gradient = grad(&loss, &[&x]).remove(0);
    eval(&[&loss, &gradient])?;
    println!("{device}\n  loss {:.6}", loss.item()?);
    Ok((vec![loss.item()?], gradient.to_vec()?))
}

fn main() -> anygrad::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "auto".into());
    let point = Rng::new(2).uniform([3, 4], &Device::cpu()) - 0.5;
    println!("gradient check: {}", grad_check(|t| formula(&t[0]), &[&point])?);

    let plan = explain(&[&WITCH.record(&[&point.exp()]).tanh()])?;
    println!(
        "witch is fused: {}",
        plan.kernels.iter().any(|kernel| kernel.ops.ends_with(&["exp", "witch", "tanh"]))
    );

    let wrong = second_difference(&Tensor::zeros([], &Device::cpu()));
    println!("a wrong call:\n  {}", wrong.check().err().map(|e| e.to_string()).unwrap_or_default());

    let ((loss, slope), device) = (numbers(&Device::cpu())?, Device::from_name(&name)?);
    if !device.is_cpu() {
        let (other_loss, other_slope) = numbers(&device)?;
        let pairs = loss.iter().chain(&slope).zip(other_loss.iter().chain(&other_slope));
        let worst = pairs.map(|(a, b)| (a - b).abs() / a.abs().max(1.0)).fold(0.0, f32::max);
        println!("largest difference between the two: {worst:.1e}");
        assert!(worst < 1e-4, "the kernels do not do what the CPU does");
    }
    Ok(())
}
