use crate::table::{Column, ColumnValues, Table};
use crate::{DataError, Result};

/// What an encoder does with a category that it was not fitted to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unknown {
    /// Says so, as an error.
    #[default]
    Error,
    /// Takes it as none of the known ones: zeros in all columns, or a missing number.
    Ignore,
}

/// The categories of some columns of the training set, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fitted {
    columns: Vec<(String, Vec<String>)>,
    unknown: Unknown,
}

impl Fitted {
    fn new(call: &'static str, train: &Table, columns: &[&str]) -> Result<Self> {
        let mut fitted = Vec::with_capacity(columns.len());
        for &name in columns {
            let ColumnValues::Categories { names, codes } = &train.column(name)?.values else {
                let wanted = format!("categories in column {name:?} (see Table::categorical)");
                return Err(DataError::needs(call, wanted, "numbers"));
            };
            // a part of a table may lack some of its words
            let present = |code: &usize| codes.contains(&Some(*code as u32));
            let present = names.iter().enumerate().filter(|(code, _)| present(code));
            fitted.push((name.to_owned(), present.map(|(_, name)| name.clone()).collect()));
        }
        Ok(Self { columns: fitted, unknown: Unknown::default() })
    }

    /// The columns of `table`, those that it was fitted to as `encode` makes of (name, categories, place of each value
    /// among them, `None` for a missing one).
    fn apply(
        &self,
        call: &'static str,
        table: &Table,
        encode: impl Fn(&str, &[String], &[Option<usize>]) -> Vec<Column>,
    ) -> Result<Table> {
        self.columns.iter().try_for_each(|(name, _)| table.column(name).map(|_| ()))?;
        let mut columns = Vec::new();
        for column in table.columns() {
            let Some((name, categories)) = self.columns.iter().find(|(name, _)| *name == column.name) else {
                columns.push(column.clone());
                continue;
            };
            let mut places = Vec::with_capacity(table.rows());
            for row in 0..table.rows() {
                let word = column.values.word(row);
                let place = word.as_ref().and_then(|word| categories.iter().position(|known| known == word));
                if let (Some(word), None, Unknown::Error) = (word, place, self.unknown) {
                    let wanted = format!("the categories {} in column {name:?}", categories.join(", "));
                    return Err(DataError::needs(call, wanted, format!("{word:?} in row {row}")));
                }
                places.push(place);
            }
            columns.extend(encode(name, categories, &places));
        }
        Table::new(columns)
    }
}

/// Replaces columns of categories by one column of 0 and 1 for each category of the training set, named
/// "column=category", in the place of the old one. A missing value is 0 in all of them. As scikit-learn's
/// `OneHotEncoder`.
///
/// ```
/// use anygrad_data::csv::{self, CsvSettings};
/// use anygrad_data::prepare::OneHotEncoder;
/// let table = csv::parse(b"sex,rings\nM,3\nF,4\nI,5\n", "abalone", &CsvSettings::default())?;
/// let encoder = OneHotEncoder::fit(&table, &["sex"])?;
/// let data = encoder.apply(&table)?.dataset("rings")?;
/// assert_eq!(data.inputs(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneHotEncoder(Fitted);

impl OneHotEncoder {
    /// The categories of the columns named `columns` in the training set.
    ///
    /// # Errors
    /// [`DataError::Needs`] if there is no such column, or it holds numbers.
    pub fn fit(train: &Table, columns: &[&str]) -> Result<Self> {
        Fitted::new("OneHotEncoder", train, columns).map(Self)
    }

    /// The columns with their categories, in order: to be kept beside the weights of a model.
    pub fn categories(&self) -> &[(String, Vec<String>)] {
        &self.0.columns
    }

    /// An encoder of these columns and categories, as [`categories`](Self::categories) gave them.
    pub fn from_categories(columns: Vec<(String, Vec<String>)>) -> Self {
        Self(Fitted { columns, unknown: Unknown::default() })
    }

    /// What to do with a category that was not in the training set; an error unless set.
    pub fn unknown(mut self, unknown: Unknown) -> Self {
        self.0.unknown = unknown;
        self
    }

    /// `table` with the columns replaced.
    ///
    /// # Errors
    /// [`DataError::Needs`] if a column is missing, or a category is unknown and that is an error.
    pub fn apply(&self, table: &Table) -> Result<Table> {
        self.0.apply("OneHotEncoder", table, |name, categories, places| {
            let column = |(place, category)| Column {
                name: format!("{name}={category}"),
                values: ColumnValues::Numbers(
                    places.iter().map(|&at| f64::from(at == Some(place))).collect(),
                ),
            };
            categories.iter().enumerate().map(column).collect()
        })
    }
}

/// Replaces columns of categories by the place of each value among the sorted categories of the training set, from 0: for
/// categories that have an order, or that an embedding looks up. A missing value is NaN. As scikit-learn's
/// `OrdinalEncoder`.
///
/// ```
/// use anygrad_data::csv::{self, CsvSettings};
/// use anygrad_data::prepare::OrdinalEncoder;
/// let table = csv::parse(b"size\nb\nc\na\n", "sizes", &CsvSettings::default())?;
/// let encoded = OrdinalEncoder::fit(&table, &["size"])?.apply(&table)?;
/// assert_eq!(encoded.numbers("size")?, [1.0, 2.0, 0.0]);
/// # Ok::<(), anygrad_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrdinalEncoder(Fitted);

impl OrdinalEncoder {
    /// The categories of the columns named `columns` in the training set.
    ///
    /// # Errors
    /// [`DataError::Needs`] if there is no such column, or it holds numbers.
    pub fn fit(train: &Table, columns: &[&str]) -> Result<Self> {
        Fitted::new("OrdinalEncoder", train, columns).map(Self)
    }

    /// The columns with their categories, in order: to be kept beside the weights of a model.
    pub fn categories(&self) -> &[(String, Vec<String>)] {
        &self.0.columns
    }

    /// An encoder of these columns and categories, as [`categories`](Self::categories) gave them.
    pub fn from_categories(columns: Vec<(String, Vec<String>)>) -> Self {
        Self(Fitted { columns, unknown: Unknown::default() })
    }

    /// What to do with a category that was not in the training set; an error unless set.
    pub fn unknown(mut self, unknown: Unknown) -> Self {
        self.0.unknown = unknown;
        self
    }

    /// `table` with the columns replaced.
    ///
    /// # Errors
    /// [`DataError::Needs`] if a column is missing, or a category is unknown and that is an error.
    pub fn apply(&self, table: &Table) -> Result<Table> {
        self.0.apply("OrdinalEncoder", table, |name, _, places| {
            let number = |place: &Option<usize>| place.map_or(f64::NAN, |place| place as f64);
            vec![Column {
                name: name.to_owned(),
                values: ColumnValues::Numbers(places.iter().map(number).collect()),
            }]
        })
    }
}
