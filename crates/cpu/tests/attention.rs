//! Attention in blocks against the definition in f64.
#![allow(clippy::unwrap_used)]

use anygrad_cpu::{Host, Storage, View, attention, attention_gradient};
use anygrad_layout::{Attention, Layout};

const PLAIN: Attention = Attention { causal: false, mask: false, bias: false };

/// Numbers in [-1, 1) that look random.
fn noise(seed: usize, n: usize) -> Vec<f32> {
    let one = |i: usize| ((i * 2654435761 + seed * 40503) % 65536) as f32 / 32768.0 - 1.0;
    (0..n).map(|i| one(i + seed * 7919)).collect()
}

struct Call {
    kind: Attention,
    layouts: Vec<Layout>,
    data: Vec<Vec<f32>>,
}

impl Call {
    fn new(kind: Attention, batch: usize, [n, m, d, e]: [usize; 4]) -> Self {
        let mut shapes = vec![[batch, n, d], [batch, m, d], [batch, m, e]];
        shapes.extend([kind.mask, kind.bias].iter().filter(|given| **given).map(|_| [batch, n, m]));
        let data = shapes.iter().enumerate().map(|(i, s)| noise(i, s.iter().product())).collect();
        Self { kind, layouts: shapes.into_iter().map(Layout::contiguous).collect(), data }
    }

    fn storage(&self, i: usize, double: bool) -> Storage {
        let data = &self.data[i];
        if i == 3 && self.kind.mask {
            return Storage::U32(data.iter().map(|&x| u32::from(x > -0.5)).collect());
        }
        match double {
            true => Storage::F64(data.iter().map(|&x| f64::from(x)).collect()),
            false => Storage::F32(data.clone()),
        }
    }

    /// Outputs and logarithms, and the gradients.
    fn run(&self, double: bool) -> (Vec<f64>, Vec<f64>) {
        let host = Host::new();
        let all: Vec<Storage> = (0..self.data.len()).map(|i| self.storage(i, double)).collect();
        let views: Vec<View<'_>> = all.iter().zip(&self.layouts).map(|(s, l)| View::new(s, l)).collect();
        let kept = attention(&host, &views, self.kind).unwrap();
        let (q, v) = (&self.layouts[0].shape, &self.layouts[2].shape);
        let shape = [q[0], q[1], v[2]];
        let slopes: Vec<f64> = noise(9, shape.iter().product()).into_iter().map(f64::from).collect();
        let slopes = Storage::from_f64(kept.dtype(), &slopes);
        let (flat, slope_layout) = (Layout::contiguous([kept.len()]), Layout::contiguous(shape));
        let mut back = views[..3].to_vec();
        back.extend([View::new(&kept, &flat), View::new(&slopes, &slope_layout)]);
        back.extend_from_slice(&views[3..]);
        let gradients = attention_gradient(&host, &back, self.kind).unwrap();
        let used = q[0] * (q[1] * q[2] + v[1] * (q[2] + v[2]));
        (kept.to_f64_vec(), gradients.to_f64_vec()[..used].to_vec())
    }
}

fn calls() -> Vec<Call> {
    let mut calls = Vec::new();
    for (causal, mask, bias) in
        [(false, false, false), (true, false, false), (false, true, false), (true, true, true)]
    {
        let kind = Attention { causal, mask, bias };
        // around the sides of a block of 64 by 256
        for sizes in [[3, 5, 4, 2], [64, 256, 8, 8], [65, 257, 5, 9], [130, 40, 16, 16], [40, 600, 3, 3]] {
            calls.push(Call::new(kind, 2, sizes));
        }
    }
    calls
}

#[test]
fn blocks_are_the_definition() {
    for call in calls() {
        let ((kept, gradients), (want_kept, want)) = (call.run(false), call.run(true));
        for (got, want) in kept.iter().zip(&want_kept).chain(gradients.iter().zip(&want)) {
            let near = (got - want).abs() <= 3e-6 * want.abs().max(1.0);
            assert!(near, "{:?} {:?}: {got} for {want}", call.kind, call.layouts[0].shape);
        }
        assert_eq!((kept.len(), gradients.len()), (want_kept.len(), want.len()));
    }
}

#[test]
fn threads_change_no_bit() {
    // large enough for threads: many of a batch, and a few that threads share
    let calls = [
        Call::new(PLAIN, 6, [70, 300, 32, 32]),
        Call::new(PLAIN, 1, [200, 600, 32, 16]),
        Call::new(Attention { causal: true, ..PLAIN }, 2, [300, 300, 32, 32]),
    ];
    for call in calls {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| call.run(false))
        };
        let one = with(1);
        for threads in [2, 3, 8] {
            assert!(with(threads) == one, "{threads} threads");
        }
    }
}

#[test]
fn what_is_not_read_adds_nothing() {
    let mut call = Call::new(Attention { mask: true, ..PLAIN }, 1, [70, 300, 4, 4]);
    // the last key is read by nobody
    call.data[3].chunks_mut(300).for_each(|row| row[299] = -1.0);
    let clean = call.run(false);
    for part in [1, 2] {
        let end = call.data[part].len();
        call.data[part][end - 4..].fill(f32::NAN);
    }
    let spoiled = call.run(false);
    for (got, want) in spoiled.0.iter().chain(&spoiled.1).zip(clean.0.iter().chain(&clean.1)) {
        assert!((got - want).abs() <= 3e-6 * want.abs().max(1.0), "{got} for {want}");
    }
}

#[test]
fn what_does_not_fit_is_an_error() {
    let host = Host::new();
    let (data, words) = (Storage::F32(vec![0.0; 12]), Storage::I32(vec![0; 12]));
    let (a, b) = (Layout::contiguous([3, 4]), Layout::contiguous([4, 3]));
    let of = |views: &[View<'_>], kind| attention(&host, views, kind).is_err();
    let x = View::new(&data, &a);
    assert!(!of(&[x, x, x], PLAIN));
    assert!(of(&[x, x], PLAIN));
    assert!(of(&[x, View::new(&data, &b), x], PLAIN));
    assert!(of(&[x, x, View::new(&words, &a)], PLAIN));
    assert!(of(&[View::new(&words, &a); 3], PLAIN));
    assert!(of(&[x, x, x], Attention { mask: true, ..PLAIN }));
    let outside = Layout { offset: 4, ..a.clone() };
    assert!(of(&[x, x, View::new(&data, &outside)], PLAIN));
    assert!(attention_gradient(&host, &[x, x, x, x, x], PLAIN).is_err());
}
