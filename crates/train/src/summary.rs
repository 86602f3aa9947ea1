use std::fmt;

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
