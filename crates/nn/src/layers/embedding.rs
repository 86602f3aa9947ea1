use anygrad_graph::{Shape, Tensor};

use crate::mixed::{cast, uncast};
use crate::{Ctx, Init, Layer, Param, ParamPath};

/// A table of rows to look up, with PyTorch's padding index and largest norm.
#[derive(Debug)]
pub(crate) struct Table {
    pub path: ParamPath,
    pub rows: usize,
    pub size: usize,
    pub padding: Option<usize>,
    max_norm: Option<f64>,
    norm_type: f64,
    pub weight: Param,
}

impl Table {
    pub fn new(path: ParamPath, rows: usize, size: usize) -> Self {
        let weight = path.parameter("weight", [rows, size], Init::Normal { mean: 0.0, deviation: 1.0 });
        Self { path, rows, size, padding: None, max_norm: None, norm_type: 2.0, weight }
    }

    pub fn set_init(&mut self, init: Init) {
        self.weight.remake(&Shape::from([self.rows, self.size]), init);
        self.clear_padding();
    }

    pub fn set_padding(&mut self, index: usize) {
        self.padding = Some(index);
        self.clear_padding();
    }

    pub fn set_max_norm(&mut self, max_norm: f64) {
        self.max_norm = Some(max_norm);
    }

    pub fn set_norm_type(&mut self, p: f64) {
        self.norm_type = p;
    }

    /// Makes the padding's row 0.
    fn clear_padding(&self) {
        let Some(padding) = self.padding.filter(|&padding| padding < self.rows) else { return };
        self.weight.edit(|weight| {
            let row = Tensor::iota(self.rows, weight.device()).reshape([self.rows, 1]);
            row.eq(padding as f64).select(0.0, weight)
        });
    }

    fn check(&self) -> Result<(), String> {
        if let Some(padding) = self.padding.filter(|&padding| padding >= self.rows) {
            return Err(format!("the padding index is {padding}; it must be below {}", self.rows));
        }
        match self.max_norm.filter(|max| !(*max > 0.0 && max.is_finite())) {
            Some(max) => Err(format!("max norm is {max}; it must be positive and finite")),
            None => Ok(()),
        }
    }

    /// The rows that `index` names, `[*index, size]`. `name` is the layer's, for messages.
    #[track_caller]
    pub fn look_up(&self, name: &'static str, index: &Tensor, ctx: &Ctx) -> Tensor {
        // rows are cast, not the table, which a largest norm changes
        let table = uncast(|| self.weight.tensor());
        if let Err(message) = self.check() {
            return Tensor::wrong(name, message, &[("index", index), ("weight", &table)]);
        }
        let rows = match self.max_norm {
            Some(max) => self.within_norm(&table, index, max, ctx),
            None => table.embedding(index),
        };
        let rows = match cast() {
            Some(dtype) => rows.to_dtype(dtype),
            None => rows,
        };
        match self.padding {
            // the value of its row, but no gradient
            Some(padding) => index.eq(padding as f64).unsqueeze(-1).select(rows.stop_gradient(), &rows),
            None => rows,
        }
    }

    /// The rows after those that are too long have been cut to length `max`, as PyTorch does, in the table: in training
    /// the first look-up of a step changes what the parameter is. A second one must not, as gradients are taken with
    /// respect to the table the first one used; nor may evaluation. They see the shorter rows and leave the table alone.
    #[track_caller]
    fn within_norm(&self, table: &Tensor, index: &Tensor, max: f64, ctx: &Ctx) -> Tensor {
        let found = table.embedding(index);
        if found.check().is_err() {
            return found;
        }
        let flat = index.reshape([index.numel()]);
        let rows = table.stop_gradient().index_select(0, &flat);
        let norm = rows.norm_keep(self.norm_type, &[1]);
        let scale = norm.gt(max).select((&norm + 1e-7).reciprocal() * max, 1.0);
        let short = rows * scale;
        if ctx.training {
            let changed = table.stop_gradient().index_copy(0, &flat, &short);
            if self.weight.prepare(&changed) {
                return changed.embedding(index);
            }
        }
        // the value of the shorter rows, the gradient of those in the table
        short.reshape(found.shape()) + (&found - found.stop_gradient())
    }
}

/// The methods of layers whose field `table` is a [`Table`].
macro_rules! table_methods {
    () => {
        /// Other initial values for the rows.
        #[must_use]
        pub fn init(mut self, init: Init) -> Self {
            self.table.set_init(init);
            self
        }

        /// The index that stands for no token. Its row is made 0 and gets no gradient, so that it stays as it is. (Weight
        /// decay of a row of zeros is 0.)
        #[must_use]
        pub fn padding(mut self, index: usize) -> Self {
            self.table.set_padding(index);
            self
        }

        /// Cuts rows whose norm is larger to this norm before they are looked up. As in PyTorch this changes the table,
        /// of rows that are looked up in training, and gradients are those of the rows after it. (In evaluation, and
        /// in a second look-up before the step, rows are cut for that look-up alone.) An output layer that shares the
        /// table comes after the look-up, as the gradient is that of the table after it.
        #[must_use]
        pub fn max_norm(mut self, max_norm: f64) -> Self {
            self.table.set_max_norm(max_norm);
            self
        }

        /// The p of the norm that [`max_norm`](Self::max_norm) limits; 2 without this.
        #[must_use]
        pub fn norm_type(mut self, p: f64) -> Self {
            self.table.set_norm_type(p);
            self
        }
    };
}

pub(crate) use table_methods;

/// A learned row for each token: indices (u32 or i32) of any shape `[..]` become `[.., size]`. The same as a one-hot
/// vector times the table; the gradient adds up what all places with the same index ask for.
///
/// Entries: `weight` `[rows, size]`, normal with mean 0 and deviation 1, PyTorch's default (Keras: uniform in ±0.05).
/// For rows trained elsewhere, [`Params::set`](crate::Params::set) them and [`freeze`](crate::Params::freeze) them or not.
///
/// An index that is out of range is an error where the host knows the indices, and reads zeros where only the device
/// does.
///
/// ```
/// use anygrad_graph::{Device, Tensor};
/// use anygrad_nn::{Ctx, Embedding, Layer, Params};
/// let device = Device::cpu();
/// let params = Params::new(&device, 42);
/// let embedding = Embedding::new(params.at("words"), 1000, 16).padding(0);
/// let sentences = Tensor::from_slice(&[4u32, 7, 0, 9, 9, 9], [2, 3], &device);
/// let y = embedding.forward(&sentences, &mut Ctx::eval());
/// assert_eq!(y.shape()[..], [2, 3, 16]);
/// assert_eq!(y.at(0, 0).at(0, 2).to_vec::<f32>()?, [0.0; 16]);
/// # Ok::<(), anygrad_graph::Error>(())
/// ```
#[derive(Debug)]
pub struct Embedding {
    table: Table,
}

impl Embedding {
    /// `rows` rows, indices 0 to `rows − 1`, of `size` numbers.
    pub fn new(path: ParamPath, rows: usize, size: usize) -> Self {
        Self { table: Table::new(path, rows, size) }
    }

    table_methods!();

    /// The table, `[rows, size]`, for output layers that share it.
    #[track_caller]
    pub fn weight(&self) -> Tensor {
        self.table.weight.tensor()
    }
}

impl Layer for Embedding {
    #[track_caller]
    fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
        ctx.within(self, |ctx| self.table.look_up("embedding", x, ctx))
    }

    fn kind(&self) -> &str {
        "Embedding"
    }

    fn path(&self) -> Option<&str> {
        Some(self.table.path.as_str())
    }

    fn parameters(&self) -> usize {
        self.table.weight.numel()
    }
}
