use std::fmt;

/// To which side the cells of a column are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows of text in columns that are as wide as they need to be; `Display` draws it, without a newline at the end.
///
/// ```
/// use anygrad_train::{Align, Table};
/// let mut table = Table::new([("Layer", Align::Left), ("Parameters", Align::Right)]);
/// table.row(["fc1", "50,240"]).row(["fc2", "650"]).total(["Total", "50,890"]);
/// assert_eq!(table.to_string(), "\
/// Layer  Parameters
/// -----  ----------
/// fc1        50,240
/// fc2           650
/// -----  ----------
/// Total      50,890");
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    titles: Vec<String>,
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
    totals: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns and no row.
    pub fn new<S: Into<String>>(columns: impl IntoIterator<Item = (S, Align)>) -> Self {
        let (titles, aligns) = columns.into_iter().map(|(title, align)| (title.into(), align)).unzip();
        Self { titles, aligns, rows: Vec::new(), totals: Vec::new() }
    }

    /// Adds a row. Cells that are missing stay empty; cells beyond the last column make one without a title.
    pub fn row<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        self.rows.push(cells.into_iter().map(Into::into).collect());
        self
    }

    /// Adds a row below the second rule, after all others.
    pub fn total<S: Into<String>>(&mut self, cells: impl IntoIterator<Item = S>) -> &mut Self {
        self.totals.push(cells.into_iter().map(Into::into).collect());
        self
    }

    /// Characters that each column needs.
    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for line in std::iter::once(&self.titles).chain(&self.rows).chain(&self.totals) {
            widths.resize(widths.len().max(line.len()), 0);
            for (width, cell) in widths.iter_mut().zip(line) {
                *width = (*width).max(cell.chars().count());
            }
        }
        widths
    }

    fn line(&self, widths: &[usize], cells: &[String]) -> String {
        let mut line = String::new();
        for (column, width) in widths.iter().enumerate() {
            let cell = cells.get(column).map_or("", String::as_str);
            let space = " ".repeat(width.saturating_sub(cell.chars().count()));
            let gap = if column == 0 { "" } else { "  " };
            match self.aligns.get(column).unwrap_or(&Align::Left) {
                Align::Left => line.extend([gap, cell, &space]),
                Align::Right => line.extend([gap, &space, cell]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        let rule = widths.iter().map(|&width| "-".repeat(width)).collect::<Vec<_>>().join("  ");
        write!(f, "{}\n{rule}", self.line(&widths, &self.titles))?;
        for row in &self.rows {
            write!(f, "\n{}", self.line(&widths, row))?;
        }
        if !self.totals.is_empty() {
            write!(f, "\n{rule}")?;
        }
        for total in &self.totals {
            write!(f, "\n{}", self.line(&widths, total))?;
        }
        Ok(())
    }
}

/// A number with a comma between groups of three digits: 1234567 is "1,234,567".
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comma_stands_between_groups_of_three() {
        let cases = [(0, "0"), (999, "999"), (1000, "1,000"), (123_456, "123,456"), (1_234_567, "1,234,567")];
        for (number, text) in cases {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn rows_may_be_shorter_or_longer_than_the_titles_and_not_ascii() {
        let mut table = Table::new([("a", Align::Left), ("b", Align::Right)]);
        table.row(["größe"]).row(["x", "1", "more"]).row::<&str>([]);
        assert_eq!(table.to_string(), "a      b\n-----  -  ----\ngröße\nx      1  more\n");
        assert_eq!(Table::new::<&str>([]).to_string(), "\n");
    }
}
