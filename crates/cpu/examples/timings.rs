//! How long the CPU's ops take: the median of many runs of each.
//!
//!     cargo run --release -p anygrad-cpu --example timings [part of a name]

use std::hint::black_box;
use std::time::{Duration, Instant};

use anygrad_cpu::*;
use anygrad_layout::{Conv, DType, Layout, Window};

fn main() -> Result<(), CpuError> {
    let host = Host::new();
    println!("{}", host.description());
    products(&host)?;
    convolutions(&host)?;
    reductions(&host)?;
    lines(&host)?;
    windows(&host)?;
    for n in [64, 1_000_000] {
        pointwise(&host, n)?;
    }
    Ok(())
}

/// Prints the median time of `work`, and the billions of operations a second if `operations` is not 0.
fn measure(name: &str, operations: f64, mut work: impl FnMut() -> Result<Storage, CpuError>, host: &Host) {
    if std::env::args().nth(1).is_some_and(|part| !name.contains(&part)) {
        return;
    }
    let mut times = Vec::new();
    let begun = Instant::now();
    while times.len() < 5 || (begun.elapsed() < Duration::from_millis(400) && times.len() < 20_000) {
        let start = Instant::now();
        let result = black_box(work());
        times.push(start.elapsed());
        match result {
            Ok(storage) => host.recycle(storage),
            Err(error) => return println!("{name:44} {error}"),
        }
    }
    times.sort_unstable();
    let median = times.get(times.len() / 2).copied().unwrap_or_default();
    let rate = if operations > 0.0 {
        format!("{:9.1} G/s", operations / median.as_secs_f64() / 1e9)
    } else {
        String::new()
    };
    println!("{name:44} {:>12.2} us {rate}", median.as_secs_f64() * 1e6);
}

/// Numbers between -1 and 1 that follow no pattern the hardware could use.
fn numbers(n: usize) -> Storage {
    Storage::from((0..n as u32).map(|i| unit_float(threefry(i, [1, 2])[0]) * 2.0 - 1.0).collect::<Vec<f32>>())
}

fn products(host: &Host) -> Result<(), CpuError> {
    for [m, k, n] in
        [[512, 512, 512], [64, 784, 128], [64, 16, 1], [16, 2, 1], [4, 2, 16], [8, 8, 8], [16, 16, 16]]
    {
        let (a_layout, b_layout) = (Layout::contiguous([m, k]), Layout::contiguous([k, n]));
        let (a, b) = (numbers(m * k), numbers(k * n));
        let work = || matmul(host, View::new(&a, &a_layout), View::new(&b, &b_layout));
        measure(&format!("matmul {m}x{k}x{n}"), 2.0 * (m * k * n) as f64, work, host);
    }
    Ok(())
}

fn convolutions(host: &Host) -> Result<(), CpuError> {
    let padded = |p: isize| Conv { pad_lo: [0, p, p], pad_hi: [0, p, p], ..Conv::new(2) };
    let swap = [1, 0, 2, 3];
    // name, x, w, geometry, whether x and w are seen with their first two axes swapped
    type Call<'a> = (&'a str, [usize; 4], [usize; 4], Conv, [bool; 2]);
    let calls: [Call<'_>; 9] = [
        ("LeNet conv1 forward", [64, 1, 28, 28], [6, 1, 5, 5], padded(2), [false; 2]),
        ("LeNet conv1 weight gradient", [64, 1, 28, 28], [64, 6, 28, 28], padded(2), [true; 2]),
        ("LeNet conv2 forward", [64, 6, 14, 14], [16, 6, 5, 5], padded(0), [false; 2]),
        ("LeNet conv2 weight gradient", [64, 6, 14, 14], [64, 16, 10, 10], padded(0), [true; 2]),
        (
            "LeNet conv2 input gradient",
            [64, 16, 10, 10],
            [16, 6, 5, 5],
            Conv { flip: true, ..padded(4) },
            [false, true],
        ),
        ("3x3 64 channels 56x56 batch 8", [8, 64, 56, 56], [64, 64, 3, 3], padded(1), [false; 2]),
        ("3x3 64 channels weight gradient", [8, 64, 56, 56], [8, 64, 56, 56], padded(1), [true; 2]),
        ("1x1 256 to 64 channels 28x28 batch 8", [8, 256, 28, 28], [64, 256, 1, 1], padded(0), [false; 2]),
        (
            "depthwise 3x3 64 channels 56x56 batch 8",
            [8, 64, 56, 56],
            [64, 1, 3, 3],
            Conv { groups: 64, ..padded(1) },
            [false; 2],
        ),
    ];
    for (name, x_shape, w_shape, geometry, swapped) in calls {
        let layout = |shape: [usize; 4], swapped: bool| {
            let layout = Layout::contiguous(shape);
            if swapped { layout.permute(&swap) } else { layout }
        };
        let (x_layout, w_layout) = (layout(x_shape, swapped[0]), layout(w_shape, swapped[1]));
        let (x, w) = (numbers(x_layout.numel()), numbers(w_layout.numel()));
        let work = || conv(host, View::new(&x, &x_layout), View::new(&w, &w_layout), &geometry);
        let terms: usize = w_layout.shape[1..].iter().product();
        let operations = 2.0 * (work()?.len() * terms) as f64;
        measure(name, operations, work, host);
    }
    Ok(())
}

fn reductions(host: &Host) -> Result<(), CpuError> {
    let cases: [(&[usize], &[usize]); 5] = [
        (&[1_000_000], &[0]),
        (&[1000, 1000], &[1]),
        (&[1000, 1000], &[0]),
        (&[64, 16, 31, 31], &[0, 2, 3]),
        (&[64, 10], &[1]),
    ];
    for (shape, axes) in cases {
        let layout = Layout::contiguous(shape);
        let x = numbers(layout.numel());
        for kind in [Reduce::Sum, Reduce::Max, Reduce::ArgMax] {
            let name = format!("{} {shape:?} over {axes:?}", kind.name());
            let work = || reduce(host, View::new(&x, &layout), kind, axes);
            measure(&name, layout.numel() as f64, work, host);
        }
    }
    Ok(())
}

/// Running sums and orders.
fn lines(host: &Host) -> Result<(), CpuError> {
    for (shape, axis) in [(&[1_000_000][..], 0), (&[1000, 1000], 1), (&[1000, 1000], 0)] {
        let layout = Layout::contiguous(shape);
        let x = numbers(layout.numel());
        let view = View::new(&x, &layout);
        let elements = layout.numel() as f64;
        let sums = || scan(host, Scan::Sum, &[view], axis, false);
        measure(&format!("cumsum {shape:?} along {axis}"), elements, sums, host);
        let linear = || scan(host, Scan::Linear, &[view, view], axis, false);
        measure(&format!("linear_scan {shape:?} along {axis}"), elements, linear, host);
        let order = || argsort(host, view, axis, false);
        measure(&format!("argsort {shape:?} along {axis}"), elements, order, host);
    }
    Ok(())
}

fn windows(host: &Host) -> Result<(), CpuError> {
    let (layout, window) = (Layout::contiguous([64, 6, 28, 28]), Window::new(&[2, 2]));
    let x = numbers(layout.numel());
    let view = View::new(&x, &layout);
    measure("max_index 2x2 [64, 6, 28, 28]", 0.0, || max_index(host, view, &window), host);
    measure("window_sum 2x2 [64, 6, 28, 28]", 0.0, || window_sum(host, view, &window), host);
    let transposed = Layout::contiguous([1000, 1000]).permute(&[1, 0]);
    let x = numbers(1_000_000);
    measure("copy of a transposed 1000x1000", 0.0, || copy(host, View::new(&x, &transposed)), host);
    Ok(())
}

/// Five steps over two operands: `((x + y)·2 − x)·y` clamped below by 0.
fn pointwise(host: &Host, n: usize) -> Result<(), CpuError> {
    const ADD: BlockFn =
        |args, out| number2(args, out, |a, b| a + b, |a, b| a + b, i32::wrapping_add, u32::wrapping_add);
    const SUB: BlockFn =
        |args, out| number2(args, out, |a, b| a - b, |a, b| a - b, i32::wrapping_sub, u32::wrapping_sub);
    const MUL: BlockFn =
        |args, out| number2(args, out, |a, b| a * b, |a, b| a * b, i32::wrapping_mul, u32::wrapping_mul);
    const RELU: BlockFn =
        |args, out| float1(args, out, |a| if a < 0.0 { 0.0 } else { a }, |a| if a < 0.0 { 0.0 } else { a });
    const EXP: BlockFn = |args, out| float1(args, out, f32::exp, f64::exp);
    let source =
        |i| Source { kind: SourceKind::Buffer(i), dtype: DType::F32, layout: Layout::contiguous([n]) };
    let step = |run, args: &[u32]| Step { run, args: args.into(), dtype: DType::F32 };
    let five = vec![
        step(ADD, &[0, 1]),
        step(MUL, &[3, 2]),
        step(SUB, &[4, 0]),
        step(MUL, &[5, 1]),
        step(RELU, &[6]),
    ];
    let (x, y) = (numbers(n), numbers(n));
    for (name, steps) in [("5 steps", five), ("exp", vec![step(EXP, &[0])])] {
        let value = 2 + steps.len() as u32;
        let program = Pointwise {
            shape: [n].into(),
            inputs: vec![source(0), source(1)],
            numbers: vec![DType::F32],
            steps,
            outputs: vec![Sink { value, dtype: DType::F32 }],
        };
        let prepared = Prepared::new(&program)?;
        let work = || {
            let mut out = [host.alloc(DType::F32, n)?];
            prepared.run(&[&x, &y], &[2.0], &mut out)?;
            let [out] = out;
            Ok(out)
        };
        measure(&format!("pointwise, {name}, {n} elements"), n as f64, work, host);
    }
    Ok(())
}
