//! Models by name: their parameter counts, what they can learn, and how few dispatches an optimizer's step takes.
#![allow(clippy::unwrap_used)]

mod common;

use anygrad_graph::{DType, Device, Tensor, explain, grad};
use anygrad_nn::models::*;
use anygrad_nn::*;
use common::devices::gpu;
use common::{close, tensor, values};

fn count(build: impl FnOnce(ParamPath)) -> usize {
    let params = Params::new(&Device::cpu(), 1);
    build(params.at(""));
    params.check().unwrap();
    params.count()
}

#[test]
fn parameter_counts_are_those_of_torchvision() {
    assert_eq!(count(|path| drop(lenet(path, 10))), 61_706);
    assert_eq!(count(|path| drop(mlp(path, &[784, 512, 10], relu))), 407_050);
    assert_eq!(count(|path| drop(ResNet::resnet18(path, 1000))), 11_689_512);
    assert_eq!(count(|path| drop(ResNet::resnet34(path, 1000))), 21_797_672);
    assert_eq!(count(|path| drop(ResNet::resnet50(path, 1000))), 25_557_032);
    // the classifiers are large; with few classes and hidden units the convolutions are left
    let convolutions = 2_469_696;
    let hidden = 9216 * 4096 + 4096 + 4096 * 4096 + 4096;
    assert_eq!(count(|path| drop(alexnet(path, 3))), convolutions + hidden + 4096 * 3 + 3);
    // 61,100,840 with 1,000 classes
    assert_eq!(convolutions + hidden + 4096 * 1000 + 1000, 61_100_840);
    let vgg16 = [(2, 64), (2, 128), (3, 256), (3, 512), (3, 512)];
    let convolutions = 14_714_688;
    assert_eq!(
        count(|path| drop(vgg(path, &vgg16, 8, 3))),
        convolutions + 25088 * 8 + 8 + 8 * 8 + 8 + 8 * 3 + 3
    );
    let hidden = 25088 * 4096 + 4096 + 4096 * 4096 + 4096;
    assert_eq!(convolutions + hidden + 4096 * 1000 + 1000, 138_357_544);
    // inception (3a): the paper gives 159 k weights
    let channels = InceptionChannels { one: 64, three: [96, 128], five: [16, 32], pool: 32 };
    let weights = 192 * (64 + 96 + 16 + 32) + 96 * 128 * 9 + 16 * 32 * 25;
    assert_eq!(
        count(|path| drop(inception_block(path, 192, channels))),
        weights + 64 + 96 + 128 + 16 + 32 + 32
    );
}

#[test]
fn a_resnet18_has_62_parameters_with_the_names_of_torchvision() {
    let params = Params::new(&Device::cpu(), 1);
    let settings = ResNet { width: 2, ..ResNet::default() };
    let model = ResNet::new(params.at(""), [2, 2, 2, 2], 1000, settings);
    let trained: Vec<_> = params.iter().filter(|entry| entry.kind == Kind::Parameter).collect();
    assert_eq!(trained.len(), 62);
    for name in [
        "conv1.weight",
        "bn1.bias",
        "layer1.0.conv1.weight",
        "layer2.0.downsample.0.weight",
        "layer2.0.downsample.1.running_mean",
        "layer4.1.bn2.num_batches_tracked",
        "fc.weight",
        "fc.bias",
    ] {
        assert!(params.get(name).is_some(), "{name}");
    }
    assert!(params.get("layer1.0.downsample.0.weight").is_none());
    let y = model.forward(&Tensor::zeros([1, 3, 65, 64], &Device::cpu()), &mut Ctx::eval());
    assert_eq!(y.shape()[..], [1, 1000]);
}

#[test]
fn a_block_whose_function_is_zero_is_the_identity_before_the_relu() {
    let params = Params::new(&Device::cpu(), 1);
    let block = basic_block(params.at("b"), 3, 3, 1);
    params.set("b.bn2.weight", &Tensor::zeros([3], &Device::cpu())).unwrap();
    let x = tensor(&(0..3 * 20).map(|i| i as f32 / 7.0).collect::<Vec<_>>(), [1, 3, 4, 5]);
    let y = block.forward(&x, &mut Ctx::eval());
    assert_eq!(values(&y), values(&x));
    // and the gradient of the input is that of the output
    let dx = grad(&block.forward(&x, &mut Ctx::eval()).sum_all(), &[&x]).remove(0);
    assert_eq!(values(&dx)[1..], vec![1.0; 59]);
}

#[test]
fn a_residual_mlp_of_two_hundred_layers_is_differentiated() {
    let params = Params::new(&Device::cpu(), 1);
    let model = (0..200).fold(Sequential::new(), |model, n| {
        let fc =
            Linear::new(params.at(format!("{n}")), 4, 4).init(Init::Normal { mean: 0.0, deviation: 0.02 });
        model.then(Residual::new(Sequential::new().then(fc).then(tanh)))
    });
    let loss = mse(
        &model.forward(&Tensor::ones([2, 4], &Device::cpu()), &mut Ctx::train(1)),
        &Tensor::zeros([2, 4], &Device::cpu()),
    );
    let gradients = params.grad(&loss);
    let norm = gradients.norm();
    Sgd::default().step(&params, gradients, 1e-3).unwrap();
    let norm = norm.item().unwrap();
    assert!(norm.is_finite() && norm > 0.1, "{norm}");
}

#[test]
fn the_perceptron_learns_what_a_line_separates() {
    let x = [0.0f32, 0.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0];
    let learn = |device: &Device, targets: [f32; 4]| {
        let params = Params::new(device, 1);
        let gate = Perceptron::new(params.at(""), 2);
        let x = Tensor::from_slice(&x, [4, 2], device);
        let t = Tensor::from_slice(&targets, [4], device);
        let epochs = gate.fit(&x, &t, 1.0, 50).unwrap();
        let right =
            gate.predict(&x).to_vec::<f32>().unwrap().iter().zip(targets).filter(|(y, t)| *y == t).count();
        (epochs, right)
    };
    for device in std::iter::once(Device::cpu()).chain(gpu()) {
        for targets in [[0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0]] {
            let (epochs, right) = learn(&device, targets);
            assert!(epochs.is_some_and(|epochs| epochs < 50) && right == 4, "{targets:?}");
        }
        let (epochs, right) = learn(&device, [0.0, 1.0, 1.0, 0.0]);
        assert!(epochs.is_none() && right < 4, "no line separates XOR");
    }
    let params = Params::new(&Device::cpu(), 1);
    let gate = Perceptron::new(params.at(""), 2);
    let error = |x: &Tensor, t: &Tensor, rate: f64| gate.fit(x, t, rate, 1).unwrap_err().to_string();
    let (x, t) = (tensor(&x, [4, 2]), tensor(&[0.0; 4], [4]));
    assert!(error(&x, &tensor(&[0.0; 3], [3]), 0.1).contains("input [4, 2], targets [3]"));
    assert!(error(&x, &tensor(&[0.0, 1.0, 2.0, 1.0], [4]), 0.1).contains("a target is 2"));
    assert!(error(&x, &t, 0.0).contains("the rate is 0"));
}

#[test]
fn gradient_descent_reaches_the_closed_form_of_linear_regression() {
    for device in std::iter::once(Device::cpu()).chain(gpu()) {
        let (n, inputs, outputs) = (40usize, 3usize, 2usize);
        let draw = |i: usize, k: usize| ((i * 37 + k * 101) % 53) as f32 / 26.0 - 1.0;
        let x: Vec<f32> = (0..n * inputs).map(|i| draw(i, 1)).collect();
        let y: Vec<f32> =
            (0..n * outputs).map(|i| draw(i, 2) + x[i / outputs * inputs] * 3.0 + 5.0).collect();
        let x = Tensor::from_slice(&x, [n, inputs], &device);
        let y = Tensor::from_slice(&y, [n, outputs], &device);
        let params = Params::new(&device, 3);
        let closed = LinearRegression::new(params.at("closed"), inputs, outputs);
        closed.fit(&x, &y, 0.0).unwrap();
        let descended = Params::new(&device, 3);
        let fc = Linear::new(descended.at("closed"), inputs, outputs);
        for _ in 0..600 {
            let loss = mse(&fc.forward(&x, &mut Ctx::eval()), &y);
            Sgd::default().step(&descended, descended.grad(&loss), 0.5).unwrap();
        }
        for name in ["closed.weight", "closed.bias"] {
            close(name, &values(&descended.get(name).unwrap()), &values(&params.get(name).unwrap()), 1e-4);
        }
    }
    // inputs that depend on each other have no one answer, but with a ridge
    let params = Params::new(&Device::cpu(), 3);
    let model = LinearRegression::new(params.at(""), 2, 1);
    let (x, y) = (tensor(&[1.0, 2.0, 2.0, 4.0, 3.0, 6.0], [3, 2]), tensor(&[1.0, 2.0, 3.0], [3, 1]));
    assert!(model.fit(&x, &y, 0.0).is_err());
    model.fit(&x, &y, 1e-6).unwrap();
    close("prediction", &values(&model.forward(&x, &mut Ctx::eval())), &[1.0, 2.0, 3.0], 1e-4);
    let error = model.fit(&x, &tensor(&[1.0; 3], [3]), 0.0).unwrap_err().to_string();
    assert!(error.contains("targets [3]"), "{error}");
}

#[test]
fn a_step_of_adam_over_resnet18_takes_four_dispatches() {
    let Some(gpu) = gpu() else { return };
    let params = Params::new(&gpu, 1);
    // so small that a software adapter updates all of it together as well
    let settings = ResNet { width: 1, small_images: true, ..ResNet::default() };
    let model = ResNet::new(params.at(""), [2, 2, 2, 2], 10, settings);
    assert_eq!(params.iter().filter(|entry| entry.kind == Kind::Parameter).count(), 62);
    let pixels: Vec<f32> = (0..2 * 3 * 256).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
    let x = Tensor::from_slice(&pixels, [2, 3, 16, 16], &gpu);
    let labels = Tensor::from_slice(&[3u32, 7], [2], &gpu);
    let mut seen = Vec::new();
    for _ in 0..3 {
        let before = gpu.stats();
        let loss = cross_entropy(&model.forward(&x, &mut Ctx::train(1)), &labels);
        AdamW::default().apply(&params, params.grad(&loss), 1e-3).unwrap();
        let roots: Vec<Tensor> = params.iter().chain(params.state()).map(|entry| entry.tensor).collect();
        let kernels = explain(&roots.iter().collect::<Vec<_>>()).unwrap().kernels;
        drop(roots);
        params.eval(&[&loss]).unwrap();
        assert!(loss.item().unwrap().is_finite());
        // nothing but AdamW takes a root and then overwrites
        let updates = kernels.iter().filter(|kernel| kernel.ops.contains(&"sqrt") && kernel.in_place > 0);
        seen.push((
            kernels.len(),
            updates.clone().count(),
            updates.map(|kernel| kernel.in_place).sum::<usize>(),
        ));
        let misses = gpu.stats().plan_misses - before.plan_misses;
        assert!(
            misses <= 2 - u64::from(seen.len() > 1) * 2,
            "one plan, and that of what explain was asked: {misses}"
        );
    }
    let (kernels, updates, in_place) = seen[0];
    let line = format!(
        "\n{gpu}: a step of AdamW over ResNet-18: {updates} of {kernels} kernels update its 62 parameters\n"
    );
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
    // where an adapter binds 32 buffers, as lavapipe does
    assert!(seen.iter().all(|&(_, updates, _)| updates <= 4), "{seen:?}");
    // each parameter and its two averages
    assert_eq!(in_place, 3 * 62, "{seen:?}");
    assert_eq!(params.dtype(), DType::F32);
}

#[test]
fn a_gradient_is_whole_whatever_was_read_before_the_first_step() {
    let run = |device: &Device| {
        let params = Params::new(device, 1);
        let fc = Linear::new(params.at("fc"), 3, 2);
        let embedding = Embedding::new(params.at("words"), 4, 3).padding(0);
        let words = Tensor::from_slice(&[1u32, 3, 0], [3], device);
        let mut ends = Vec::new();
        for _ in 0..3 {
            // a penalty that comes first, and a parameter that is read by its path
            let penalty =
                Penalty::l2("*.weight", 0.1).of(&params) + params.get("fc.bias").unwrap().square().sum_all();
            let x = embedding.forward(&words, &mut Ctx::train(1));
            let loss = penalty + fc.forward(&x, &mut Ctx::train(1)).square().mean_all();
            AdamW::default().step(&params, params.grad(&loss), 0.1).unwrap();
            ends.push(loss.item_f64().unwrap());
        }
        // loaded values are trained on alike
        let snapshot = params.snapshot().unwrap();
        params.restore(&snapshot).unwrap();
        ends.extend(params.iter().flat_map(|entry| values(&entry.tensor)));
        ends
    };
    let expected = run(&Device::cpu());
    if let Some(gpu) = gpu() {
        close("parameters", &run(&gpu), &expected, 1e-4);
    }
}
