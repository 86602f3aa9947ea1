//! Sizes beyond what can be counted, and beyond what a device has buffers for.

use anygrad_graph::{DType, Device, Options, Tensor, Window, einsum};

use crate::devices::{alone, gpus};

/// 70,000 elements, of which two axes are more than 2^32.
const LONG: usize = 70_000;
const HALF: usize = 1 << 31;

type Made = (&'static str, fn(&Device) -> Tensor);

fn long(device: &Device) -> Tensor {
    Tensor::zeros([LONG], device)
}

/// Each has more elements than 2^32, or than `usize` counts.
const TOO_MANY: &[Made] = &[
    ("zeros", |d| Tensor::zeros([1 << 33], d)),
    ("zeros, usize", |d| Tensor::zeros([usize::MAX, 2], d)),
    ("zeros, many axes", |d| Tensor::zeros([1 << 20; 20], d)),
    ("zeros beside an empty axis", |d| Tensor::zeros([0, usize::MAX, 3], d)),
    ("full", |d| Tensor::full([1 << 16, 1 << 17], 1.0, DType::Bool, d)),
    ("from_slice", |d| Tensor::from_slice(&[0u32; 2], [1 << 33, usize::MAX], d)),
    ("iota", |d| Tensor::iota(1 << 33, d)),
    ("iota, usize", |d| Tensor::iota(usize::MAX, d)),
    ("linspace", |d| Tensor::linspace(0.0, 1.0, 1 << 33, DType::F32, d)),
    ("logspace", |d| Tensor::logspace(0.0, 1.0, usize::MAX, 2.0, DType::F32, d)),
    ("eye", |d| Tensor::eye(LONG, LONG, DType::F32, d)),
    ("tri", |d| Tensor::tri(usize::MAX, 2, 0, DType::F32, d)),
    ("from_fn", |d| Tensor::from_fn([usize::MAX, 2], |_| 0.0f32, d)),
    ("expand", |d| Tensor::zeros([1], d).expand([1 << 33])),
    ("expand, usize", |d| Tensor::zeros([1, 1], d).expand([usize::MAX, usize::MAX])),
    ("reshape", |d| long(d).reshape([usize::MAX, usize::MAX])),
    ("unflatten", |d| long(d).unflatten(0, [usize::MAX, usize::MAX])),
    ("pad", |d| long(d).pad(&[(usize::MAX, 0)])),
    ("pad, u32", |d| long(d).pad(&[(HALF, HALF)])),
    ("pad_interior", |d| long(d).pad_interior(&[(0, 0, usize::MAX)])),
    ("pad_value", |d| long(d).pad_value(&[(1, usize::MAX - 1)], 1.0)),
    ("concat", |d| {
        let half = Tensor::zeros([HALF], d);
        Tensor::concat(&[&half, &half, &half], 0)
    }),
    ("stack", |d| {
        let half = Tensor::zeros([HALF], d);
        Tensor::stack(&[&half, &half, &half], 0)
    }),
    ("tile", |d| long(d).tile(&[LONG])),
    ("tile, usize", |d| long(d).tile(&[usize::MAX])),
    ("repeat_interleave", |d| long(d).repeat_interleave(0, usize::MAX)),
    ("diag_embed", |d| long(d).diag_embed(0)),
    ("one_hot", |d| Tensor::iota(LONG, d).one_hot(LONG)),
    ("one_hot, usize", |d| Tensor::iota(LONG, d).one_hot(usize::MAX)),
    ("add", |d| long(d).unsqueeze(1) + long(d)),
    ("outer", |d| long(d).outer(&long(d))),
    ("matmul", |d| long(d).unsqueeze(1).matmul(&long(d).unsqueeze(0))),
    ("matmul of batches", |d| Tensor::zeros([LONG, 1, 1, 1], d).matmul(&Tensor::zeros([LONG, 1, 1], d))),
    ("kron", |d| long(d).kron(&long(d))),
    ("einsum", |d| einsum("i,j->ij", &[&long(d), &long(d)])),
    ("tensordot", |d| long(d).tensordot(&long(d), &[], &[])),
    ("linear", |d| long(d).unsqueeze(1).linear(&long(d).unsqueeze(1), None)),
    ("conv2d", |d| Tensor::zeros([1, 1, 3, 3], d).conv2d(&Tensor::zeros([1, 1, 3, 3], d), 1, LONG)),
    ("conv2d, usize", |d| {
        Tensor::zeros([1, 1, 3, 3], d).conv2d(&Tensor::zeros([1, 1, 3, 3], d), 1, usize::MAX / 2)
    }),
    ("conv_transpose2d", |d| {
        Tensor::zeros([1, 1, 3, 3], d).conv_transpose2d(&Tensor::zeros([1, 1, 3, 3], d), usize::MAX, 0)
    }),
    ("scatter_add", |d| long(d).scatter_add(0, &Tensor::iota(LONG, d), usize::MAX)),
    ("index_select", |d| {
        Tensor::zeros([2, LONG], d).index_select(0, &Tensor::full([LONG], 0.0, DType::I32, d))
    }),
    ("unfold", |d| Tensor::zeros([1 << 20], d).unfold(0, 1 << 19, 1)),
    ("col2im", |d| Tensor::zeros([1, 1, 1], d).col2im(&[usize::MAX, usize::MAX], &Window::new(&[1, 1]))),
];

#[test]
fn a_shape_that_cannot_be_counted_is_an_error() {
    let check = |device: &Device| {
        let mut wrong = Vec::new();
        for (name, make) in TOO_MANY {
            match make(device).check() {
                Ok(t) => wrong.push(format!("{name}: {t:?}")),
                Err(error) if error.to_string().is_empty() => wrong.push(format!("{name}: says nothing")),
                Err(_) => {}
            }
        }
        assert!(wrong.is_empty(), "no error on {device} for\n{}", wrong.join("\n"));
    };
    check(&Device::cpu());
    if let Some((_, device)) = gpus().first() {
        alone(|| check(device));
    }
}

/// A device like the one under test whose kernels can bind a mebibyte.
fn small() -> Option<Device> {
    let options = Options::default().buffer_bytes(1 << 20);
    (!gpus().is_empty()).then(|| Device::open_with(0, &options).expect("a listed adapter opens"))
}

fn text(t: &Tensor) -> String {
    t.to_vec::<f32>().err().map_or_else(|| format!("no error, {t:?}"), |error| error.to_string())
}

/// 263,168 elements of which a row is in memory.
fn large(device: &Device) -> Tensor {
    Tensor::from_slice(&[0.5f32; 512], [512], device).expand([514, 512])
}

#[test]
fn a_result_beyond_the_buffers_of_a_gpu_is_an_error_that_names_the_call() {
    let Some(device) = small() else { return };
    alone(|| {
        // not held: a view that somebody holds gets memory of its own
        let (d, x) = (&device, || large(&device));
        let fits = Tensor::from_slice(&[0.5f32; 512], [512], d).expand([512, 512]).exp();
        assert_eq!(fits.to_vec::<f32>().unwrap().len(), 512 * 512);
        let index = Tensor::iota(514, d).to_dtype(DType::I32);
        let results: [(&str, Tensor); 12] = [
            ("exp", x().exp()),
            ("add", x().exp() + 1.0),
            ("matmul", x().slice(1, 0, 8).matmul(&x().slice(0, 0, 8))),
            ("concat", Tensor::concat(&[&x().slice(0, 0, 257), &x().slice(0, 0, 257)], 0)),
            ("pad", x().slice(0, 0, 512).pad(&[(1, 1), (0, 0)])),
            ("gather", x().index_select(0, &index)),
            ("sum", x().expand([2, 514, 512]).sum(&[0])),
            ("conv", x().reshape([1, 1, 514, 512]).conv2d(&Tensor::ones([1, 1, 1, 1], d), 1, 0)),
            ("max_index", x().reshape([1, 1, 514, 512]).max_pool2d(1, 1)),
            ("cumsum", x().cumsum(1)),
            ("sort", x().sort(1, false).0),
            ("eq", Tensor::iota(514, d).one_hot(512)),
        ];
        for (name, result) in &results {
            let said = text(result);
            assert!(said.contains("more than the 1048576 of this GPU"), "{name}: {said}");
            assert!(said.contains("[514, 512]") || !["exp", "add"].contains(name), "{name}: {said}");
            assert!(said.contains("at tests/ops/edges_sizes.rs:"), "{name}: {said}");
        }
        let said = text(&results[0].1);
        let exact =
            "exp: the result [514, 512] takes 1052672 bytes, more than the 1048576 of this GPU\n  at tests";
        assert!(said.starts_with(exact), "{said}");
        // what is not stored has no size, and the device goes on
        let sum = x().sum_all();
        assert_eq!(sum.item().unwrap(), 0.5 * 514.0 * 512.0);
    });
}

#[test]
fn an_upload_or_a_temporary_beyond_the_buffers_of_a_gpu_is_an_error() {
    let Some(device) = small() else { return };
    alone(|| {
        let host = vec![0.0f32; 514 * 512];
        let said = text(&Tensor::from_slice(&host, [514, 512], &device));
        assert!(said.starts_with("from_slice: [514, 512] for a buffer: 1052672 is more than"), "{said}");
        assert!(said.contains("at tests/ops/edges_sizes.rs:"), "{said}");
        let said = text(&Tensor::from_slice(&host, [514, 512], &Device::cpu()).to(&device));
        assert!(said.starts_with("to: [514, 512] for a buffer: 1052672 is more than"), "{said}");
        // stored on the way to a small result
        let product = large(&device).exp().matmul(&Tensor::ones([512, 1], &device));
        let said = text(&product);
        assert!(said.starts_with("exp: the result [514, 512] takes 1052672 bytes"), "{said}");
        // sums of more than 49,152 products are split on every adapter, and the 7 parts lie side by side
        let row = Tensor::from_slice(&[0.5f32; 256], [256, 1], &device).expand([256, 300_000]);
        let product = row.matmul(&row.t());
        drop(row);
        let said = text(&product);
        assert!(said.starts_with("matmul: takes 1835008 bytes in between, more than the 1048576"), "{said}");
        assert!(said.contains("at tests/ops/edges_sizes.rs:"), "{said}");
    });
}
