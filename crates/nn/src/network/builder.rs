use std::collections::{HashMap, HashSet};
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anygrad_graph::{DType, Device, Shape, Tensor, recorded_at};

use super::model::NetworkModel;
use super::node::{Action, Node, described};
use crate::{Ctx, Error, Layer, Params, Result};

/// A graph of layers, described value by value; Keras's functional API.
///
/// Shapes are worked out as the graph is built, by recording each layer for a batch of 1: nothing runs. Where a layer
/// does not fit what it is given, [`outputs`](Network::outputs) says which two layers do not fit, and their shapes.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Conv2d, Ctx, Flatten, Linear, MaxPool2d, Network, Params, relu};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let g = Network::new(&params);
/// let image = g.input("image", [3, 8, 8]);
/// let facts = g.input("facts", [5]);
/// let h = g.layer(Conv2d::new(params.at("conv"), 3, 4, 3).padding(1), &image);
/// let h = g.layer(relu, &h);
/// let h = g.layer(Flatten, &g.layer(MaxPool2d::new(2), &h));
/// let k = g.layer(Linear::new(params.at("facts"), 5, 16), &facts);
/// let joined = g.concat(&[&h, &k], 1);
/// let class = g.layer(Linear::new(params.at("class"), 80, 10), &joined);
/// let price = g.layer(Linear::new(params.at("price"), 80, 1), &joined);
/// let model = g.outputs(&[&class, &price])?;
///
/// let (x, y) = (Tensor::ones([2, 3, 8, 8], &device), Tensor::ones([2, 5], &device));
/// let found = model.forward_all(&[&x, &y], &mut Ctx::eval());
/// assert_eq!((found[0].shape().to_vec(), found[1].shape().to_vec()), (vec![2, 10], vec![2, 1]));
/// println!("{}", model.summary());
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
#[derive(Clone)]
pub struct Network(Arc<Inner>);

struct Inner {
    params: Params,
    building: Mutex<Building>,
}

#[derive(Default)]
struct Building {
    nodes: Vec<Arc<Node>>,
    /// For each node, a tensor like its output for a batch of 1.
    values: Vec<Tensor>,
    /// How often each name was wanted.
    names: HashMap<String, usize>,
    /// The paths of the layers whose parameters were counted.
    counted: HashSet<String>,
    /// The first mistake.
    error: Option<Error>,
}

/// A value in a [`Network`]: what an input or a layer gives.
#[derive(Clone)]
pub struct Value {
    network: Arc<Inner>,
    at: usize,
}

impl Value {
    /// Its shape for a batch of 1; empty if something before it is wrong.
    pub fn shape(&self) -> Shape {
        let building = self.network.lock();
        building.values.get(self.at).map_or_else(Shape::scalar, |value| value.shape().clone())
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Building> {
        self.building.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Network {
    /// An empty graph of layers whose parameters are in `params`: its inputs are of that store's dtype and device.
    pub fn new(params: &Params) -> Self {
        Self(Arc::new(Inner { params: params.clone(), building: Mutex::default() }))
    }

    /// An input called `name`, of `shape` without the batch axis. The shape is what the others are worked out from; the
    /// model runs on any that its layers take.
    #[track_caller]
    pub fn input(&self, name: &str, shape: impl Into<Shape>) -> Value {
        self.input_of(name, shape, self.0.params.dtype())
    }

    /// An input of another dtype, u32 for the indices of an embedding.
    #[track_caller]
    pub fn input_of(&self, name: &str, shape: impl Into<Shape>, dtype: DType) -> Value {
        let shape = shape.into();
        let full: Shape = std::iter::once(1).chain(shape.iter().copied()).collect();
        let value = example(full, dtype, self.0.params.device());
        self.push(name.to_owned(), "input", Action::Input(shape, dtype), Vec::new(), value, Vec::new())
    }

    /// What `layer` gives for `x`. For a layer in several places see [`Shared`](crate::Shared).
    #[track_caller]
    pub fn layer(&self, layer: impl Layer + 'static, x: &Value) -> Value {
        let kind = layer.kind().to_owned();
        let name = layer.path().filter(|path| !path.is_empty()).unwrap_or(&kind).to_owned();
        self.apply(name, &kind, Action::Layer(Box::new(layer)), &[x])
    }

    /// What `function` makes of several values: an op, or a layer with several inputs, as attention to `memory`.
    ///
    /// ```
    /// # use anygrad_graph::Device;
    /// # use anygrad_nn::{AttentionMasks, MultiHeadAttention, Network, Params};
    /// # let params = Params::new(&Device::cpu(), 0);
    /// let g = Network::new(&params);
    /// let (x, memory) = (g.input("x", [5, 8]), g.input("memory", [7, 8]));
    /// let attention = MultiHeadAttention::new(params.at("attention"), 8, 2);
    /// let y = g.function("attention", &[&x, &memory], move |t, ctx| {
    ///     attention.forward_with(&t[0], &t[1], &t[1], &AttentionMasks::default(), ctx)
    /// });
    /// assert_eq!(y.shape()[..], [1, 5, 8]);
    /// ```
    #[track_caller]
    pub fn function(
        &self,
        name: &str,
        inputs: &[&Value],
        function: impl Fn(&[Tensor], &mut Ctx) -> Tensor + Send + Sync + 'static,
    ) -> Value {
        self.apply(name.to_owned(), "function", Action::Function(Box::new(function)), inputs)
    }

    /// The values one after another along `axis`, of which 0 is the batch; Keras's `Concatenate`.
    #[track_caller]
    pub fn concat(&self, inputs: &[&Value], axis: isize) -> Value {
        let join = move |t: &[Tensor], _: &mut Ctx| Tensor::concat(&t.iter().collect::<Vec<_>>(), axis);
        self.apply("concat".into(), "concat", Action::Function(Box::new(join)), inputs)
    }

    /// The sum of values, which broadcast; Keras's `Add`.
    #[track_caller]
    pub fn add(&self, inputs: &[&Value]) -> Value {
        self.fold("add", inputs, |a, b| a + b)
    }

    /// The product of values, which broadcast; Keras's `Multiply`.
    #[track_caller]
    pub fn multiply(&self, inputs: &[&Value]) -> Value {
        self.fold("multiply", inputs, |a, b| a * b)
    }

    /// The mean of values, which broadcast; Keras's `Average`.
    #[track_caller]
    pub fn average(&self, inputs: &[&Value]) -> Value {
        let mean = |t: &[Tensor], _: &mut Ctx| folded("average", t, |a, b| a + b) / t.len() as f64;
        self.apply("average".into(), "average", Action::Function(Box::new(mean)), inputs)
    }

    /// The largest of values, which broadcast; Keras's `Maximum`.
    #[track_caller]
    pub fn maximum(&self, inputs: &[&Value]) -> Value {
        self.fold("maximum", inputs, |a, b| a.maximum(b))
    }

    #[track_caller]
    fn fold(&self, kind: &'static str, inputs: &[&Value], op: fn(&Tensor, &Tensor) -> Tensor) -> Value {
        let function = move |t: &[Tensor], _: &mut Ctx| folded(kind, t, op);
        self.apply(kind.into(), kind, Action::Function(Box::new(function)), inputs)
    }

    /// The model that gives `outputs`. Its inputs are those that were made, in that order, as far as an output depends
    /// on them. Several models may be made of one graph, and share its parameters.
    ///
    /// # Errors
    /// The first mistake: layers that do not fit each other, a name used for two inputs, a value of another network, or
    /// no output.
    pub fn outputs(&self, outputs: &[&Value]) -> Result<NetworkModel> {
        let building = self.0.lock();
        if let Some(error) = &building.error {
            return Err(error.clone());
        }
        if outputs.is_empty() {
            return Err(wrong("a model has at least 1 output".into()));
        }
        if outputs.iter().any(|value| !Arc::ptr_eq(&value.network, &self.0)) {
            return Err(wrong("an output is a value of another network".into()));
        }
        let places: Vec<usize> = outputs.iter().map(|value| value.at).collect();
        Ok(NetworkModel::new(&building.nodes, places))
    }

    #[track_caller]
    fn apply(&self, name: String, kind: &str, action: Action, inputs: &[&Value]) -> Value {
        let caller = Location::caller();
        let foreign = inputs.iter().any(|value| !Arc::ptr_eq(&value.network, &self.0));
        if foreign || inputs.is_empty() {
            let what = if foreign { "a value of another network" } else { "no value" };
            let message = format!("{} is given {what}, at {caller}", described(&name, kind));
            self.0.lock().error.get_or_insert(wrong(message));
            let poisoned = Tensor::wrong("network", "another network's value", &[]);
            return self.push(name, kind, action, Vec::new(), poisoned, Vec::new());
        }
        let places: Vec<usize> = inputs.iter().map(|value| value.at).collect();
        let (given, producers) = {
            let building = self.0.lock();
            let given: Vec<Tensor> =
                places.iter().filter_map(|&at| building.values.get(at).cloned()).collect();
            let producers: Vec<String> = places
                .iter()
                .filter_map(|&at| building.nodes.get(at))
                .map(|node| described(&node.name, &node.kind))
                .collect();
            (given, producers)
        };
        let mut ctx = Ctx::listing();
        let consumer = described(&name, kind);
        let value = recorded_at(caller, || action.apply(&consumer, &given, &producers, &mut ctx));
        // the value itself would hold the parameters, which could no longer be updated in place
        let value = match value.check() {
            Ok(value) => example(value.shape().clone(), value.dtype(), value.device()),
            Err(_) => value,
        };
        let rows = ctx.into_rows();
        let parameters = rows.into_iter().map(|row| (row.path, row.parameters)).collect();
        self.push(name, kind, action, places, value, parameters)
    }

    /// Adds a node. `parameters` are those of its layers by path, counted once in a network.
    fn push(
        &self,
        name: String,
        kind: &str,
        action: Action,
        inputs: Vec<usize>,
        value: Tensor,
        parameters: Vec<(String, usize)>,
    ) -> Value {
        let mut building = self.0.lock();
        if let Err(error) = value.check() {
            building.error.get_or_insert(error.clone().into());
        }
        let times = building.names.entry(name.clone()).or_default();
        *times += 1;
        let times = *times;
        if times > 1 && matches!(action, Action::Input(..)) {
            building.error.get_or_insert(wrong(format!("two inputs are called {name}")));
        }
        let name = if times > 1 { format!("{name} {times}") } else { name };
        let mut count = 0;
        for (path, parameters) in parameters {
            if path.is_empty() || building.counted.insert(path) {
                count += parameters;
            }
        }
        let output = value.shape().clone();
        let at = building.nodes.len();
        let node = Node { name, kind: kind.to_owned(), action, inputs, output, parameters: count };
        building.nodes.push(Arc::new(node));
        building.values.push(value);
        Value { network: self.0.clone(), at }
    }
}

/// A tensor of this kind that takes no memory.
#[track_caller]
fn example(shape: Shape, dtype: DType, device: &Device) -> Tensor {
    match dtype {
        DType::Bool => Tensor::full(shape, 0.0, DType::F32, device).eq(0.0),
        _ => Tensor::full(shape, 0.0, dtype, device),
    }
}

/// All tensors under `op`, from the left.
#[track_caller]
fn folded(kind: &'static str, tensors: &[Tensor], op: impl Fn(&Tensor, &Tensor) -> Tensor) -> Tensor {
    let mut rest = tensors.iter();
    let Some(first) = rest.next() else { return Tensor::wrong(kind, "takes at least 1 value", &[]) };
    rest.fold(first.clone(), |sum, t| op(&sum, t))
}

pub(super) fn wrong(message: String) -> Error {
    Error::Setting { what: "network", message }
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let building = self.0.lock();
        f.debug_list().entries(building.nodes.iter().map(|node| &node.name)).finish()
    }
}

impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let building = self.network.lock();
        let name = building.nodes.get(self.at).map_or("", |node| node.name.as_str());
        write!(f, "Value({name})")
    }
}
