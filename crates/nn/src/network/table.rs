use std::fmt;

use anygrad_graph::Shape;

/// One layer of a [`NetworkModel`](crate::NetworkModel).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkRow {
    /// What it is called: the path of its parameters, or what it is, with a number from the second on.
    pub name: String,
    /// What it is: `Conv2d`, `relu`, `input`.
    pub layer: String,
    /// The shape of its output for a batch of 1.
    pub output: Shape,
    /// Number of scalars in its parameters; 0 where they were counted in an earlier row.
    pub parameters: usize,
    /// The names of what it reads.
    pub inputs: Vec<String>,
}

/// The layers of a [`NetworkModel`](crate::NetworkModel) in the order in which they run. Displays as a table.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NetworkSummary {
    /// The layers.
    pub rows: Vec<NetworkRow>,
}

impl NetworkSummary {
    /// Number of scalars in the parameters of all layers.
    pub fn parameters(&self) -> usize {
        self.rows.iter().map(|row| row.parameters).sum()
    }
}

impl fmt::Display for NetworkSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["name", "layer", "output", "parameters", "reads"].map(String::from);
        let cells = |row: &NetworkRow| {
            let parameters = row.parameters.to_string();
            [row.name.clone(), row.layer.clone(), row.output.to_string(), parameters, row.inputs.join(", ")]
        };
        let table: Vec<[String; 5]> = std::iter::once(head).chain(self.rows.iter().map(cells)).collect();
        let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let [a, b, c, d] = [width(0), width(1), width(2), width(3)];
        for [name, layer, output, parameters, inputs] in &table {
            let line = format!("{name:a$}  {layer:b$}  {output:c$}  {parameters:>d$}  {inputs}");
            writeln!(f, "{}", line.trim_end())?;
        }
        write!(f, "{} parameters in all", self.parameters())
    }
}
