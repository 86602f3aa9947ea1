//! Against PyTorch: see `tests/golden/make.py`, which writes the numbers.

use std::collections::BTreeSet;

use anygrad_graph::{Conv, DType, Device, Tensor, Window, eval, grad};

use crate::compare::{Against, difference};
use crate::devices::{alone, check_guards, gpus};
use crate::run::{leaf, read};

const FILE: &str = include_str!("../golden/golden.txt");

type Build = fn(&[Tensor]) -> Tensor;

/// What each case of the file is here.
const TABLE: &[(&str, Build)] = &[
    ("exp", |x| x[0].exp()),
    ("log", |x| x[0].log()),
    ("sqrt", |x| x[0].sqrt()),
    ("rsqrt", |x| x[0].rsqrt()),
    ("reciprocal", |x| x[0].reciprocal()),
    ("square", |x| x[0].square()),
    ("sin", |x| x[0].sin()),
    ("cos", |x| x[0].cos()),
    ("tanh", |x| x[0].tanh()),
    ("sigmoid", |x| x[0].sigmoid()),
    ("relu", |x| x[0].relu()),
    ("abs", |x| x[0].abs()),
    ("neg", |x| -&x[0]),
    ("sign", |x| x[0].sign()),
    ("floor", |x| x[0].floor()),
    ("ceil", |x| x[0].ceil()),
    ("round", |x| x[0].round()),
    ("add", |x| &x[0] + &x[1]),
    ("sub", |x| &x[0] - &x[1]),
    ("mul", |x| &x[0] * &x[1]),
    ("div", |x| &x[0] / &x[1]),
    ("remainder", |x| x[0].remainder(&x[1])),
    ("minimum", |x| x[0].minimum(&x[1])),
    ("maximum", |x| x[0].maximum(&x[1])),
    ("pow", |x| x[0].pow(&x[1])),
    ("where", |x| x[0].to_dtype(DType::Bool).select(&x[1], &x[2])),
    ("clamp", |x| x[0].clamp(-0.5, 1.0)),
    ("matmul", |x| x[0].matmul(&x[1])),
    ("conv1d", |x| conv(x, 1, |c, i| (c.stride[i], c.pad_lo[i], c.pad_hi[i]) = (2, 1, 1))),
    ("conv2d", |x| x[0].conv2d(&x[1], 2, 1)),
    ("conv2d groups", |x| {
        conv(x, 2, |c, i| {
            c.groups = 2;
            (c.pad_lo[i], c.pad_hi[i]) = (1, 1);
        })
    }),
    ("conv2d dilation", |x| conv(x, 2, |c, i| (c.dilation[i], c.pad_lo[i], c.pad_hi[i]) = (2, 2, 2))),
    ("conv3d", |x| {
        conv(x, 3, |c, i| {
            let pad = isize::from(i > 0);
            (c.pad_lo[i], c.pad_hi[i]) = (pad, pad);
        })
    }),
    // spread by the stride, reversed kernel, k − 1 − padding zeros around
    ("conv_transpose2d", |x| {
        conv(&[x[0].clone(), x[1].transpose(0, 1)], 2, |c, i| {
            c.flip = true;
            (c.input_dilation[i], c.pad_lo[i], c.pad_hi[i]) = (2, 1, 1);
        })
    }),
    ("max_pool1d", |x| x[0].max_pool(&window(&[3]))),
    ("max_pool2d", |x| x[0].max_pool(&window(&[3, 3]))),
    ("max_pool2d ties", |x| x[0].max_pool2d(2, 2)),
    ("max_pool3d", |x| x[0].max_pool(&Window::new(&[2, 2, 2]))),
    ("avg_pool2d", |x| x[0].avg_pool(&window(&[3, 3]))),
    ("sum", |x| x[0].sum(&[0, 2])),
    ("mean", |x| x[0].mean(&[1])),
    ("amax", |x| x[0].max(&[0, 1])),
    ("amax ties", |x| x[0].max(&[1])),
    ("amax special", |x| x[0].max(&[1])),
    ("amin", |x| x[0].min(&[-1])),
    ("argmax", |x| x[0].argmax(1)),
    ("argmin", |x| x[0].argmin(0)),
    ("var", |x| x[0].var(&[1])),
    ("softmax", |x| x[0].softmax(1)),
    ("log_softmax", |x| x[0].log_softmax(-1)),
    ("cross_entropy", |x| -x[0].log_softmax(1).gather(1, &x[1].unsqueeze(1)).mean_all()),
    ("gather", |x| x[0].gather(1, &x[1])),
    ("scatter_add", |x| x[0].scatter_add(0, &x[1], 4)),
    ("index_select", |x| x[0].index_select(0, &x[1])),
    ("one_hot", |x| x[0].one_hot(4)),
    ("pad", |x| x[0].pad(&[(0, 1), (1, 2)])),
    ("concat", |x| Tensor::concat(&[&x[0], &x[1]], 1)),
    ("flip", |x| x[0].flip(&[0, 2])),
    ("permute", |x| x[0].permute(&[2, 0, 1]).reshape([4, 6])),
];

fn conv(x: &[Tensor], rank: usize, set: fn(&mut Conv, usize)) -> Tensor {
    let mut geometry = Conv::new(rank);
    (3 - rank..3).for_each(|i| set(&mut geometry, i));
    x[0].conv(&x[1], &geometry)
}

/// Three taps, step 2, one of padding all around.
fn window(kernel: &[usize]) -> Window {
    let mut window = Window::new(kernel);
    for i in 3 - window.rank..3 {
        (window.stride[i], window.pad_lo[i], window.pad_hi[i]) = (2, 1, 1);
    }
    window
}

#[derive(Default)]
struct Golden {
    name: String,
    /// Computed in f32, for numbers that f64 treats otherwise.
    single: bool,
    /// Shape, numbers, and whether there is a gradient.
    inputs: Vec<(Vec<usize>, Vec<f64>, bool)>,
    shape: Vec<usize>,
    output: Vec<f64>,
    grads: Vec<Vec<f64>>,
}

fn parse() -> Vec<Golden> {
    let mut all: Vec<Golden> = Vec::new();
    for line in FILE.lines() {
        if let Some(name) = line.strip_prefix("case ") {
            let single = name.ends_with(" f32");
            all.push(Golden { name: name.trim_end_matches(" f32").into(), single, ..Golden::default() });
            continue;
        }
        let (head, numbers) = line.split_once('|').expect("a line has a |");
        let mut head = head.split_whitespace();
        let kind = head.next().expect("a line has a kind");
        let shape: Vec<usize> = head.map(|n| n.parse().expect("a size")).collect();
        let numbers: Vec<f64> = numbers.split_whitespace().map(|n| n.parse().expect("a number")).collect();
        let golden = all.last_mut().expect("a case comes first");
        match kind {
            "in" => golden.inputs.push((shape, numbers, true)),
            "const" => golden.inputs.push((shape, numbers, false)),
            "out" => (golden.shape, golden.output) = (shape, numbers),
            _ => golden.grads.push(numbers),
        }
    }
    all
}

fn build_of(name: &str) -> Option<Build> {
    let find = |name: &str| TABLE.iter().find(|(known, _)| *known == name).map(|(_, build)| *build);
    // "exp special" is exp, unless it has a line of its own
    find(name).or_else(|| find(name.split(' ').next()?))
}

fn check(golden: &Golden, device: &Device, double: bool, tolerance: f64, wrong: &mut Vec<String>) {
    let Some(build) = build_of(&golden.name) else {
        return wrong.push(format!("{} is not in the table", golden.name));
    };
    let float = if double { DType::F64 } else { DType::F32 };
    let inputs: Vec<Tensor> = golden
        .inputs
        .iter()
        .map(|(shape, numbers, real)| leaf(numbers, shape, if *real { float } else { DType::U32 }, device))
        .collect();
    let output = build(&inputs);
    let mut grads = Vec::new();
    if !golden.grads.is_empty() {
        let weights: Vec<f64> = (0..output.numel()).map(|i| ((7 * i % 11) as f64 - 5.0) / 4.0).collect();
        let loss = (&output * leaf(&weights, output.shape(), output.dtype(), device)).sum_all();
        let wrt: Vec<&Tensor> = inputs.iter().filter(|t| t.dtype().is_float()).collect();
        grads = grad(&loss, &wrt);
    }
    let against = if golden.single { Against::Element } else { Against::Whole };
    let mut compare = |what: &str, got: &Tensor, want: &[f64]| match read(got) {
        Ok(numbers) => {
            // rounded to whole numbers there is nothing to be near to
            let tolerance = if got.dtype().is_float() { tolerance } else { 0.0 };
            if let Some(difference) = difference(&numbers, want, tolerance, against) {
                wrong.push(format!("{} on {device}: {what} {difference}", golden.name));
            }
        }
        Err(error) => wrong.push(format!("{} on {device}: {what} {error}", golden.name)),
    };
    let all: Vec<&Tensor> = [&output].into_iter().chain(&grads).collect();
    if let Err(error) = eval(&all) {
        return wrong.push(format!("{} on {device}: {error}", golden.name));
    }
    compare("output", &output, &golden.output);
    for (i, (got, want)) in grads.iter().zip(&golden.grads).enumerate() {
        compare(&format!("gradient {i}"), got, want);
    }
    if output.shape()[..] != golden.shape[..] || grads.len() != golden.grads.len() {
        wrong.push(format!("{}: shape {}, {} gradients", golden.name, output.shape(), grads.len()));
    }
}

#[test]
fn values_and_gradients_are_those_of_pytorch() {
    let all = parse();
    assert!(all.len() > 80, "{} cases in the file", all.len());
    let used: BTreeSet<&str> = all.iter().map(|golden| golden.name.as_str()).collect();
    let unused: Vec<&str> = TABLE.iter().map(|(name, _)| *name).filter(|name| !used.contains(name)).collect();
    assert!(unused.is_empty(), "not in the file: {unused:?}");
    let mut wrong = Vec::new();
    for golden in &all {
        if !golden.single {
            check(golden, &Device::cpu(), true, 1e-7, &mut wrong);
        }
        check(golden, &Device::cpu(), false, 5e-6, &mut wrong);
    }
    if let Some((_, gpu)) = gpus().first() {
        alone(|| {
            all.iter().for_each(|golden| check(golden, gpu, false, 2e-5, &mut wrong));
            check_guards(gpu).expect("nothing is written beside a buffer");
        });
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
