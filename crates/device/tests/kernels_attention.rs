//! Attention and its gradients against sums in f64, by every way to load.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use std::collections::HashSet;

use anygrad_device::kernels::attention::{MOST_FEATURES, VARIANTS, attention, attention_gradient};
use anygrad_device::{Caps, DeviceError, Lowered};
use anygrad_layout::{Attention, Layout};
use common::{bits, check_text, close, floats, gpus, noise, run, sweep_caps};

/// What goes into a call: views, and the numbers of their buffers.
struct Case {
    kind: Attention,
    /// Queries, keys, values, then mask and bias.
    layouts: Vec<Layout>,
    buffers: Vec<Vec<f32>>,
}

const PLAIN: Attention = Attention { causal: false, mask: false, bias: false };

impl Case {
    fn new(kind: Attention, layouts: Vec<Layout>) -> Self {
        let mut buffers: Vec<Vec<f32>> = layouts
            .iter()
            .enumerate()
            .map(|(i, layout)| noise(i as u32 + 3, layout.extent().max(1)))
            .collect();
        if kind.mask {
            // words that are 0 or 1
            buffers[3].iter_mut().for_each(|x| *x = f32::from_bits(u32::from(*x > -0.3)));
        }
        if kind.bias {
            let last = buffers.len() - 1;
            buffers[last].iter_mut().filter(|x| **x > 0.8).for_each(|x| *x = f32::NEG_INFINITY);
        }
        Self { kind, layouts, buffers }
    }

    fn dense(kind: Attention, batch: usize, [n, m, d, e]: [usize; 4]) -> Self {
        let mut layouts = vec![[batch, n, d], [batch, m, d], [batch, m, e]];
        layouts.extend([kind.mask, kind.bias].iter().filter(|given| **given).map(|_| [batch, n, m]));
        Self::new(kind, layouts.into_iter().map(Layout::contiguous).collect())
    }

    fn sizes(&self) -> [usize; 5] {
        let shape = |i: usize| &self.layouts[i].shape;
        let rank = shape(0).rank();
        let batch = shape(0)[..rank - 2].iter().product();
        [batch, shape(0)[rank - 2], shape(1)[rank - 2], shape(0)[rank - 1], shape(2)[rank - 1]]
    }

    fn values(&self, i: usize) -> Vec<f64> {
        self.layouts[i].offsets().map(|at| f64::from(self.buffers[i][at])).collect()
    }

    /// Scores; `None` where a key is not read.
    fn scores(&self) -> Vec<Option<f64>> {
        let [batch, n, m, d, _] = self.sizes();
        let (q, k) = (self.values(0), self.values(1));
        let mask: Option<Vec<u32>> = self
            .kind
            .mask
            .then(|| self.layouts[3].offsets().map(|at| self.buffers[3][at].to_bits()).collect());
        let bias = self.kind.bias.then(|| self.values(self.layouts.len() - 1));
        let mut scores = Vec::new();
        for (b, i, j) in (0..batch * n * m).map(|at| (at / m / n, at / m % n, at % m)) {
            let at = (b * n + i) * m + j;
            let added = bias.as_ref().map_or(0.0, |bias| bias[at]);
            let read = !(self.kind.causal && j > i)
                && mask.as_ref().is_none_or(|mask| mask[at] != 0)
                && added != f64::NEG_INFINITY;
            let dot: f64 = (0..d).map(|c| q[(b * n + i) * d + c] * k[(b * m + j) * d + c]).sum();
            scores.push(read.then_some(dot / (d as f64).sqrt() + added));
        }
        scores
    }

    /// Outputs, and the logarithms behind them.
    fn outputs(&self) -> Vec<f64> {
        let [batch, n, m, _, e] = self.sizes();
        let (scores, v) = (self.scores(), self.values(2));
        let (mut outputs, mut logs) = (vec![0.0; batch * n * e], Vec::new());
        for row in 0..batch * n {
            let of = |j: usize| scores[row * m + j].map_or(0.0, f64::exp);
            let total: f64 = (0..m).map(of).sum();
            logs.push(if total == 0.0 { f64::from(f32::MAX) } else { total.ln() });
            for (j, c) in (0..m * e).map(|at| (at / e, at % e)).filter(|_| total > 0.0) {
                outputs[row * e + c] += of(j) / total * v[(row / n * m + j) * e + c];
            }
        }
        outputs.extend(logs);
        outputs
    }

    /// The gradients of queries, keys and values, for a gradient of the outputs.
    fn gradients(&self, g: &[f64]) -> Vec<f64> {
        let [batch, n, m, d, e] = self.sizes();
        let (scores, outputs) = (self.scores(), self.outputs());
        let (q, k, v) = (self.values(0), self.values(1), self.values(2));
        let (mut dq, mut dk, mut dv) =
            (vec![0.0; batch * n * d], vec![0.0; batch * m * d], vec![0.0; batch * m * e]);
        for (row, j) in (0..batch * n * m).map(|at| (at / m, at % m)) {
            let Some(score) = scores[row * m + j] else { continue };
            let key = row / n * m + j;
            let weight = (score - outputs[batch * n * e + row]).exp();
            let along = |x: &[f64], at: usize| (0..e).map(|c| g[row * e + c] * x[at * e + c]).sum::<f64>();
            let ds = weight * (along(&v, key) - along(&outputs, row)) / (d as f64).sqrt();
            (0..e).for_each(|c| dv[key * e + c] += weight * g[row * e + c]);
            for c in 0..d {
                dq[row * d + c] += ds * k[key * d + c];
                dk[key * d + c] += ds * q[row * d + c];
            }
        }
        [dq, dk, dv].concat()
    }
}

fn kinds() -> Vec<Attention> {
    let all = |causal| {
        [(false, false), (true, false), (false, true), (true, true)].map(|(mask, bias)| Attention {
            causal,
            mask,
            bias,
        })
    };
    [all(false), all(true)].concat()
}

fn cases() -> Vec<Case> {
    let whole = |shape: &[usize]| Layout::contiguous(shape);
    let mut cases = Vec::new();
    for kind in kinds() {
        cases.push(Case::dense(kind, 2, [5, 7, 4, 8]));
    }
    let causal = Attention { causal: true, ..PLAIN };
    let all = Attention { causal: true, mask: true, bias: true };
    cases.extend([
        Case::dense(PLAIN, 1, [1, 1, 1, 1]),
        Case::dense(all, 2, [19, 18, 3, 2]),
        // more rows than a workgroup has threads, and more than one tile
        Case::dense(PLAIN, 1, [70, 37, 8, 4]),
        Case::dense(PLAIN, 1, [37, 130, 5, 7]),
        Case::dense(causal, 1, [70, 66, 32, 32]),
        // rows that are loaded in parts, and sums in launches of their own
        Case::dense(causal, 1, [9, 66, 64, 64]),
        Case::dense(PLAIN, 1, [20, 21, 36, 40]),
        Case::dense(PLAIN, 1, [4, 5, 96, 128]),
    ]);
    let heads = || whole(&[2, 5, 3, 2, 8]);
    let head = |i: usize| {
        let cut = heads().slice(2, i, 1, 1);
        let kept: Vec<usize> = vec![0, 3, 1, 4];
        let strides = kept.iter().map(|&axis| cut.strides[axis]).collect();
        let shape = anygrad_layout::Shape::from(&[2, 2, 5, 8][..]);
        Layout { shape, strides, offset: cut.offset }
    };
    cases.extend([
        Case::new(PLAIN, vec![head(0), head(1), head(2)]),
        Case::new(PLAIN, vec![whole(&[4, 8]).expand(&[3, 4, 8]), whole(&[3, 5, 8]), whole(&[3, 5, 4])]),
        // columns, backwards, every second, unaligned
        Case::new(
            PLAIN,
            vec![
                whole(&[8, 6]).permute(&[1, 0]),
                whole(&[9, 8]).slice(0, 8, 9, -1),
                whole(&[9, 13]).slice(1, 1, 6, 2),
            ],
        ),
        Case::new(
            Attention { mask: true, ..PLAIN },
            vec![
                whole(&[2, 4, 4]),
                whole(&[2, 6, 4]),
                whole(&[2, 6, 4]),
                whole(&[2, 1, 6]).expand(&[2, 4, 6]),
            ],
        ),
    ]);
    cases
}

/// The variants that an adapter runs, and its own choice.
fn forced(caps: &Caps) -> impl Iterator<Item = Option<&'static str>> {
    let lanes = caps.subgroups && caps.subgroup_size == 8;
    VARIANTS.iter().filter(move |name| lanes || **name != "lanes").map(|name| Some(*name)).chain([None])
}

fn with_gradient(layouts: &[Layout], count: usize, g: &Layout) -> Vec<Layout> {
    let mut all = layouts[..3].to_vec();
    all.extend([Layout::contiguous([count]), g.clone()]);
    all.extend_from_slice(&layouts[3..]);
    all
}

fn gradient_of(case: &Case) -> Layout {
    let mut shape = case.layouts[0].shape.to_vec();
    *shape.last_mut().unwrap() = case.sizes()[4];
    Layout::contiguous(shape)
}

#[test]
fn every_text_is_valid_everywhere() {
    let mut known = HashSet::new();
    let mut check = |mut lowered: Lowered, caps: &Caps| {
        lowered.launches.retain(|launch| known.insert((launch.source.clone(), launch.bindings.clone())));
        check_text(&lowered, caps);
    };
    let mut all = cases();
    all.push(Case::dense(PLAIN, 1, [3, 4, MOST_FEATURES, MOST_FEATURES]));
    all.extend([[0, 3, 2, 2], [3, 0, 2, 2], [3, 4, 2, 0]].map(|sizes| Case::dense(PLAIN, 2, sizes)));
    for case in all {
        let [batch, n, _, _, e] = case.sizes();
        let back = with_gradient(&case.layouts, batch * n * (e + 1), &gradient_of(&case));
        for caps in sweep_caps() {
            for variant in forced(&caps) {
                check(attention(&case.layouts, case.kind, &caps, variant).unwrap(), &caps);
                check(attention_gradient(&back, case.kind, &caps, variant).unwrap(), &caps);
            }
        }
    }
}

#[test]
fn outputs_and_gradients_are_those_of_the_definition() {
    for (which, gpu) in gpus().iter().enumerate() {
        // drivers take long over texts with wgpu's checks: a third of the cases, by the adapter's own choice
        let checked = which > 0;
        for case in cases().into_iter().step_by(if checked { 3 } else { 1 }) {
            let [batch, n, m, d, e] = case.sizes();
            let want = case.outputs();
            let inputs: Vec<Vec<u32>> = case.buffers.iter().map(|buffer| bits(buffer)).collect();
            let g = gradient_of(&case);
            let slopes = noise(99, g.extent());
            let slopes_wide: Vec<f64> = slopes.iter().map(|&x| f64::from(x)).collect();
            let want_back = case.gradients(&slopes_wide);
            let back = with_gradient(&case.layouts, want.len(), &g);
            for variant in forced(gpu.caps()).filter(|variant| checked == variant.is_none()) {
                let name = format!("{:?} {:?} {variant:?}", case.kind, case.sizes());
                let lowered = attention(&case.layouts, case.kind, gpu.caps(), variant).unwrap();
                let read: Vec<&[u32]> = inputs.iter().map(Vec::as_slice).collect();
                let kept = run(gpu, &lowered, &read, &[want.len()], &[]).remove(0);
                agree(&name, &floats(&kept), &want);

                let mut read = read[..3].to_vec();
                let slopes = bits(&slopes);
                read.extend([&kept[..], &slopes[..]]);
                read.extend(inputs[3..].iter().map(Vec::as_slice));
                let lowered = attention_gradient(&back, case.kind, gpu.caps(), variant).unwrap();
                let count = batch * (n * d + m * d + m * e + n);
                let got = run(gpu, &lowered, &read, &[count], &[]).remove(0);
                agree(&format!("{name} back"), &floats(&got)[..want_back.len()], &want_back);
            }
        }
    }
}

fn agree(name: &str, got: &[f32], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{name}");
    for (at, (&got, &want)) in got.iter().zip(want).enumerate() {
        assert!(close(got, want, 4e-6), "{name} [{at}]: {got} for {want}");
    }
}

#[test]
fn rows_and_logarithms_are_found_behind_an_offset() {
    let Some(gpu) = gpus().first() else { return };
    let case = Case::dense(PLAIN, 2, [5, 6, 4, 8]);
    let want = case.outputs();
    let slopes = noise(99, 2 * 5 * 8);
    let back = case.gradients(&slopes.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
    // what was kept lies behind three other numbers
    let kept: Vec<f32> = [f32::NAN; 3].into_iter().chain(want.iter().map(|&x| x as f32)).collect();
    let mut layouts = with_gradient(&case.layouts, want.len(), &gradient_of(&case));
    layouts[3].offset = 3;
    let lowered = attention_gradient(&layouts, PLAIN, gpu.caps(), None).unwrap();
    let mut inputs: Vec<Vec<u32>> = case.buffers.iter().map(|buffer| bits(buffer)).collect();
    inputs.extend([bits(&kept), bits(&slopes)]);
    let read: Vec<&[u32]> = inputs.iter().map(Vec::as_slice).collect();
    let got = run(gpu, &lowered, &read, &[back.len() + 10], &[]).remove(0);
    agree("behind an offset", &floats(&got)[..back.len()], &back);
}

#[test]
fn what_does_not_fit_is_an_error() {
    let (caps, software) = (Caps::portable(), Caps { software: true, ..Caps::portable() });
    let case = |sizes| Case::dense(PLAIN, 1, sizes).layouts;
    let of = |layouts: &[Layout], caps: &Caps, variant| attention(layouts, PLAIN, caps, variant);
    let good = case([3, 4, 2, 2]);
    assert!(of(&good, &caps, None).is_ok());
    assert!(matches!(of(&good[..2], &caps, None), Err(DeviceError::Validation { .. })));
    assert!(matches!(of(&good, &caps, Some("lanes")), Err(DeviceError::Validation { .. })));
    assert!(matches!(of(&good, &caps, Some("other")), Err(DeviceError::Validation { .. })));
    let mut wrong = good.clone();
    wrong.swap(0, 1);
    wrong[2] = Layout::contiguous([1, 5, 2]);
    assert!(matches!(of(&wrong, &caps, None), Err(DeviceError::Validation { .. })));
    let wide = case([3, 4, MOST_FEATURES + 1, 2]);
    assert!(matches!(of(&wide, &caps, None), Err(DeviceError::Unsupported { .. })));
    let long = case([1, 1 << 18, 2, 2]);
    assert!(of(&long, &caps, None).is_ok());
    assert!(matches!(of(&long, &software, None), Err(DeviceError::Unsupported { .. })));
}
