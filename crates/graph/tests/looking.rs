//! Looking inside: values as text, graphs as pictures, times of kernels.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use anygrad_graph::{DType, Device, Tensor, adapters, eval, explain, grad, profile, scoped, to_dot};

fn cpu() -> Device {
    Device::cpu()
}

/// The lines of values, without the head.
fn values(t: &Tensor) -> String {
    let text = t.to_string();
    text.split_once('\n').map(|(_, rest)| rest.to_owned()).expect("a head and values")
}

fn floats(values: &[f32], shape: &[usize]) -> Tensor {
    Tensor::from_slice(values, shape, &cpu())
}

fn counting(count: usize) -> Tensor {
    Tensor::iota(count, &cpu())
}

/// What PyTorch 2.15 prints between `tensor(` and `)`, less the indent of 7 columns.
#[test]
fn values_are_printed_as_pytorch_does() {
    let thirds: Vec<f32> = (0..30).map(|i| i as f32 / 3.0).collect();
    assert_eq!(
        values(&floats(&thirds, &[30])),
        "[0.0000, 0.3333, 0.6667, 1.0000, 1.3333, 1.6667, 2.0000, 2.3333, 2.6667,\n \
         3.0000, 3.3333, 3.6667, 4.0000, 4.3333, 4.6667, 5.0000, 5.3333, 5.6667,\n \
         6.0000, 6.3333, 6.6667, 7.0000, 7.3333, 7.6667, 8.0000, 8.3333, 8.6667,\n \
         9.0000, 9.3333, 9.6667]"
    );
    assert_eq!(
        values(&counting(24).reshape([2, 3, 4]).to_dtype(DType::F32)),
        "[[[ 0.,  1.,  2.,  3.],\n  [ 4.,  5.,  6.,  7.],\n  [ 8.,  9., 10., 11.]],\n\n \
         [[12., 13., 14., 15.],\n  [16., 17., 18., 19.],\n  [20., 21., 22., 23.]]]"
    );
    assert_eq!(values(&counting(1200)), "[   0,    1,    2,  ..., 1197, 1198, 1199]");
    assert_eq!(values(&floats(&[1e-5, 1.0, -2.5e7], &[3])), "[ 1.0000e-05,  1.0000e+00, -2.5000e+07]");
    let special = [f32::NEG_INFINITY, 1.5, f32::NAN, 0.0];
    assert_eq!(values(&floats(&special, &[2, 2])), "[[  -inf, 1.5000],\n [   nan, 0.0000]]");
    assert_eq!(values(&floats(&[7.0], &[1, 1, 1])), "[[[7.]]]");
    assert_eq!(values(&floats(&[std::f32::consts::PI], &[])), "3.1416");
    let cube = values(&counting(8000).reshape([20, 20, 20]));
    let lines: Vec<&str> = cube.lines().collect();
    assert_eq!(lines[0], "[[[   0,    1,    2,  ...,   17,   18,   19],");
    assert_eq!(lines[3], "  ...,");
    assert_eq!(lines[6], "  [ 380,  381,  382,  ...,  397,  398,  399]],");
    assert_eq!((lines[7], lines[8]), ("", " [[ 400,  401,  402,  ...,  417,  418,  419],"));
    assert_eq!((lines[23], lines[24], lines[25]), ("", " ...,", ""), "{cube}");
    assert_eq!(lines.last(), Some(&"  [7980, 7981, 7982,  ..., 7997, 7998, 7999]]]"));
}

#[test]
fn the_head_says_what_it_is_and_debug_stays_one_line() {
    let t = floats(&[1.0, 2.0], &[2]);
    assert!(t.to_string().starts_with("f32 [2] on CPU ("), "{t}");
    let named = t.named("model.fc.weight").expect("a leaf");
    assert!(named.to_string().starts_with("model.fc.weight: f32 [2] on CPU ("), "{named}");
    assert!(!format!("{named:?}").contains('\n'));
    assert_eq!(values(&t.gt(1.5)), "[false,  true]");
    assert_eq!(format!("{:.1}", t / 3.0).lines().last(), Some("[0.3, 0.7]"));
}

#[test]
fn a_pending_tensor_is_evaluated_and_errors_are_shown() {
    let x = floats(&[1.0, 2.0], &[2]);
    let y = &x + 1.0;
    assert!(!y.is_evaluated());
    assert_eq!(values(&y), "[2., 3.]");
    assert!(y.is_evaluated());
    let text = x.reshape([7]).to_string();
    assert!(text.starts_with("poisoned tensor: reshape: ") && text.contains("looking.rs:"), "{text}");
    for shape in [&[0usize][..], &[2, 0, 3], &[0, 0]] {
        let empty = Tensor::zeros(shape, &cpu()).to_string();
        assert!(empty.ends_with("\n[]"), "{empty}");
    }
}

/// Nodes with their labels, edges, and for each node the frames around it.
type Graph = (BTreeMap<String, String>, Vec<(String, String)>, BTreeMap<String, Vec<String>>);

/// Panics on what is no DOT.
fn parse(dot: &str) -> Graph {
    let (mut nodes, mut edges, mut frames) = (BTreeMap::new(), Vec::new(), BTreeMap::new());
    let mut open: Vec<String> = Vec::new();
    for line in dot.lines().map(str::trim) {
        let quotes = line.replace("\\\\", "").replace("\\\"", "").matches('"').count();
        assert_eq!(quotes % 2, 0, "quotes of {line}");
        if let Some(rest) = line.strip_prefix("subgraph \"") {
            open.push(rest.strip_suffix("\" {").expect("an open frame").to_owned());
        } else if line.starts_with("digraph") {
            open.push("graph".into());
        } else if line == "}" {
            open.pop().expect("no more frames are closed than opened");
        } else if let Some((from, to)) = line.split_once(" -> ") {
            let to = to.trim_end_matches(';').split(' ').next().expect("a node");
            edges.push((from.to_owned(), to.to_owned()));
        } else if let Some((name, style)) = line.split_once(" [label=\"") {
            let label = style.split("\", ").next().expect("a label").to_owned();
            assert!(nodes.insert(name.to_owned(), label).is_none(), "{name} twice");
            frames.insert(name.to_owned(), open.clone());
        }
    }
    assert!(open.is_empty(), "open frames: {open:?}");
    let known: BTreeSet<&String> = nodes.keys().collect();
    assert!(edges.iter().all(|(a, b)| known.contains(a) && known.contains(b)), "{edges:?}");
    (nodes, edges, frames)
}

#[test]
fn graphs_are_drawn_with_layers_names_and_lines() {
    let x = Tensor::ones([4, 3], &cpu());
    let w = Tensor::ones([3, 2], &cpu()).named("model.fc.\"weight\"").expect("a leaf");
    let y = scoped("model.fc", || x.matmul(&w));
    let z = scoped("model", || &y * 0.5);
    let loss = (z.relu() + &y).mean_all();
    let g = grad(&loss, &[&w]).remove(0);
    let dot = to_dot(&[&loss, &g]);
    let (nodes, edges, frames) = parse(&dot);
    let find = |what: &str| {
        let found: Vec<&String> = nodes.iter().filter(|(_, l)| l.starts_with(what)).map(|(n, _)| n).collect();
        assert!(!found.is_empty(), "{what} in {dot}");
        found[0].clone()
    };
    let (product, weight, relu) = (find("matmul\\nf32 [4, 2]"), find("model.fc.\\\"weight"), find("relu"));
    assert!(nodes[&product].contains("looking.rs:"), "{dot}");
    assert_eq!(frames[&product], ["graph", "cluster_model", "cluster_model.fc"]);
    assert_eq!((frames[&weight].len(), frames[&relu].len()), (1, 1), "a parameter belongs to no layer");
    assert!(edges.contains(&(weight, product)));
    assert!(find("0.5 f32").starts_with('n'));
    // what was asked for is marked; computed tensors are leaves; errors are nodes; nothing at all is fine
    assert_eq!(dot.matches("peripheries=2").count(), 2);
    assert!(!loss.is_evaluated());
    eval(&[&loss]).expect("it runs");
    assert_eq!(parse(&to_dot(&[&loss])).0.len(), 1);
    let wrong = parse(&to_dot(&[&x.reshape([5])])).0;
    assert!(wrong["n0"].starts_with("reshape: "), "{wrong:?}");
    assert!(parse(&to_dot(&[])).0.is_empty());
}

#[test]
fn a_long_chain_is_drawn_without_recursion() {
    let x = floats(&[1.0], &[1]);
    let y = (0..20_000).fold(x, |y, _| y.tanh());
    assert_eq!(to_dot(&[&y]).matches(" -> ").count(), 20_000);
}

fn step(device: &Device) -> Tensor {
    let x = Tensor::ones([64, 32], device);
    let w = Tensor::ones([32, 16], device);
    let y = scoped("model.fc", || x.matmul(&(w * 0.5)));
    (y.tanh() * 2.0).softmax(-1).sum_all()
}

fn profiled(device: &Device) {
    let (loss, plain) = (step(device), step(device));
    let profile = profile(&[&loss]).expect("it runs");
    assert!(loss.is_evaluated());
    // measuring changes no bit
    assert_eq!(loss.item().expect("a number"), plain.item().expect("a number"));
    let product = profile.kernels.iter().find(|line| line.kernel.ops.contains(&"matmul")).expect("a product");
    assert_eq!(product.kernel.flops, 2 * 64 * 32 * 16);
    assert!(product.kernel.origin.ends_with("in model.fc"), "{}", product.kernel.origin);
    let clock = device.as_gpu().is_none_or(|gpu| gpu.limits().timestamps);
    assert!(profile.kernels.iter().all(|line| line.micros.is_some() == clock), "{profile}");
    let sum: f64 = profile.kernels.iter().filter_map(|line| line.micros).sum();
    assert!(profile.wall > 0.0 && (!clock || sum > 0.0), "{profile}");
    if device.is_cpu() {
        assert!(sum <= profile.wall, "{profile}");
        assert!(product.gigaflops().is_some_and(|g| g > 0.0) && product.gigabytes_a_second().is_some());
    }
    let table = profile.to_string();
    assert_eq!(table.lines().count(), profile.kernels.len() + 3, "{table}");
    assert!(table.contains("matmul over [64, 16]") && table.contains("GFLOP/s"), "{table}");
    // nothing to run is an empty profile, and errors are errors
    assert!(anygrad_graph::profile(&[&loss]).expect("nothing runs").kernels.is_empty());
    assert!(anygrad_graph::profile(&[&loss.reshape([9])]).is_err());
}

#[test]
fn kernels_are_timed_on_the_cpu() {
    profiled(&cpu());
}

#[test]
fn kernels_are_timed_on_a_gpu() {
    if adapters().is_empty() || std::env::var("ANYGRAD_GPU").is_ok_and(|wanted| wanted == "off") {
        eprintln!("skipped: there is no GPU adapter, or ANYGRAD_GPU=off");
        return;
    }
    profiled(&Device::open_with(0, &anygrad_graph::Options::default()).expect("a listed adapter opens"));
}

#[test]
fn an_explanation_counts_nodes_and_memory() {
    let explanation = explain(&[&step(&cpu())]).expect("a plan");
    let nodes = explanation.nodes;
    // ones are expanded numbers
    assert_eq!(
        (nodes.leaves, nodes.kernels),
        (
            0,
            explanation
                .program
                .iter()
                .filter(|l| l.contains(" = matmul ") || l.contains(" = sum ") || l.contains(" = max "))
                .count()
        )
    );
    let all = nodes.leaves + nodes.numbers + nodes.views + nodes.elementwise + nodes.kernels;
    assert_eq!(all, explanation.program.len());
    assert_eq!(explanation.peak_bytes, explanation.leaf_bytes + explanation.temporary_bytes);
    assert!(explanation.to_string().contains("memory: at most "), "{explanation}");
}
