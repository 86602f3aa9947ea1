//! f16 against PyTorch's float16 on the CPU: `tests/golden/half.py`. Elements and gradients round as PyTorch's do, but for
//! the last place where PyTorch has one op of what are several here.

use anygrad_graph::{DType, Device, Tensor, eval, grad};

use super::{Build, Golden, parse};
use crate::compare::{Against, difference};
use crate::devices::{alone, check_guards, gpus};
use crate::run::{leaf, read};

/// What each case of the file is here.
const TABLE: &[(&str, Build)] = &[
    ("round", |x| &x[0] + 0.0),
    ("add", |x| &x[0] + &x[1]),
    ("add at the end", |x| &x[0] + &x[1]),
    ("mul", |x| &x[0] * &x[1]),
    ("mul small", |x| &x[0] * &x[1]),
    ("div", |x| &x[0] / &x[1]),
    ("scalar", |x| &x[0] * 0.1 + 1e-8),
    ("scalar large", |x| &x[0] * 1e5),
    ("exp", |x| x[0].exp()),
    ("tanh", |x| x[0].tanh()),
    ("sqrt", |x| x[0].sqrt()),
    ("relu", |x| x[0].relu()),
    ("where", |x| x[0].to_dtype(DType::Bool).select(&x[1], &x[2])),
    ("chain", |x| ((&x[0] * 3.0 + 0.7) * &x[0] - 1.1) / 7.0),
    ("sum", |x| x[0].sum(&[1])),
    ("sum large", |x| x[0].sum(&[0])),
    ("mean large", |x| x[0].mean(&[0])),
    ("max", |x| x[0].max(&[1])),
    ("matmul", |x| x[0].matmul(&x[1])),
    ("conv2d", |x| x[0].conv2d(&x[1], 1, 1)),
    ("max_pool2d", |x| x[0].max_pool2d(2, 2)),
    ("softmax", |x| x[0].softmax(1)),
    ("concat", |x| Tensor::concat(&[&x[0], &x[1]], 1)),
    ("gather", |x| x[1].gather(1, &x[0])),
];

/// One rounding: half of a place of 11 bits; here and there PyTorch is on the other side of a tie.
const ROUNDING: f64 = 1.0 / 1024.0;

fn check(golden: &Golden, build: Build, device: &Device) -> Vec<String> {
    let dtype = |real: bool| if real { DType::F16 } else { DType::U32 };
    let input =
        |(shape, numbers, real): &(Vec<usize>, Vec<f64>, bool)| leaf(numbers, shape, dtype(*real), device);
    let inputs: Vec<Tensor> = golden.inputs.iter().map(input).collect();
    let output = build(&inputs);
    let weights: Vec<f64> = (0..output.numel()).map(|i| ((7 * i % 11) as f64 - 5.0) / 4.0).collect();
    let loss = (&output * leaf(&weights, output.shape(), DType::F16, device)).sum_all();
    let wrt: Vec<&Tensor> = inputs.iter().filter(|t| t.dtype().is_float()).collect();
    let grads = grad(&loss, &wrt);
    let all: Vec<&Tensor> = [&output].into_iter().chain(&grads).collect();
    if let Err(error) = eval(&all) {
        return vec![format!("{} on {device}: {error}", golden.name)];
    }
    let mut wrong = Vec::new();
    let wanted = [&golden.output].into_iter().chain(&golden.grads);
    for (i, (got, want)) in all.iter().zip(wanted).enumerate() {
        assert_eq!(got.dtype(), DType::F16, "{}", golden.name);
        let tolerance = if i == 0 { ROUNDING } else { 3.0 * ROUNDING };
        let numbers = read(got).expect("what was evaluated is read");
        if let Some(difference) = difference(&numbers, want, tolerance, Against::Whole) {
            let what = if i == 0 { "output".into() } else { format!("gradient {}", i - 1) };
            wrong.push(format!("{} on {device}: {what} {difference}", golden.name));
        }
    }
    if output.shape()[..] != golden.shape[..] || grads.len() != golden.grads.len() {
        wrong.push(format!("{}: shape {}, {} gradients", golden.name, output.shape(), grads.len()));
    }
    wrong
}

#[test]
fn halves_are_those_of_pytorch() {
    let all = parse(include_str!("../../golden/half.txt"));
    assert_eq!(all.len(), TABLE.len());
    let mut wrong = Vec::new();
    for (name, build) in TABLE {
        let golden = all.iter().find(|golden| golden.name.strip_suffix(" f16") == Some(name));
        let golden = golden.unwrap_or_else(|| panic!("{name} is in the file"));
        wrong.extend(check(golden, *build, &Device::cpu()));
        alone(|| {
            for (_, device) in gpus() {
                wrong.extend(check(golden, *build, device));
                check_guards(device).expect("nothing is written beside a buffer");
            }
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
