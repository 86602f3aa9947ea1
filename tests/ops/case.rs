//! One thing an op has to do right: inputs, and what is built from them.

use std::sync::Arc;

use anygrad_graph::{DType, Tensor};

use crate::draw::Draw;

type Build = Arc<dyn Fn(&[Tensor]) -> Tensor + Send + Sync>;

/// An op applied to inputs, with what is to be checked of it.
#[derive(Clone)]
pub struct Case {
    /// The op that is proved, by the name it has in programs; or the method, for a composition.
    pub op: &'static str,
    pub name: String,
    pub inputs: Vec<Input>,
    pub build: Build,
    /// How many derivatives are checked: 0, 1 or 2.
    pub order: usize,
    /// Factor on the tolerances, for what loses digits by nature.
    pub loose: f64,
    /// The same for derivatives alone.
    pub loose_slopes: f64,
    /// Inputs such as NaN, infinities and huge numbers: f64 gives other numbers, so GPU and CPU are compared in
    /// f32, and each element by itself.
    pub special: bool,
    /// Why only the CPU device computes it, if so: recording it on another has to be an error.
    pub cpu_only: Option<&'static str>,
}

/// A case with two derivatives.
pub fn case(
    op: &'static str,
    name: impl Into<String>,
    inputs: impl Into<Vec<Input>>,
    build: impl Fn(&[Tensor]) -> Tensor + Send + Sync + 'static,
) -> Case {
    let name = format!("{op} {}", name.into());
    Case {
        op,
        name,
        inputs: inputs.into(),
        build: Arc::new(build),
        order: 2,
        loose: 1.0,
        loose_slopes: 1.0,
        special: false,
        cpu_only: None,
    }
}

impl Case {
    pub fn order(mut self, order: usize) -> Self {
        self.order = order;
        self
    }

    pub fn loose(mut self, factor: f64) -> Self {
        self.loose = factor;
        self
    }

    pub fn loose_slopes(mut self, factor: f64) -> Self {
        self.loose_slopes = factor;
        self
    }

    pub fn special(mut self) -> Self {
        self.special = true;
        self.order = 0;
        self
    }

    pub fn cpu_only(mut self, reason: &'static str) -> Self {
        self.cpu_only = Some(reason);
        self
    }

    /// The values of the leaves behind the inputs.
    pub fn values(&self) -> Vec<Vec<f64>> {
        let draw =
            |(i, input): (usize, &Input)| input.values(&mut Draw::named(&format!("{} {i}", self.name)));
        self.inputs.iter().enumerate().map(draw).collect()
    }
}

/// How an input lies in the memory of its leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lies {
    Dense,
    /// The leaf has the axes in reverse order.
    Permuted,
    /// The input is a part of a larger leaf.
    Sliced,
    /// Backwards along every axis.
    Flipped,
    /// The leaf has size 1 along the first axis.
    Expanded,
    /// A part of a larger leaf with reversed axes.
    SlicedPermuted,
}

#[derive(Clone, Debug)]
pub struct Input {
    pub shape: Vec<usize>,
    pub dtype: DType,
    pub lies: Lies,
    pub differentiable: bool,
    range: (f64, f64),
    given: Option<Vec<f64>>,
}

impl Input {
    pub fn new(dtype: DType, shape: &[usize], range: (f64, f64)) -> Self {
        let differentiable = dtype.is_float();
        Self { shape: shape.to_vec(), dtype, lies: Lies::Dense, differentiable, range, given: None }
    }

    pub fn range(mut self, low: f64, high: f64) -> Self {
        self.range = (low, high);
        self
    }

    pub fn lies(mut self, lies: Lies) -> Self {
        self.lies = lies;
        self
    }

    pub fn constant(mut self) -> Self {
        self.differentiable = false;
        self
    }

    /// The shape of the leaf in memory.
    pub fn stored_shape(&self) -> Vec<usize> {
        let mut shape = self.shape.clone();
        if self.lies == Lies::Permuted || self.lies == Lies::SlicedPermuted {
            shape.reverse();
        }
        if self.lies == Lies::Sliced || self.lies == Lies::SlicedPermuted {
            shape.iter_mut().for_each(|n| *n += 3);
        }
        if self.lies == Lies::Expanded
            && let Some(first) = shape.first_mut()
        {
            *first = 1;
        }
        shape
    }

    /// The input, as views of its leaf.
    pub fn arrange(&self, leaf: &Tensor) -> Tensor {
        let backwards: Vec<isize> = (0..self.shape.len() as isize).rev().collect();
        let part = |t: &Tensor| {
            (0..t.rank()).fold(t.clone(), |t, axis| t.slice(axis as isize, 1 + axis % 2, t.shape()[axis] - 3))
        };
        match self.lies {
            Lies::Dense => leaf.clone(),
            Lies::Permuted => leaf.permute(&backwards),
            Lies::Sliced => part(leaf),
            Lies::Flipped => leaf.flip(&backwards),
            Lies::Expanded => leaf.expand(&self.shape),
            Lies::SlicedPermuted => part(leaf).permute(&backwards),
        }
    }

    fn values(&self, draw: &mut Draw) -> Vec<f64> {
        if let Some(values) = &self.given {
            return values.clone();
        }
        let (low, high) = self.range;
        let one = |_| match self.dtype {
            DType::F32 | DType::F64 => f64::from(draw.float(low, high) as f32),
            DType::Bool => draw.below(2) as f64,
            _ => draw.float(low, high).floor(),
        };
        (0..self.stored_shape().iter().product::<usize>()).map(one).collect()
    }
}

/// f32 numbers from −2 to 2; f64 where the reference is computed.
pub fn float<const N: usize>(shape: [usize; N]) -> Input {
    Input::new(DType::F32, &shape, (-2.0, 2.0))
}

pub fn int<const N: usize>(shape: [usize; N], low: f64, high: f64) -> Input {
    Input::new(DType::I32, &shape, (low, high))
}

pub fn uint<const N: usize>(shape: [usize; N], high: usize) -> Input {
    Input::new(DType::U32, &shape, (0.0, high as f64))
}

pub fn truth<const N: usize>(shape: [usize; N]) -> Input {
    Input::new(DType::Bool, &shape, (0.0, 1.0))
}

/// These numbers in this shape.
pub fn given(dtype: DType, shape: &[usize], values: Vec<f64>) -> Input {
    Input { given: Some(values), ..Input::new(dtype, shape, (0.0, 1.0)) }
}
