//! Safetensors files: round trips, and one clear error for each way to be wrong.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::BTreeMap;
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

fn notes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

#[test]
fn a_checkpoint_makes_the_store_what_it_was() {
    let folder = Folder::new("exact");
    let file = folder.file("run.safetensors");
    let through = model(1);
    (0..3).for_each(|_| through.step());
    through.params.freeze("fc1.bias").unwrap();
    let checkpoint = Checkpoint {
        notes: notes(&[("epoch", "3"), ("text", "\"quotes\", \n lines and \u{1F600}")]),
        tensors: BTreeMap::from([
            ("sums.loss".to_owned(), tensor(&[f32::NAN, -0.0, 1e-45], [3])),
            ("sums.correct".to_owned(), Tensor::from_slice(&[u32::MAX, 7], [2], &Device::cpu())),
            ("half".to_owned(), Tensor::from_slice(&[f16::from_f32(0.1)], [], &Device::cpu())),
            ("none".to_owned(), Tensor::from_slice::<i32>(&[], [0, 4], &Device::cpu())),
        ]),
    };
    through.params.save_checkpoint(&file, &checkpoint).unwrap();
    assert_eq!(Checkpoint::read_notes(&file).unwrap(), checkpoint.notes);

    // a store that has gone another way: other values, counts, state and frozen parameters
    let resumed = model(2);
    (0..5).for_each(|_| resumed.step());
    let x = tensor(&[0.5, -1.0, 2.0, 1.0, 0.0, -0.5], [2, 3]);
    let loss = mse(&resumed.layers.forward(&x, &mut Ctx::train(0)), &tensor(&[1.0, -1.0], [2, 1]));
    Sgd { momentum: 0.9, ..Sgd::default() }.step(&resumed.params, resumed.params.grad(&loss), 0.1).unwrap();
    resumed.params.freeze("fc2.*").unwrap();
    let found = resumed.params.load_checkpoint(&file).unwrap();
    assert_eq!(resumed.bits(), through.bits());
    let frozen = |params: &Params| params.iter().map(|entry| entry.frozen).collect::<Vec<_>>();
    assert_eq!(frozen(&resumed.params), frozen(&through.params));
    assert_eq!(found.notes, checkpoint.notes);
    assert_eq!(found.tensors.keys().collect::<Vec<_>>(), ["half", "none", "sums.correct", "sums.loss"]);
    let bits =
        |tensor: &Tensor| tensor.to_vec::<f32>().unwrap().iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&found.tensors["sums.loss"]), bits(&checkpoint.tensors["sums.loss"]));
    assert_eq!(found.tensors["sums.correct"].to_vec::<u32>().unwrap(), [u32::MAX, 7]);
    assert_eq!(found.tensors["half"].to_vec::<f16>().unwrap(), [f16::from_f32(0.1)]);
    assert_eq!(found.tensors["none"].shape()[..], [0, 4]);
    for _ in 0..3 {
        through.step();
        resumed.step();
    }
    assert_eq!(resumed.bits(), through.bits());

    // the same store gives the same file, and load reads the model and its state from it
    resumed.params.load_checkpoint(&file).unwrap();
    let again = folder.file("again.safetensors");
    resumed.params.save_checkpoint(&again, &checkpoint).unwrap();
    assert!(fs::read(&again).unwrap() == fs::read(&file).unwrap());
    let loaded = model(3);
    loaded.params.load(&file).unwrap();
    assert_eq!(loaded.bits(), resumed.bits());

    // what is no checkpoint of training is said to be none
    through.params.save(&file).unwrap();
    let message = through.params.load_checkpoint(&file).unwrap_err().to_string();
    assert!(message.contains("not a checkpoint of training: it has no checksum or no version"), "{message}");
    let taken = Checkpoint { notes: notes(&[("crc32", "1")]), ..Checkpoint::default() };
    let message = through.params.save_checkpoint(&file, &taken).unwrap_err().to_string();
    assert!(message.contains("a note cannot be called \"crc32\""), "{message}");
    let entry = ("x".to_owned(), tensor(&[1.0], [1]));
    let params = Params::new(&Device::cpu(), 1);
    Linear::new(params.at("run"), 1, 1);
    let twice =
        Checkpoint { tensors: BTreeMap::from([("weight".to_owned(), entry.1)]), ..Checkpoint::default() };
    let message = params.save_checkpoint(&file, &twice).unwrap_err().to_string();
    assert!(message.contains("the name run.weight is used twice"), "{message}");
}

#[test]
fn a_checkpoint_that_is_damaged_anywhere_is_an_error_or_the_same_values() {
    let folder = Folder::new("damage");
    let file = folder.file("x.safetensors");
    let params = Params::new(&Device::cpu(), 1);
    let fc = Linear::new(params.at("fc"), 2, 1);
    let loss = fc.forward(&tensor(&[1.0, 2.0], [1, 2]), &mut Ctx::train(1)).sum_all();
    Sgd { momentum: 0.9, ..Sgd::default() }.step(&params, params.grad(&loss), 0.1).unwrap();
    let checkpoint = Checkpoint { notes: notes(&[("step", "1")]), ..Checkpoint::default() };
    params.save_checkpoint(&file, &checkpoint).unwrap();
    let whole = fs::read(&file).unwrap();
    let values = |params: &Params| {
        let all = params.iter().chain(params.state());
        all.map(|entry| (entry.path.to_string(), entry.tensor.to_vec::<f32>().unwrap())).collect::<Vec<_>>()
    };
    let before = values(&params);
    let check = |what: &str, bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        // as a checkpoint there is no way out of the checksum
        let text = params.load_checkpoint(&file).unwrap_err().to_string();
        assert!(text.starts_with(&file.display().to_string()), "{what}: {text}");
        if let Err(error) = params.load(&file) {
            assert!(error.to_string().starts_with(&file.display().to_string()), "{what}: {error}");
        }
        assert_eq!(values(&params), before, "{what}");
    };
    for length in 0..whole.len() {
        check(&format!("{length} bytes"), &whole[..length]);
    }
    let mut bytes = whole.clone();
    for at in 0..whole.len() {
        for flip in [0x20, 0x81] {
            bytes[at] ^= flip;
            check(&format!("byte {at} ^ {flip}"), &bytes);
            bytes[at] ^= flip;
        }
    }
    check("one more byte", &[&whole[..], &[0]].concat());
    fs::write(&file, &whole).unwrap();
    params.load_checkpoint(&file).unwrap();
}

#[test]
fn hostile_headers_are_errors() {
    let folder = Folder::new("hostile");
    let file = folder.file("x.safetensors");
    let params = Params::new(&Device::cpu(), 1);
    Linear::new(params.at("fc"), 2, 1);
    let error = |length: u64, header: &str| {
        fs::write(&file, [&length.to_le_bytes(), header.as_bytes()].concat()).unwrap();
        params.load(&file).unwrap_err().to_string().replace(&file.display().to_string(), "FILE")
    };
    let expected = "FILE: not a whole safetensors file: 8 bytes with a header of 18446744073709551615";
    assert_eq!(error(u64::MAX, ""), expected);
    assert!(error(99_999_999, "{}").contains("10 bytes with a header of 99999999"));
    let of = |header: &str| error(header.len() as u64, header);
    // sizes whose sum wraps around to the size of the file
    let huge = 2u64.pow(61) - 1;
    let entries = (0..9u64).map(|i| {
        let (from, to) = (u128::from(i) * u128::from(huge), (u128::from(i) + 1) * u128::from(huge));
        format!(r#""t{i}":{{"dtype":"U8","shape":[{huge}],"data_offsets":[{from},{to}]}}"#)
    });
    let entries: Vec<String> = entries.collect();
    for count in 1..9 {
        assert!(
            of(&format!("{{{}}}", entries[..count].join(","))).contains("ends behind the end of the file")
        );
    }
    assert!(of(&format!("{{{}}}", entries.join(","))).contains("not a whole safetensors file"));
    let deep = "[".repeat(100_000);
    assert!(of(&format!(r#"{{"__metadata__":{deep}"#)).contains("not a whole safetensors file"));
    assert!(
        of(r#"{"fc.weight":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#)
            .contains("not a whole safetensors file")
    );
    assert!(of("").contains("not a whole safetensors file"));
    assert!(of("[]").contains("not a whole safetensors file"));
    assert!(of("{}").contains("tensor fc.weight is missing, and 1 more"));
}

#[test]
fn what_fits_is_loaded_and_the_rest_is_reported() {
    let folder = Folder::new("matching");
    let file = folder.file("old.safetensors");
    let old = Params::new(&Device::cpu(), 1);
    Linear::new(old.at("body.fc"), 3, 4);
    Linear::new(old.at("head"), 4, 9);
    let _ = Linear::new(old.at("old_only"), 2, 2).bias(false);
    old.save_with_state(&file).unwrap();

    let new = Params::new(&Device::cpu(), 2);
    Linear::new(new.at("features.fc"), 3, 4);
    Linear::new(new.at("head"), 4, 2);
    let values = |params: &Params, path: &str| params.get(path).unwrap().to_vec::<f32>().unwrap();
    let before = values(&new, "head.weight");

    let renamed = Matching::new().rename("body.", "features.");
    let message = new.load_matching(&file, &renamed).unwrap_err().to_string();
    assert!(message.ends_with("tensor head.weight has shape [9, 4], the model's has [2, 4]"), "{message}");
    let message = new.copy_matching(&old, &renamed).unwrap_err().to_string();
    assert!(message.contains("copy: head.weight is f32 [2, 4], not f32 [9, 4]"), "{message}");
    assert_ne!(values(&new, "features.fc.weight"), values(&old, "body.fc.weight"));

    let expected = |matched: &Matched| {
        assert_eq!(matched.loaded, ["features.fc.weight", "features.fc.bias"]);
        assert_eq!(matched.unexpected, ["old_only.weight"]);
        assert_eq!((matched.missing.len(), matched.misshapen.len()), (0, 2));
        assert_eq!(values(&new, "features.fc.weight"), values(&old, "body.fc.weight"));
        assert_eq!(values(&new, "features.fc.bias"), values(&old, "body.fc.bias"));
        assert_eq!(values(&new, "head.weight"), before);
    };
    let matched = new.load_matching(&file, &renamed.clone().skip_misshapen()).unwrap();
    expected(&matched);
    assert!(
        matched.to_string().starts_with("2 loaded\n1 unexpected: old_only.weight\n2 misshapen: tensor head.")
    );
    expected(&new.copy_matching(&old, &renamed.clone().skip_misshapen()).unwrap());
    let matched = new.load_matching(&file, &renamed.clone().skip("head.*").skip("old*")).unwrap();
    assert_eq!(matched.missing, ["head.weight", "head.bias"]);
    assert!(matched.unexpected.is_empty());

    let message = new.load_matching(&file, &Matching::new().skip("head.*")).unwrap_err().to_string();
    assert!(
        message.contains("nothing fits the model: 0 loaded\n4 missing: features.fc.weight, "),
        "{message}"
    );
    let both = Matching::new().rename("body.fc", "x").rename("head", "x");
    let message = new.load_matching(&file, &both).unwrap_err().to_string();
    assert!(message.contains("tensors body.fc.bias and head.bias would both become x.bias"), "{message}");
}
