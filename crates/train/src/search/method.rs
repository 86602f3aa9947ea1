use super::halving::{Halving, Hyperband};
use super::space::Space;
use super::tpe::Tpe;
use super::wrong;
use crate::Result;

/// How a space is looked through.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// All choices of [`Space::grid`](super::Space::grid).
    Grid {
        /// Values of each number.
        points: usize,
    },
    /// Draws that do not depend on each other (Bergstra and Bengio, 2012).
    Random {
        /// How many.
        trials: usize,
    },
    /// A grid of the important parameters, and for each of its points several random draws of the others.
    Mixed {
        /// The important parameters.
        grid: Vec<String>,
        /// Values of each number among them.
        points: usize,
        /// Draws for each point.
        draws: usize,
    },
    /// Where good trials are dense and bad ones are not.
    Tpe(Tpe),
    /// Many trials with a small budget, the better part of them with a larger one, and so on.
    Halving(Halving),
    /// Successive halving from several budgets.
    Hyperband(Hyperband),
}

impl Default for Method {
    /// 20 random draws.
    fn default() -> Self {
        Self::Random { trials: 20 }
    }
}

impl Method {
    pub(crate) fn check(&self, space: &Space) -> Result<()> {
        let positive = |name: &str, value: usize| match value {
            0 => Err(wrong(format!("{name} is 0: it has to be at least 1"))),
            _ => Ok(()),
        };
        match self {
            Self::Grid { points } => positive("points", *points),
            Self::Random { trials } => positive("trials", *trials),
            Self::Mixed { grid, points, draws } => {
                positive("points", *points)?;
                positive("draws", *draws)?;
                match grid.iter().find(|name| !space.names().contains(&name.as_str())) {
                    Some(name) => Err(wrong(format!(
                        "grid names {name:?}, and the space has {}",
                        space.names().join(", ")
                    ))),
                    None => Ok(()),
                }
            }
            Self::Tpe(tpe) => tpe.check(),
            Self::Halving(halving) => halving.check(),
            Self::Hyperband(hyperband) => hyperband.check(),
        }
    }

    /// What a journal notes, so that another search does not go on with it. The number of trials is left out where
    /// more of them can be added later.
    pub(crate) fn identity(&self) -> String {
        match self {
            Self::Random { .. } => "random".into(),
            Self::Tpe(tpe) => format!("{:?}", Tpe { trials: 0, ..tpe.clone() }),
            other => format!("{other:?}"),
        }
    }
}
