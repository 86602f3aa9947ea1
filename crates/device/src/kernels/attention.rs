//! Attention with online softmax, and its gradients, without the matrix of weights in memory.
//!
//! A thread owns rows of one side in registers and goes through the rows of the other (Dao et al. 2022,
//! <https://arxiv.org/abs/2205.14135>). Gradients of queries are one pass, with queries as rows, and those of keys and
//! values another, with keys as rows: nothing is added from two threads, so nothing depends on timing.

mod operand;
mod text;

use anygrad_layout::{Attention, DType, Layout, Shape};

use self::operand::Rows;
use self::text::Text;
use super::matmul::{LONGEST, divisor, within_words, zeros};
use super::{Builder, fold_groups, invalid};
use crate::{Caps, DeviceError, Launch, Lowered, Operand};

const FAMILY: &str = "attention";

/// The names `force` understands.
pub const VARIANTS: &[&str] = &["thread", "lanes", "tiled"];

/// Most features of a query or a value: what a thread owns has to find room in registers, and is unrolled.
pub const MOST_FEATURES: usize = 256;

/// Most features for which these kernels pay on an adapter. A driver that runs shaders on a CPU compiles what is unrolled
/// for 0.7 s at 64 features, and for longer than a training takes at 256.
pub fn most_features(caps: &Caps) -> usize {
    if caps.software { 64 } else { MOST_FEATURES }
}

/// How threads come by the rows of the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loads {
    /// Each thread reads them.
    Thread,
    /// A subgroup of eight hands them round.
    Lanes,
    /// A workgroup brings them to its memory.
    Tiled,
}

impl Loads {
    /// Where a CPU runs the shaders barriers are dear, and loads cost one thread after the other.
    fn choose(caps: &Caps, force: Option<&str>) -> Result<Self, DeviceError> {
        let lanes = caps.subgroups && caps.subgroup_size == 8;
        match force {
            Some("thread") => Ok(Self::Thread),
            Some("lanes") if lanes => Ok(Self::Lanes),
            Some("tiled") => Ok(Self::Tiled),
            Some(other) => Err(invalid(FAMILY, format!("variant {other} is unknown or does not run here"))),
            None if caps.software && lanes => Ok(Self::Lanes),
            None if caps.software => Ok(Self::Thread),
            None => Ok(Self::Tiled),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Thread => "thread",
            Self::Lanes => "lanes",
            Self::Tiled => "tiled",
        }
    }

    /// Threads of a workgroup.
    fn threads(self, caps: &Caps) -> usize {
        match self {
            Self::Lanes => 8,
            // the vector width of a software adapter
            Self::Thread if caps.software => 8,
            Self::Thread | Self::Tiled => 64,
        }
    }
}

/// What a kernel computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// Outputs and logarithms.
    Outputs,
    /// Gradients of queries, and for each query the mean of the gradients of its weights.
    Queries,
    /// Gradients of keys, of values, or of both.
    Keys { keys: bool, values: bool },
}

/// Sizes, and where everything lies.
struct Problem {
    batch: usize,
    n: usize,
    m: usize,
    d: usize,
    e: usize,
    kind: Attention,
    q: Rows,
    k: Rows,
    v: Rows,
    /// The gradient of the outputs.
    g: Option<Rows>,
    /// Where outputs and logarithms begin that the forward pass gave.
    kept: usize,
    mask: Option<Rows>,
    bias: Option<Rows>,
}

impl Problem {
    fn new(inputs: &[Layout], back: bool, kind: Attention) -> Result<Self, DeviceError> {
        let front = if back { 5 } else { 3 };
        let count = front + usize::from(kind.mask) + usize::from(kind.bias);
        let (Some([q, k, v]), true) = (inputs.get(..3), inputs.len() == count) else {
            return Err(invalid(FAMILY, format!("{} inputs, not {count}", inputs.len())));
        };
        let ([lead @ .., n, d], [.., m, _], [.., e]) = (&q.shape[..], &k.shape[..], &v.shape[..]) else {
            return Err(invalid(FAMILY, "takes matrices"));
        };
        let (n, m, d, e) = (*n, *m, *d, *e);
        let lead = Shape::from(lead);
        let rows = |name, at: usize, sizes: [usize; 2]| {
            let layout = inputs.get(at).ok_or_else(|| invalid(FAMILY, "inputs are missing"))?;
            within_words(layout.extent(), FAMILY)?;
            Rows::new(name, Operand::Input(at), layout, &lead, sizes)
        };
        let problem = Self {
            q: rows("q", 0, [n, d])?,
            k: rows("k", 1, [m, d])?,
            v: rows("v", 2, [m, e])?,
            g: if back { Some(rows("g", 4, [n, e])?) } else { None },
            kept: inputs.get(3).filter(|_| back).map_or(0, |layout| layout.offset),
            mask: if kind.mask { Some(rows("mask", front, [n, m])?) } else { None },
            bias: if kind.bias { Some(rows("bias", count - 1, [n, m])?) } else { None },
            batch: lead.numel(),
            n,
            m,
            d,
            e,
            kind,
        };
        within_words(problem.count(true), FAMILY)?;
        if d.max(e) > MOST_FEATURES || d == 0 {
            return Err(DeviceError::Unsupported { what: format!("attention over {d} and {e} features") });
        }
        Ok(problem)
    }

    /// Elements of the result.
    fn count(&self, back: bool) -> usize {
        let Self { n, m, d, e, .. } = *self;
        let each = if back { [n * d, m * d, m * e, n] } else { [n * e, n, 0, 0] };
        each.into_iter().fold(0usize, usize::saturating_add).saturating_mul(self.batch)
    }

    fn flops(&self, features: usize) -> u64 {
        [2, self.batch, self.n, self.m, features].iter().fold(1, |all, &x| all.saturating_mul(x as u64))
    }
}

/// `softmax(Q·Kᵀ/√d)·V` of f32 queries `[batch.., n, d]`, keys `[batch.., m, d]` and values `[batch.., m, e]`, then a
/// mask (bool) and a bias `[batch.., n, m]` as `kind` says. The result: outputs `[batch.., n, e]`, and behind them for
/// each query the logarithm of the sum of its exponentials.
///
/// # Errors
/// [`DeviceError::Validation`] for inputs that do not fit, [`DeviceError::Unsupported`] for more than
/// [`MOST_FEATURES`] features or none, and for more keys than a software adapter counts, [`DeviceError::TooLarge`]
/// beyond 31-bit positions.
pub fn attention(
    inputs: &[Layout],
    kind: Attention,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    let problem = Problem::new(inputs, false, kind)?;
    let loads = Loads::choose(caps, force)?;
    let count = problem.count(false);
    if count == 0 {
        return Ok(Lowered::default());
    }
    if problem.m == 0 || problem.e == 0 {
        return zeros(FAMILY, DType::F32, count, caps);
    }
    let launch = launch(&problem, Pass::Outputs, loads, caps)?;
    Ok(Lowered { launches: vec![launch], scratch: Vec::new() })
}

/// The gradients of [`attention`]. Inputs: queries, keys, values, what [`attention`] gave, the gradient of its outputs,
/// then mask and bias. The result: gradients of queries, keys and values one behind another, and for each query a
/// number of no use.
///
/// # Errors
/// As [`attention`].
pub fn attention_gradient(
    inputs: &[Layout],
    kind: Attention,
    caps: &Caps,
    force: Option<&str>,
) -> Result<Lowered, DeviceError> {
    let problem = Problem::new(inputs, true, kind)?;
    let loads = Loads::choose(caps, force)?;
    let count = problem.count(true);
    if count == 0 {
        return Ok(Lowered::default());
    }
    if problem.batch == 0 || problem.n == 0 || problem.m == 0 || problem.e == 0 {
        return zeros(FAMILY, DType::F32, count, caps);
    }
    let mut passes = vec![Pass::Queries];
    // keys, values and both sums of wide heads are more than the registers of a GPU; on a CPU they are in its cache
    if caps.software || problem.d + problem.e <= 64 {
        passes.push(Pass::Keys { keys: true, values: true });
    } else {
        passes.push(Pass::Keys { keys: true, values: false });
        passes.push(Pass::Keys { keys: false, values: true });
    }
    let launches = passes.into_iter().map(|pass| launch(&problem, pass, loads, caps));
    Ok(Lowered { launches: launches.collect::<Result<_, _>>()?, scratch: Vec::new() })
}

fn launch(problem: &Problem, pass: Pass, loads: Loads, caps: &Caps) -> Result<Launch, DeviceError> {
    let text = Text::new(problem, pass, loads, caps);
    // llvmpipe counts loop turns; see `LONGEST`
    if caps.software && text.others().div_ceil(text.step) > LONGEST {
        let what = format!("attention over {} rows in software", text.others());
        return Err(DeviceError::Unsupported { what });
    }
    let mut builder = Builder::new(FAMILY, text.name());
    let row_blocks = text.owned_rows().div_ceil(text.rows());
    let blocks = row_blocks.saturating_mul(problem.batch);
    builder.param("blocks", blocks);
    divisor(&mut builder, "row_blocks", row_blocks);
    text.emit(&mut builder);
    let (body, features) = (
        match loads {
            Loads::Thread => anygrad_shaders::ATTENTION_THREAD,
            Loads::Lanes => anygrad_shaders::ATTENTION_LANES,
            Loads::Tiled => anygrad_shaders::ATTENTION_TILED,
        },
        match pass {
            Pass::Outputs => problem.d + problem.e,
            Pass::Queries => 2 * problem.d + problem.e,
            Pass::Keys { keys, values } => {
                problem.d + if keys { problem.d + problem.e } else { 0 } + if values { problem.e } else { 0 }
            }
        },
    );
    let words = (problem.n * (problem.d + problem.e) + problem.m * (problem.d + problem.e)) * problem.batch;
    builder.finish(body, fold_groups(blocks, caps)?, problem.flops(features), 4 * words as u64)
}
