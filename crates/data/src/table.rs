use crate::{DataError, Dataset, Result, Targets};

/// Columns of equally many values: what a CSV file holds, before it becomes numbers.
///
/// ```
/// use anygrad_data::csv::{self, CsvSettings};
/// let text = "size,colour,price\n1.5,red,10\n2.5,blue,20\n";
/// let table = csv::parse(text.as_bytes(), "shop", &CsvSettings::default())?;
/// assert_eq!((table.rows(), table.names().collect::<Vec<_>>()), (2, vec!["size", "colour", "price"]));
/// let data = table.without(&["colour"])?.dataset("price")?;
/// assert_eq!((data.inputs(), data.input_shape()), (&[1.5, 2.5][..], &[1][..]));
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    columns: Vec<Column>,
    rows: usize,
}

/// One column of a [`Table`].
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name: that of the header, or "0", "1", .. where there is none.
    pub name: String,
    /// Its values.
    pub values: ColumnValues,
}

/// The values of a [`Column`].
#[derive(Clone, Debug, PartialEq)]
pub enum ColumnValues {
    /// Numbers; NaN where the value is missing.
    Numbers(Vec<f64>),
    /// Words out of few.
    Categories {
        /// The words, sorted, each once.
        names: Vec<String>,
        /// The number of each value's word in `names`; `None` where the value is missing.
        codes: Vec<Option<u32>>,
    },
}

impl ColumnValues {
    /// Number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Categories { codes, .. } => codes.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Values that are words; `None` where one is missing.
    pub fn from_words(words: &[Option<&str>]) -> Self {
        let mut names: Vec<String> = words.iter().flatten().map(|&word| word.to_owned()).collect();
        names.sort();
        names.dedup();
        let code =
            |word: &str| names.binary_search_by(|name| name.as_str().cmp(word)).ok().map(|code| code as u32);
        let codes = words.iter().map(|word| word.and_then(code)).collect();
        Self::Categories { names, codes }
    }

    /// The word of value `row`, as text; `None` where it is missing or there are not so many.
    pub fn word(&self, row: usize) -> Option<String> {
        match self {
            Self::Numbers(numbers) => numbers.get(row).filter(|x| !x.is_nan()).map(f64::to_string),
            Self::Categories { names, codes } => names.get((*codes.get(row)?)? as usize).cloned(),
        }
    }

    fn gather(&self, rows: &[usize]) -> Self {
        match self {
            Self::Numbers(numbers) => Self::Numbers(rows.iter().map(|&row| numbers[row]).collect()),
            Self::Categories { names, codes } => {
                let codes = rows.iter().map(|&row| codes[row]).collect();
                Self::Categories { names: names.clone(), codes }
            }
        }
    }
}

impl Table {
    /// A table of these columns.
    ///
    /// # Errors
    /// [`DataError::Needs`] if they are not equally long, two have one name, or a code names no category.
    pub fn new(columns: Vec<Column>) -> Result<Self> {
        const CALL: &str = "Table::new";
        let rows = columns.first().map_or(0, |column| column.values.len());
        for (number, column) in columns.iter().enumerate() {
            if column.values.len() != rows {
                let found = format!("{} in column {:?}", column.values.len(), column.name);
                return Err(DataError::needs(CALL, format!("columns of {rows} values, as the first"), found));
            }
            if columns.iter().take(number).any(|other| other.name == column.name) {
                return Err(DataError::needs(
                    CALL,
                    "columns of different names",
                    format!("two named {:?}", column.name),
                ));
            }
            if let ColumnValues::Categories { names, codes } = &column.values
                && let Some(code) = codes.iter().flatten().find(|&&code| code as usize >= names.len())
            {
                let found = format!("{code} in column {:?}", column.name);
                return Err(DataError::needs(CALL, format!("codes below {}", names.len()), found));
            }
        }
        Ok(Self { columns, rows })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The names of the columns, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The column named `name`.
    ///
    /// # Errors
    /// [`DataError::Needs`] if there is none; the message lists those that there are.
    pub fn column(&self, name: &str) -> Result<&Column> {
        self.columns.iter().find(|column| column.name == name).ok_or_else(|| {
            let found = self.names().collect::<Vec<_>>().join(", ");
            DataError::needs("a table", format!("a column named {name:?}"), format!("the columns {found}"))
        })
    }

    /// The numbers of the column named `name`; NaN where one is missing.
    ///
    /// # Errors
    /// [`DataError::Needs`] if there is no such column, or it holds words, the first of which is named.
    pub fn numbers(&self, name: &str) -> Result<&[f64]> {
        match &self.column(name)?.values {
            ColumnValues::Numbers(numbers) => Ok(numbers),
            values => {
                let first = (0..self.rows).find_map(|row| Some((row, values.word(row)?)));
                let found = first.map(|(row, word)| format!("{word:?} in row {row}")).unwrap_or_default();
                Err(DataError::needs("a table", format!("numbers in column {name:?}"), found))
            }
        }
    }

    /// The same table without the columns named `names`.
    ///
    /// # Errors
    /// [`DataError::Needs`] if there is no such column.
    pub fn without(&self, names: &[&str]) -> Result<Self> {
        names.iter().try_for_each(|name| self.column(name).map(|_| ()))?;
        let kept = self.columns.iter().filter(|column| !names.contains(&column.name.as_str()));
        Ok(Self { columns: kept.cloned().collect(), rows: self.rows })
    }

    /// The columns named `names`, in that order.
    ///
    /// # Errors
    /// [`DataError::Needs`] if there is no such column, or one is named twice.
    pub fn select(&self, names: &[&str]) -> Result<Self> {
        Self::new(names.iter().map(|name| self.column(name).cloned()).collect::<Result<_>>()?)
    }

    /// The rows that `rows` names, in that order.
    ///
    /// # Errors
    /// [`DataError::IndexRange`] if there is no such row.
    pub fn subset(&self, rows: &[usize]) -> Result<Self> {
        if let Some(position) = rows.iter().position(|&row| row >= self.rows) {
            return Err(DataError::IndexRange { position, index: rows[position], len: self.rows });
        }
        let columns = self
            .columns
            .iter()
            .map(|column| Column { name: column.name.clone(), values: column.values.gather(rows) });
        Ok(Self { columns: columns.collect(), rows: rows.len() })
    }

    /// Divides the rows at random in two, as [`Dataset::split`] does samples: to fit encoders on the first part alone.
    ///
    /// # Errors
    /// [`DataError::Fraction`] if `fraction` is not from 0 to 1.
    pub fn split(&self, fraction: f64, seed: u64) -> Result<(Self, Self)> {
        let count = crate::protocol::share(self.rows, fraction)?;
        let order = crate::shuffle::permutation(self.rows, seed, crate::shuffle::SPLIT);
        let (first, second) = order.split_at(count);
        Ok((self.subset(first)?, self.subset(second)?))
    }

    /// The same table with the column named `name` as categories: numbers that stand for classes become words.
    ///
    /// # Errors
    /// [`DataError::Needs`] if there is no such column.
    pub fn categorical(mut self, name: &str) -> Result<Self> {
        self.column(name)?;
        for column in self.columns.iter_mut().filter(|column| column.name == name) {
            if let ColumnValues::Numbers(numbers) = &column.values {
                // in the order of the numbers, not of their digits
                let mut sorted: Vec<f64> = numbers.iter().copied().filter(|x| !x.is_nan()).collect();
                sorted.sort_by(f64::total_cmp);
                sorted.dedup();
                let code = |x: &f64| (!x.is_nan()).then(|| sorted.partition_point(|y| y < x) as u32);
                let codes = numbers.iter().map(code).collect();
                column.values =
                    ColumnValues::Categories { names: sorted.iter().map(f64::to_string).collect(), codes };
            }
        }
        Ok(self)
    }

    /// All columns but the one named `target` as inputs `[columns - 1]`, missing values as NaN; and of that column a
    /// class for each row if it holds categories, in the order of their names, or a number if it holds numbers.
    ///
    /// # Errors
    /// [`DataError::Needs`] if there is no such column, another holds words (see
    /// [`OneHotEncoder`](crate::prepare::OneHotEncoder)), or a target is missing.
    pub fn dataset(&self, target: &str) -> Result<Dataset> {
        let values = &self.column(target)?.values;
        let missing = |row: usize| {
            let found = format!("none in row {row}");
            DataError::needs("Table::dataset", format!("a value of {target:?} in every row"), found)
        };
        let targets = match values {
            ColumnValues::Numbers(numbers) => {
                if let Some(row) = numbers.iter().position(|x| x.is_nan()) {
                    return Err(missing(row));
                }
                Targets::Values { values: numbers.iter().map(|&x| x as f32).collect(), shape: vec![] }
            }
            ColumnValues::Categories { names, codes } => {
                let labels = codes.iter().enumerate().map(|(row, code)| code.ok_or_else(|| missing(row)));
                Targets::Classes { labels: labels.collect::<Result<_>>()?, classes: names.len() }
            }
        };
        let (inputs, width) = self.without(&[target])?.inputs()?;
        Dataset::new(inputs, [width], targets)
    }

    /// All values, row by row, and the number of columns, each of which holds numbers.
    ///
    /// # Errors
    /// [`DataError::Needs`] if a column holds words.
    pub fn inputs(&self) -> Result<(Vec<f32>, usize)> {
        let columns = self.names().map(|name| self.numbers(name)).collect::<Result<Vec<_>>>()?;
        let row = |row: usize| columns.iter().map(move |column| column[row] as f32);
        Ok(((0..self.rows).flat_map(row).collect(), columns.len()))
    }
}
