use std::collections::HashSet;
use std::fmt;

use anygrad_graph::{Shape, Tensor};

use crate::ctx::Ctx;
use crate::error::Result;
use crate::layer::Layer;
use crate::params::Params;

/// One layer of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SummaryRow {
    /// What it is: `Conv2d`, `relu`.
    pub layer: String,
    /// Its path in the store, or nothing.
    pub path: String,
    /// The shape of its output.
    pub output: Shape,
    /// Number of scalars in its parameters; 0 where they were counted in an earlier row.
    pub parameters: usize,
}

/// The layers of a model in the order in which they run. Displays as a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The layers.
    pub rows: Vec<SummaryRow>,
    /// Number of scalars in the parameters of the store.
    pub parameters: usize,
}

/// Lists the layers of `model` with their output shapes for an input of `input_shape`, by recording a forward
/// pass in evaluation mode. Nothing is computed.
///
/// # Errors
/// The layers do not fit each other or the input; the message names the layer.
///
/// ```
/// use anygrad_graph::Device;
/// use anygrad_nn::{Linear, Params, Sequential, relu, summary};
/// let params = Params::new(&Device::cpu(), 0);
/// let model = Sequential::new().then(Linear::new(params.at("fc1"), 784, 512)).then(relu);
/// let table = summary(&model, &params, [1, 784])?;
/// assert_eq!(table.rows[0].output[..], [1, 512]);
/// assert_eq!(table.rows[0].parameters, 401_920);
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
pub fn summary(
    model: &(impl Layer + ?Sized),
    params: &Params,
    input_shape: impl Into<Shape>,
) -> Result<Summary> {
    summary_of(model, params, &Tensor::full(input_shape, 0.0, params.dtype(), params.device()))
}

/// [`summary`] for an input that is not made of floats: the indices that an embedding takes.
///
/// # Errors
/// As [`summary`].
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Embedding, Params, summary_of};
/// let device = Device::cpu();
/// let params = Params::new(&device, 0);
/// let table = summary_of(&Embedding::new(params.at("words"), 100, 8), &params, &Tensor::iota(5, &device))?;
/// assert_eq!(table.rows[0].output[..], [5, 8]);
/// # Ok::<(), anygrad_nn::Error>(())
/// ```
pub fn summary_of(model: &(impl Layer + ?Sized), params: &Params, input: &Tensor) -> Result<Summary> {
    params.check()?;
    let mut ctx = Ctx::listing();
    model.forward(input, &mut ctx).check()?;
    let mut rows = ctx.into_rows();
    let mut counted = HashSet::new();
    for row in &mut rows {
        if !row.path.is_empty() && !counted.insert(row.path.clone()) {
            row.parameters = 0;
        }
    }
    Ok(Summary { rows, parameters: params.count() })
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["layer", "path", "output", "parameters"].map(String::from);
        let cells = |row: &SummaryRow| {
            [row.layer.clone(), row.path.clone(), row.output.to_string(), row.parameters.to_string()]
        };
        let table: Vec<[String; 4]> = std::iter::once(head).chain(self.rows.iter().map(cells)).collect();
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let [a, b, c, d] = [width(0), width(1), width(2), width(3)];
        for [layer, path, output, parameters] in &table {
            writeln!(f, "{layer:a$}  {path:b$}  {output:c$}  {parameters:>d$}")?;
        }
        write!(f, "{} parameters in all", self.parameters)
    }
}
