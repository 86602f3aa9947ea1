//! Models whose files PyTorch loads as they are. This writes weights, inputs and outputs to the folder
//! `ANYGRAD_INTEROP_DIR`, for `tests/interop/torch_check.py` to load into PyTorch's modules; without that variable it
//! checks that what was written comes back and gives the same output.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use anygrad::nn::{
    AttentionMasks, Lstm, Merge, TransformerDecoder, TransformerDecoderLayer, TransformerEncoder,
    TransformerEncoderLayer,
};
use anygrad::prelude::*;

/// Where the files go; removed at the end unless the user named it.
struct Folder(PathBuf, bool);

impl Folder {
    fn new(name: &str) -> Self {
        let (path, keep) = match std::env::var_os("ANYGRAD_INTEROP_DIR") {
            Some(path) => (PathBuf::from(path), true),
            None => {
                let name = format!("anygrad-interop-{name}-{}", std::process::id());
                (std::env::temp_dir().join(name), false)
            }
        };
        std::fs::create_dir_all(&path).unwrap();
        Self(path, keep)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.1 {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

/// Numbers that differ, in ±1.
fn input(shape: &[usize], seed: u64) -> Tensor {
    Rng::new(seed).uniform(shape, &Device::cpu()) * 2.0 - 1.0
}

/// Writes the weights, the inputs and the output, and reads the weights into a second model.
fn exchange<M>(
    name: &str,
    build: impl Fn(&Params) -> M,
    inputs: &[(&str, Tensor)],
    prepare: impl Fn(&M, &Params),
    run: impl Fn(&M, &[Tensor]) -> Tensor,
) {
    let folder = Folder::new(name);
    let params = Params::new(&Device::cpu(), 7);
    let model = build(&params);
    prepare(&model, &params);
    let given: Vec<Tensor> = inputs.iter().map(|(_, x)| x.detached().unwrap()).collect();
    let y = run(&model, &given);
    let file = folder.0.join(format!("{name}.safetensors"));
    params.save(&file).unwrap();

    let data = Params::new(&Device::cpu(), 0);
    for (key, x) in inputs.iter().map(|(key, x)| (*key, x)).chain([("y", &y)]) {
        data.at("").buffer(key, x.shape(), DType::F32, Init::Zeros);
        data.set(key, x).unwrap();
    }
    data.save(folder.0.join(format!("{name}_data.safetensors"))).unwrap();

    let other = Params::new(&Device::cpu(), 8);
    let second = build(&other);
    let before = run(&second, &given);
    assert_ne!(before.to_vec::<f32>().unwrap(), y.to_vec::<f32>().unwrap(), "other weights, other output");
    other.load(&file).unwrap();
    assert_eq!(run(&second, &given).to_vec::<f32>().unwrap(), y.to_vec::<f32>().unwrap());
}

#[test]
fn a_stacked_bidirectional_lstm() {
    let build = |params: &Params| {
        let lstm = Lstm::new(params.at("lstm"), 6, 8).layers(2).bidirectional(Merge::Concat);
        Sequential::new().then(lstm.return_sequences(true)).then(Linear::new(params.at("fc"), 16, 5))
    };
    let x = [("x", input(&[3, 7, 6], 1))];
    exchange("lstm", build, &x, |_, _| {}, |model, x| model.forward(&x[0], &mut Ctx::eval()));
}

#[test]
fn a_transformer_with_encoder_and_decoder() {
    let build = |params: &Params| {
        let encoder = |path| TransformerEncoderLayer::new(path, 16, 4, 32);
        let decoder = |path| TransformerDecoderLayer::new(path, 16, 4, 32);
        let encoder = TransformerEncoder::new(params.at("encoder"), 2, encoder);
        (encoder, TransformerDecoder::new(params.at("decoder"), 2, decoder).final_norm())
    };
    let given = [("x", input(&[2, 6, 16], 2)), ("target", input(&[2, 4, 16], 3))];
    let run = |(encoder, decoder): &(TransformerEncoder, TransformerDecoder), given: &[Tensor]| {
        let mut ctx = Ctx::eval();
        let memory = encoder.forward(&given[0], &mut ctx);
        let causal = AttentionMasks { causal: true, ..AttentionMasks::default() };
        decoder.forward_with(&given[1], &memory, &causal, &AttentionMasks::default(), &mut ctx)
    };
    exchange("transformer", build, &given, |_, _| {}, run);
}

#[test]
fn a_convolutional_network_with_running_averages() {
    let build = |params: &Params| {
        Sequential::new()
            .then(Conv2d::new(params.at("conv1"), 3, 8, 3).padding(1))
            .then(BatchNorm2d::new(params.at("norm"), 8))
            .then(relu)
            .then(MaxPool2d::new(2))
            .then(Conv2d::new(params.at("conv2"), 8, 8, 3).stride(2).groups(2))
            .then(relu)
            .then(Flatten)
            .then(Linear::new(params.at("fc"), 72, 10))
    };
    let x = [("x", input(&[2, 3, 16, 16], 4))];
    // a batch in training mode moves the averages away from 0 and 1
    let prepare = |model: &Sequential, params: &Params| {
        let batch = input(&[4, 3, 16, 16], 5) * 2.0 + 1.0;
        model.forward(&batch, &mut Ctx::train(0)).check().unwrap();
        params.eval(&[]).unwrap();
    };
    exchange("cnn", build, &x, prepare, |model, x| model.forward(&x[0], &mut Ctx::eval()));
}
