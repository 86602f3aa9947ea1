//! A recorded graph as a picture: text for Graphviz.

use std::fmt::Write;

use rustc_hash::FxHashMap;

use crate::Tensor;
use crate::error::place;
use crate::op::Kind;
use crate::tensor::Node;
use crate::unfused::order;

/// What `tensors` are made of, in the DOT language of Graphviz: `dot -Tsvg graph.dot > graph.svg` draws it.
///
/// A node is an op with its attributes, dtype, shape and the line that recorded it. Parameters are named and boxed,
/// other leaves and numbers are boxed, and `tensors` themselves have a double frame. Layers are nested frames. It is
/// the graph as recorded, before the planner fuses anything; [`explain`](crate::explain) tells what becomes of it.
/// Evaluated tensors are leaves, as they have let go of what they were made of. A poisoned tensor is a red node with
/// its error. Runs nothing.
///
/// ```
/// use anygrad_graph::{Device, Tensor, scoped, to_dot};
/// let x = Tensor::zeros([4, 3], &Device::cpu());
/// let w = Tensor::zeros([3, 2], &Device::cpu()).named("model.fc.weight")?;
/// let y = scoped("model.fc", || x.matmul(&w).relu());
/// let dot = to_dot(&[&y]);
/// assert!(dot.starts_with("digraph") && dot.contains("matmul") && dot.contains("model.fc.weight"));
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
pub fn to_dot(tensors: &[&Tensor]) -> String {
    let order = order(tensors);
    let ids: FxHashMap<*const Node, usize> =
        order.iter().enumerate().map(|(id, (tensor, _))| (tensor.key(), id)).collect();
    let mut text =
        String::from("digraph anygrad {\n  rankdir=TB;\n  node [fontname=\"monospace\", fontsize=10];\n");
    let mut layers: Vec<(Vec<&str>, usize)> =
        order.iter().enumerate().map(|(id, (tensor, _))| (layer(tensor), id)).collect();
    // nodes of a layer come together, inner layers within outer ones
    layers.sort();
    let mut open: Vec<&str> = Vec::new();
    for (path, id) in &layers {
        let common = open.iter().zip(path).take_while(|(a, b)| a == b).count();
        while open.len() > common {
            open.pop();
            let _ = writeln!(text, "{}}}", indent(open.len()));
        }
        for part in path.get(common..).unwrap_or_default() {
            let pad = indent(open.len());
            open.push(part);
            let _ = writeln!(text, "{pad}subgraph \"cluster_{}\" {{", escaped(&open.join(".")));
            let _ = writeln!(text, "{pad}  label=\"{}\"; color=gray;", escaped(part));
        }
        let Some((tensor, _)) = order.get(*id) else { continue };
        let asked = tensors.iter().any(|t| t.is(tensor));
        let _ = writeln!(text, "{}n{id} [{}];", indent(open.len()), style(tensor, asked));
    }
    while open.pop().is_some() {
        let _ = writeln!(text, "{}}}", indent(open.len()));
    }
    for (id, (tensor, inputs)) in order.iter().enumerate() {
        for (i, input) in inputs.iter().enumerate() {
            let Some(from) = ids.get(&input.key()) else { continue };
            let label = match inputs.len() {
                1 => String::new(),
                count => format!(" [label=\"{}\"]", escaped(&tensor.0.op.label(i, count))),
            };
            let _ = writeln!(text, "  n{from} -> n{id}{label};");
        }
    }
    text.push_str("}\n");
    text
}

fn indent(depth: usize) -> String {
    "  ".repeat(depth + 1)
}

/// The layers around a tensor; none around parameters and other leaves, which layers share.
fn layer(tensor: &Tensor) -> Vec<&str> {
    let path = tensor.scope().filter(|_| !is_given(tensor));
    path.filter(|path| !path.is_empty()).map(|path| path.split('.').collect()).unwrap_or_default()
}

/// Whether it is a value or a number, and not an op.
fn is_given(tensor: &Tensor) -> bool {
    tensor.is_evaluated() || matches!(tensor.0.op.kind(), Kind::Leaf | Kind::Number)
}

/// The attributes of a node.
fn style(tensor: &Tensor, asked: bool) -> String {
    let node = &*tensor.0;
    let frame = if asked { ", peripheries=2" } else { "" };
    if let Err(error) = tensor.check() {
        return format!("label=\"{}\", shape=box, color=red{frame}", escaped(&error.to_string()));
    }
    let what = format!("{} {}", node.meta.dtype, node.meta.shape);
    let (lines, shape) = match (&node.name, node.op.kind()) {
        (Some(name), _) => (vec![name.to_string(), what], "box, style=filled, fillcolor=lightblue"),
        _ if tensor.is_evaluated() => (vec!["leaf".into(), what, place(node.site)], "box"),
        (_, Kind::Number) => (vec![format!("{} {}", node.number, node.meta.dtype)], "box, style=dashed"),
        (_, kind) => {
            let attributes = match kind {
                Kind::View | Kind::Kernel => node.op.attributes(),
                _ => String::new(),
            };
            let name = format!("{} {attributes}", node.op.name());
            (vec![name.trim_end().to_string(), what, place(node.site)], "ellipse")
        }
    };
    let label: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    format!("label=\"{}\", shape={shape}{frame}", label.join("\\n"))
}

/// Text within double quotes.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
