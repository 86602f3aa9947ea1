//! Choosing kernels by measuring: what is asked first, what is noted, what is found, and what a file keeps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test fails by panicking

mod common;

use anygrad_device::kernels::conv::conv;
use anygrad_device::kernels::matmul::matmul;
use anygrad_device::{Caps, Case, DeviceError, Gpu, Options};
use anygrad_layout::{Conv, DType, Layout};
use common::{bits, floats, gpu, noise, run};

fn product(m: usize, k: usize, n: usize) -> (Layout, Layout) {
    (Layout::contiguous([m, k]), Layout::contiguous([k, n]))
}

/// The cases that lowering notes.
fn cases(caps: &Caps, lower: impl FnOnce(&Caps)) -> Vec<Case> {
    caps.choices.listen();
    lower(caps);
    caps.choices.heard()
}

fn chosen((a, b): &(Layout, Layout), caps: &Caps) -> (&'static str, usize) {
    let lowered = matmul(a, b, DType::F32, caps, None).unwrap();
    (lowered.launches[0].variant, lowered.launches.len())
}

#[test]
fn what_was_measured_is_asked_first() {
    let caps = Caps::portable();
    let sizes = product(64, 512, 64);
    let usual = chosen(&sizes, &caps);
    let noted = cases(&caps, |caps| _ = chosen(&sizes, caps));
    let [case] = noted.as_slice() else { panic!("{noted:?}") };
    assert_eq!(case.to_string(), "matmul [64,512] [512,64]");
    caps.choices.set(case, "tiled_small/1");
    assert_eq!(chosen(&sizes, &caps), ("tiled_small", 1));
    caps.choices.set(case, "tiled_small/4");
    assert_eq!(chosen(&sizes, &caps), ("tiled_small_split", 2));
    // what is forced is not asked for, and other shapes have nothing to do with it
    let forced = matmul(&sizes.0, &sizes.1, DType::F32, &caps, Some("direct")).unwrap();
    assert_eq!(forced.launches[0].variant, "direct");
    assert_eq!(chosen(&product(64, 513, 64), &caps), chosen(&product(64, 513, 64), &Caps::portable()));
    // names of another version, and variants that this adapter cannot run
    for name in ["", "no such thing", "tiled_small/many", "tiled_small/", "lanes", "lanes/2"] {
        caps.choices.set(case, name);
        assert_eq!(chosen(&sizes, &caps), usual, "{name:?}");
    }
    caps.choices.set(case, "tiled_small/1");
    caps.choices.clear();
    assert_eq!(chosen(&sizes, &caps), usual);
}

#[test]
fn each_case_is_noted_once_and_only_while_somebody_listens() {
    let caps = Caps::portable();
    let (a, b) = product(8, 16, 24);
    let pair = |a: &Layout, b: &Layout, caps: &Caps| matmul(a, b, DType::F32, caps, None).map(drop).unwrap();
    pair(&a, &b, &caps);
    let geometry = Conv::new(2);
    let (x, w) = (Layout::contiguous([2, 3, 9, 9]), Layout::contiguous([4, 3, 3, 3]));
    let shifted = Layout { offset: 64, ..a.clone() };
    let noted = cases(&caps, |caps| {
        pair(&a, &b, caps);
        pair(&a, &b, caps);
        // kernels care for the place modulo four only
        pair(&shifted, &b, caps);
        pair(&Layout { offset: 1, ..a.clone() }, &b, caps);
        pair(&b.permute(&[1, 0]), &a.permute(&[1, 0]), caps);
        conv(&x, &w, &geometry, caps, None).unwrap();
        // integers have one kernel
        matmul(&a, &b, DType::I32, caps, None).unwrap();
    });
    let texts: Vec<String> = noted.iter().map(Case::to_string).collect();
    assert_eq!(
        texts,
        [
            "matmul [8,16] [16,24]",
            "matmul [8,16][16,1]+1 [16,24]",
            "matmul [24,16][1,24]+0 [16,8][1,16]+0",
            "conv2d [2,3,9,9] [4,3,3,3] stride [1, 1, 1] pad [0, 0, 0] [0, 0, 0] dilation [1, 1, 1] \
             input dilation [1, 1, 1] groups 1"
        ]
    );
    pair(&product(3, 3, 3).0, &product(3, 3, 3).1, &caps);
    assert!(caps.choices.heard().is_empty());
}

/// A device of the test's own, so that choices reach no other test.
fn own() -> Option<Gpu> {
    gpu()?;
    Some(Gpu::open(0, &Options::default().guard_bands(true)).unwrap())
}

#[test]
fn the_fastest_right_variant_is_taken_from_then_on() {
    let Some(gpu) = own() else { return };
    let sizes = [product(33, 700, 17), product(1, 64, 200), product(5, 3, 2)];
    let geometry = Conv { stride: [1, 2, 2], pad_lo: [0, 1, 1], pad_hi: [0, 1, 0], ..Conv::new(2) };
    let (x, w) = (Layout::contiguous([2, 6, 11, 9]), Layout::contiguous([7, 6, 3, 3]));
    let noted = cases(gpu.caps(), |caps| {
        sizes.iter().for_each(|sizes| _ = chosen(sizes, caps));
        conv(&x, &w, &geometry, caps, None).unwrap();
    });
    let tuning = gpu.tune(&noted).unwrap();
    assert_eq!(tuning.cases.len(), noted.len());
    assert!(tuning.flops > 0.0 && tuning.bytes > 0.0);
    for tuned in &tuning.cases {
        assert_eq!(tuned.wrong, [""; 0], "{tuned}");
        assert!(tuned.best.micros <= tuned.default.micros && tuned.best.micros > 0.0, "{tuned}");
        assert!(tuned.measured > 1 || tuned.share >= 0.8, "{tuned}");
        let again = tuned.case.lower(gpu.caps(), None).unwrap();
        let best = tuned.case.lower(gpu.caps(), Some(&tuned.best.variant));
        if tuned.best.variant != tuned.default.variant {
            let text = |lowered: &anygrad_device::Lowered| {
                lowered
                    .launches
                    .iter()
                    .map(|l| (l.source.clone(), l.params.clone(), l.grid))
                    .collect::<Vec<_>>()
            };
            assert_eq!(text(&again), text(&best.unwrap()), "{tuned}");
        }
        assert!(tuning.to_string().contains(&tuned.case.to_string()));
    }
    // the choices are this device's own
    assert!(Gpu::open(0, &Options::default()).unwrap().choices().entries().is_empty());
}

/// Whatever may be chosen gives the same numbers, also with the sum cut into any number of chunks.
#[test]
fn sums_cut_into_any_number_of_chunks_are_right() {
    let Some(gpu) = gpu() else { return };
    let (a, b) = product(9, 1000, 10);
    let (x, y) = (noise(1, a.numel()), noise(2, b.numel()));
    let of = |name: &str| {
        let lowered = matmul(&a, &b, DType::F32, gpu.caps(), Some(name))?;
        Ok(floats(&run(gpu, &lowered, &[&bits(&x), &bits(&y)], &[90], &[])[0]))
    };
    let plain = of("naive").unwrap();
    let mut forced = 0;
    for name in
        ["naive", "lanes", "lanes_flat", "lanes_narrow", "direct", "vector", "tiled_small", "tiled_large"]
    {
        for chunks in [0, 1, 2, 3, 7, 64, 5000] {
            match of(&format!("{name}/{chunks}")) {
                Ok(found) => {
                    let far = found.iter().zip(&plain).map(|(x, y)| (x - y).abs()).fold(0.0, f32::max);
                    assert!(far < 1e-4, "{name}/{chunks}: {far}");
                    forced += 1;
                }
                Err(DeviceError::Unsupported { .. }) => {}
                Err(error) => panic!("{name}/{chunks}: {error}"),
            }
        }
    }
    assert!(forced >= 28, "{forced}");
}

#[test]
fn a_file_keeps_what_was_chosen() {
    let Some(gpu) = own() else { return };
    let path =
        std::env::temp_dir().join(format!("anygrad-tuning-{}", std::process::id())).join("below/tuned.txt");
    let missing = gpu.load_choices(&path).unwrap_err().to_string();
    assert!(missing.contains("tuned.txt"), "{missing}");
    let sizes = product(64, 64, 64);
    let noted = cases(gpu.caps(), |caps| _ = chosen(&sizes, caps));
    gpu.choices().set(&noted[0], "tiled_medium/1");
    gpu.save_choices(&path).unwrap();
    let other = own().unwrap();
    assert_eq!(other.load_choices(&path).unwrap(), 1);
    assert_eq!(other.choices(), gpu.choices());
    assert_eq!(chosen(&sizes, other.caps()).0, "tiled_medium");
    // nothing is taken from a file that is not whole
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("medium", "large")).unwrap();
    let third = own().unwrap();
    let error = third.load_choices(&path).unwrap_err().to_string();
    assert!(error.contains("tune again") && third.choices().entries().is_empty(), "{error}");
    std::fs::remove_dir_all(path.parent().unwrap().parent().unwrap()).unwrap();
}
