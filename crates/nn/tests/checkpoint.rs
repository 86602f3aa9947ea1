//! Safetensors files: round trips, and one clear error for each way to be wrong.
#![allow(clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::PathBuf;

use anygrad_graph::{DType, Device, Tensor, f16};
use anygrad_nn::*;
use common::tensor;
use safetensors::SafeTensors;

/// A folder of this test that is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("anygrad-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Model {
    params: Params,
    layers: Sequential,
}

fn model(seed: u64) -> Model {
    let params = Params::new(&Device::cpu(), seed);
    let layers = Sequential::new()
        .then(Linear::new(params.at("fc1"), 3, 4))
        .then(BatchNorm1d::new(params.at("norm"), 4))
        .then(tanh)
        .then(Linear::new(params.at("fc2"), 4, 1));
    Model { params, layers }
}

impl Model {
    fn step(&self) {
        let x = tensor(&[0.5, -1.0, 2.0, 1.0, 0.0, -0.5], [2, 3]);
        let loss = mse(&self.layers.forward(&x, &mut Ctx::train(0)), &tensor(&[1.0, -1.0], [2, 1]));
        AdamW::default().step(&self.params, self.params.grad(&loss), 0.05).unwrap();
    }

    fn bits(&self) -> Vec<(String, Vec<u8>)> {
        let read = |t: &Tensor| match t.to_vec::<f32>() {
            Ok(values) => values.iter().flat_map(|x| x.to_bits().to_le_bytes()).collect(),
            Err(_) => t.to_vec::<i32>().unwrap().iter().flat_map(|x| x.to_le_bytes()).collect(),
        };
        let all = self.params.iter().chain(self.params.state());
        all.map(|entry| (entry.path.to_string(), read(&entry.tensor))).collect()
    }
}

#[test]
fn training_goes_on_with_the_same_bits_from_a_checkpoint_with_state() {
    let folder = Folder::new("resume");
    let file = folder.file("state.safetensors");
    let through = model(1);
    (0..3).for_each(|_| through.step());
    through.params.save_with_state(&file).unwrap();
    let resumed = model(2);
    resumed.params.load(&file).unwrap();
    assert_eq!(resumed.bits(), through.bits());
    for _ in 0..3 {
        through.step();
        resumed.step();
    }
    assert_eq!(resumed.bits(), through.bits());
    // nothing but the file is left behind
    let names: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["state.safetensors"]);
}

#[test]
fn files_have_pytorchs_names_and_types() {
    let folder = Folder::new("names");
    let file = folder.file("model.safetensors");
    let model = model(1);
    model.step();
    model.params.save(&file).unwrap();
    let bytes = fs::read(&file).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut names = tensors.names();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "fc1.bias",
            "fc1.weight",
            "fc2.bias",
            "fc2.weight",
            "norm.bias",
            "norm.num_batches_tracked",
            "norm.running_mean",
            "norm.running_var",
            "norm.weight"
        ]
    );
    let tracked = tensors.tensor("norm.num_batches_tracked").unwrap();
    assert_eq!((tracked.dtype(), tracked.shape()), (safetensors::Dtype::I64, &[][..]));
    assert_eq!(tracked.data(), 1i64.to_le_bytes());
    assert_eq!(tensors.tensor("fc1.weight").unwrap().shape(), [4, 3]);
}

/// A file of some tensors, each f32 zeros of a shape.
fn write(file: &PathBuf, entries: &[(&str, &[usize])]) {
    let data = vec![0u8; 4096];
    let views = entries.iter().map(|(name, shape)| {
        let bytes = 4 * shape.iter().product::<usize>();
        let view =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.to_vec(), &data[..bytes]);
        (*name, view.unwrap())
    });
    fs::write(file, safetensors::serialize(views, None).unwrap()).unwrap();
}

#[test]
fn a_wrong_file_gives_one_clear_error_and_changes_nothing() {
    let folder = Folder::new("wrong");
    let file = folder.file("x.safetensors");
    let params = Params::new(&Device::cpu(), 1);
    let _fc = Linear::new(params.at("fc"), 2, 3);
    let values =
        || [params.get("fc.weight"), params.get("fc.bias")].map(|t| t.unwrap().to_vec::<f32>().unwrap());
    let before = values();
    let error = || {
        let text = params.load(&file).unwrap_err().to_string();
        assert_eq!(values(), before, "{text}");
        text.replace(&file.display().to_string(), "FILE")
    };

    assert!(error().starts_with("FILE: cannot read: "));
    write(&file, &[("fc.weight", &[3, 2])]);
    assert_eq!(error(), "FILE: tensor fc.bias is missing");
    write(&file, &[("other", &[1])]);
    assert_eq!(error(), "FILE: tensor fc.weight is missing, and 1 more");
    write(&file, &[("fc.weight", &[3, 2]), ("fc.bias", &[3]), ("fc.scale", &[1])]);
    assert_eq!(error(), "FILE: tensor fc.scale is unexpected: the model has no such parameter");
    write(&file, &[("fc.weight", &[3, 2]), ("fc.bias", &[3]), ("optimizer.gone.weight.exp_avg", &[1])]);
    assert!(error().starts_with("FILE: tensor optimizer.gone.weight.exp_avg is unexpected"));
    write(&file, &[("fc.weight", &[3, 2]), ("fc.bias", &[3]), ("optimizer.fc.bias.exp_avg", &[2])]);
    assert_eq!(error(), "FILE: tensor optimizer.fc.bias.exp_avg has shape [2], the model's has [3]");
    write(&file, &[("fc.weight", &[2, 3]), ("fc.bias", &[3])]);
    assert_eq!(error(), "FILE: tensor fc.weight has shape [2, 3], the model's has [3, 2]");

    let double = Params::with_dtype(&Device::cpu(), 1, anygrad_graph::DType::F64);
    let _fc = Linear::new(double.at("fc"), 2, 3);
    double.save(&file).unwrap();
    assert_eq!(error(), "FILE: tensor fc.weight is F64, the model's is f32");

    params.save(&file).unwrap();
    let whole = fs::read(&file).unwrap();
    for length in 0..whole.len() {
        fs::write(&file, &whole[..length]).unwrap();
        let text = error();
        assert!(text.starts_with("FILE: not a whole safetensors file: "), "{length} bytes: {text}");
    }
    fs::write(&file, &whole).unwrap();
    params.load(&file).unwrap();
    assert_eq!(values(), before);
}

#[test]
fn a_file_that_cannot_be_written_is_an_error() {
    let folder = Folder::new("unwritable");
    let params = Params::new(&Device::cpu(), 1);
    let _fc = Linear::new(params.at("fc"), 2, 3);
    let text = params.save(folder.file("no/such/folder.safetensors")).unwrap_err().to_string();
    assert!(text.contains("folder.safetensors: cannot write: "), "{text}");
}

#[test]
fn halves_are_saved_as_halves_and_fill_a_model_in_f32_exactly() {
    let folder = Folder::new("half");
    let file = folder.file("half.safetensors");
    let halves = Params::with_dtype(&Device::cpu(), 3, DType::F16);
    let layer = Linear::new(halves.at("fc"), 3, 2);
    let weight = |params: &Params| params.iter().next().unwrap().tensor.clone();
    let x = Tensor::from_slice(&[0.5f32, -1.0, 2.0], [1, 3], &Device::cpu()).to_dtype(DType::F16);
    let y = layer.forward(&x, &mut Ctx::eval());
    assert_eq!((y.dtype(), weight(&halves).bytes()), (DType::F16, 12));
    halves.save(&file).unwrap();
    let bytes = fs::read(&file).unwrap();
    let stored = SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(stored.tensor("fc.weight").unwrap().dtype(), safetensors::Dtype::F16);
    let again = Params::with_dtype(&Device::cpu(), 4, DType::F16);
    Linear::new(again.at("fc"), 3, 2);
    again.load(&file).unwrap();
    assert_eq!(weight(&again).to_vec::<f16>().unwrap(), weight(&halves).to_vec::<f16>().unwrap());
    let singles = Params::new(&Device::cpu(), 5);
    Linear::new(singles.at("fc"), 3, 2);
    singles.load(&file).unwrap();
    let wide: Vec<f32> = weight(&halves).to_vec::<f16>().unwrap().into_iter().map(f32::from).collect();
    assert_eq!(weight(&singles).to_vec::<f32>().unwrap(), wide);
    // the other way would round in silence
    singles.save(&file).unwrap();
    assert!(again.load(&file).unwrap_err().to_string().contains("F32, the model's is f16"));
}
