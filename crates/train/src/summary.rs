use std::fmt;

use anygrad_graph::Shape;
use anygrad_nn::{Kind, Layer, Params};

use crate::Result;
use crate::table::{Align, Table, thousands};

/// One line of a model's [`Summary`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayerRow {
    /// The layer: its path, and its kind if the path does not tell.
    pub layer: String,
    /// The shape of what it gives out.
    pub output_shape: Vec<usize>,
    /// Numbers among its parameters.
    pub parameters: usize,
    /// How many of them training changes.
    pub trained: usize,
}

/// The layers of a model with their output shapes and numbers of parameters; `Display` draws the table.
///
/// ```
/// use anygrad_train::{LayerRow, Summary};
/// let row = |layer: &str, features, parameters| {
///     LayerRow { layer: layer.into(), output_shape: vec![64, features], parameters, trained: parameters }
/// };
/// let summary = Summary { rows: vec![row("fc1", 1024, 803_840), row("relu", 1024, 0), row("fc2", 10, 10_250)] };
/// assert_eq!(summary.to_string(), "\
/// Layer  Output shape  Parameters
/// -----  ------------  ----------
/// fc1    [64, 1024]       803,840
/// relu   [64, 1024]             0
/// fc2    [64, 10]          10,250
/// -----  ------------  ----------
/// Total                   814,090");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The layers, in the order in which they run.
    pub rows: Vec<LayerRow>,
}

impl Summary {
    /// The sum of the parameters of all rows.
    pub fn parameters(&self) -> usize {
        self.rows.iter().fold(0, |sum, row| sum.saturating_add(row.parameters))
    }

    /// The sum of the parameters that training changes.
    pub fn trained(&self) -> usize {
        self.rows.iter().fold(0, |sum, row| sum.saturating_add(row.trained))
    }
}

/// Lists the layers of `model` with their output shapes for an input of `input_shape`. Nothing is computed.
///
/// # Errors
/// The layers do not fit each other or the input; the message names the layer.
///
/// ```
/// use anygrad_graph::Device;
/// use anygrad_nn::{Linear, Params, Sequential, relu};
/// use anygrad_train::model_summary;
/// let params = Params::new(&Device::cpu(), 0);
/// let model = Sequential::new().then(Linear::new(params.at("fc"), 784, 512)).then(relu);
/// let summary = model_summary(&model, &params, [1, 784])?;
/// assert_eq!(summary.to_string(), "\
/// Layer        Output shape  Parameters
/// -----------  ------------  ----------
/// fc (Linear)  [1, 512]         401,920
/// relu         [1, 512]               0
/// -----------  ------------  ----------
/// Total                         401,920");
/// # Ok::<(), anygrad_train::TrainError>(())
/// ```
pub fn model_summary(
    model: &(impl Layer + ?Sized),
    params: &Params,
    input_shape: impl Into<Shape>,
) -> Result<Summary> {
    let listed = anygrad_nn::summary(model, params, input_shape)?;
    let entries: Vec<_> = params.iter().filter(|entry| entry.kind == Kind::Parameter).collect();
    let trained = |path: &str| {
        let below = |entry: &str| entry.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        let chosen = entries.iter().filter(|entry| !entry.frozen && below(&entry.path));
        chosen.map(|entry| entry.tensor.numel()).sum()
    };
    let rows = listed.rows.into_iter().map(|row| LayerRow {
        layer: if row.path.is_empty() { row.layer } else { format!("{} ({})", row.path, row.layer) },
        output_shape: row.output.to_vec(),
        parameters: row.parameters,
        // a layer that runs twice is counted once
        trained: if row.parameters == 0 { 0 } else { trained(&row.path) },
    });
    Ok(Summary { rows: rows.collect() })
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table =
            Table::new([("Layer", Align::Left), ("Output shape", Align::Left), ("Parameters", Align::Right)]);
        for row in &self.rows {
            table.row([row.layer.clone(), format!("{:?}", row.output_shape), thousands(row.parameters)]);
        }
        let (all, trained) = (self.parameters(), self.trained());
        table.total(["Total", "", &thousands(all)]);
        if trained != all {
            table.total(["Trained", "", &thousands(trained)]);
            table.total(["Not trained", "", &thousands(all.saturating_sub(trained))]);
        }
        table.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_trained_is_told_apart() {
        let row = |parameters, trained| LayerRow {
            layer: "norm".into(),
            output_shape: vec![8, 16, 8, 8],
            parameters,
            trained,
        };
        let text = Summary { rows: vec![row(64, 32), row(1000, 0)] }.to_string();
        assert!(text.contains("\nTotal                            1,064\n"), "{text}");
        assert!(
            text.ends_with(
                "\nTrained                             32\nNot trained                      1,032"
            )
        );
    }
}
