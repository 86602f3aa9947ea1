//! Whole training steps.

use candle_core::backprop::GradStore;
use candle_core::{D, DType, Device, Module, ModuleT, Result, Tensor, Var};
use candle_nn::rnn::{LSTMConfig, RNN};
use candle_nn::{
    AdamW, BatchNorm, Conv2d, Conv2dConfig, Dropout, LayerNorm, Linear, Optimizer, ParamsAdamW, SGD,
    VarBuilder, VarMap, batch_norm, conv2d, conv2d_no_bias, linear, loss, ops,
};

pub type Run = Box<dyn FnMut() -> Result<()>>;

/// The training step, or none of that name.
pub fn step(name: &str) -> Result<Option<Run>> {
    let map = VarMap::new();
    let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    Ok(Some(match name {
        "MLP" => {
            let layers =
                [linear(784, 512, vb.pp(0))?, linear(512, 512, vb.pp(1))?, linear(512, 10, vb.pp(2))?];
            classify(&map, adam, &[128, 784], move |x| {
                let x = layers[1].forward(&layers[0].forward(x)?.relu()?)?.relu()?;
                layers[2].forward(&x)
            })?
        }
        "LeNet" => {
            let padded = Conv2dConfig { padding: 2, ..Conv2dConfig::default() };
            let convs =
                [conv2d(1, 6, 5, padded, vb.pp(0))?, conv2d(6, 16, 5, Conv2dConfig::default(), vb.pp(1))?];
            let layers = [linear(400, 120, vb.pp(2))?, linear(120, 84, vb.pp(3))?, linear(84, 10, vb.pp(4))?];
            classify(&map, momentum, &[64, 1, 28, 28], move |x| {
                let x = convs[0].forward(x)?.relu()?.max_pool2d(2)?;
                let x = convs[1].forward(&x)?.relu()?.max_pool2d(2)?.flatten_from(1)?;
                let x = layers[1].forward(&layers[0].forward(&x)?.relu()?)?.relu()?;
                layers[2].forward(&x)
            })?
        }
        "ResNet-18" => resnet(&map, vb)?,
        "LSTM" => {
            let lstm = candle_nn::lstm(64, 128, LSTMConfig::default(), vb.pp("lstm"))?;
            let out = linear(128, 10, vb.pp("out"))?;
            let sgd = |vars| Box::new(SGD::new(vars, 1e-3).expect("SGD")) as Box<dyn Update>;
            classify(&map, sgd, &[32, 50, 64], move |x| match lstm.seq(x)?.last() {
                Some(state) => out.forward(state.h()),
                None => candle_core::bail!("no steps"),
            })?
        }
        "Transformer" => {
            let layers = [EncoderLayer::new(vb.pp(0))?, EncoderLayer::new(vb.pp(1))?];
            let out = linear(128, 10, vb.pp("out"))?;
            classify(&map, adam, &[16, 64, 128], move |x| {
                out.forward(&layers[1].forward(&layers[0].forward(x)?)?.mean(1)?)
            })?
        }
        "2-16-1" => {
            let layers = [linear(2, 16, vb.pp(0))?, linear(16, 1, vb.pp(1))?];
            let x = Tensor::new(&[[0f32, 0.], [0., 1.], [1., 0.], [1., 1.]], &Device::Cpu)?;
            let y = Tensor::new(&[[0f32], [1.], [1.], [0.]], &Device::Cpu)?;
            let mut sgd = SGD::new(map.all_vars(), 0.1)?;
            Box::new(move || {
                let y_hat = layers[1].forward(&layers[0].forward(&x)?.tanh()?)?;
                sgd.step(&loss::mse(&y_hat, &y)?.backward()?)
            })
        }
        _ => return Ok(None),
    }))
}

/// What an optimizer does with gradients.
trait Update {
    fn update(&mut self, gradients: &GradStore) -> Result<()>;
}

impl<O: Optimizer> Update for O {
    fn update(&mut self, gradients: &GradStore) -> Result<()> {
        self.step(gradients)
    }
}

/// SGD with momentum 0.9, as PyTorch computes it.
struct Momentum(Vec<(Var, Option<Tensor>)>);

impl Update for Momentum {
    fn update(&mut self, gradients: &GradStore) -> Result<()> {
        for (var, velocity) in &mut self.0 {
            let Some(gradient) = gradients.get(var) else { continue };
            let next = match velocity {
                Some(velocity) => ((&*velocity * 0.9)? + gradient)?,
                None => gradient.clone(),
            };
            var.set(&var.sub(&(&next * 1e-3)?)?)?;
            *velocity = Some(next.detach());
        }
        Ok(())
    }
}

fn momentum(vars: Vec<Var>) -> Box<dyn Update> {
    Box::new(Momentum(vars.into_iter().map(|var| (var, None)).collect()))
}

fn adam(vars: Vec<Var>) -> Box<dyn Update> {
    let settings = ParamsAdamW { weight_decay: 0.0, ..ParamsAdamW::default() };
    Box::new(AdamW::new(vars, settings).expect("Adam"))
}

fn classify(
    map: &VarMap,
    optimizer: impl Fn(Vec<Var>) -> Box<dyn Update>,
    shape: &[usize],
    model: impl Fn(&Tensor) -> Result<Tensor> + 'static,
) -> Result<Run> {
    let mut optimizer = optimizer(map.all_vars());
    let x = Tensor::rand(0f32, 1.0, shape, &Device::Cpu)?;
    let classes: Vec<u32> = (0..shape[0] as u32).map(|i| i % 10).collect();
    let labels = Tensor::new(classes, &Device::Cpu)?;
    Ok(Box::new(move || {
        let loss = loss::cross_entropy(&model(&x)?, &labels)?;
        optimizer.update(&loss.backward()?)
    }))
}

fn conv(
    inputs: usize,
    outputs: usize,
    kernel: usize,
    stride: usize,
    vb: VarBuilder,
) -> Result<(Conv2d, BatchNorm)> {
    let config = Conv2dConfig { padding: kernel / 2, stride, ..Conv2dConfig::default() };
    Ok((
        conv2d_no_bias(inputs, outputs, kernel, config, vb.pp("conv"))?,
        batch_norm(outputs, 1e-5, vb.pp("bn"))?,
    ))
}

fn apply((conv, norm): &(Conv2d, BatchNorm), x: &Tensor) -> Result<Tensor> {
    norm.forward_t(&conv.forward(x)?, true)
}

struct Block {
    first: (Conv2d, BatchNorm),
    second: (Conv2d, BatchNorm),
    shortcut: Option<(Conv2d, BatchNorm)>,
}

impl Block {
    fn new(inputs: usize, channels: usize, stride: usize, vb: VarBuilder) -> Result<Self> {
        let shortcut =
            (stride != 1 || inputs != channels).then(|| conv(inputs, channels, 1, stride, vb.pp(2)));
        Ok(Self {
            first: conv(inputs, channels, 3, stride, vb.pp(0))?,
            second: conv(channels, channels, 3, 1, vb.pp(1))?,
            shortcut: shortcut.transpose()?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = apply(&self.second, &apply(&self.first, x)?.relu()?)?;
        let residual = self.shortcut.as_ref().map_or(Ok(x.clone()), |shortcut| apply(shortcut, x))?;
        (y + residual)?.relu()
    }
}

fn resnet(map: &VarMap, vb: VarBuilder) -> Result<Run> {
    let stem = conv(3, 64, 3, 1, vb.pp("stem"))?;
    let mut blocks = Vec::new();
    let mut inputs = 64;
    for (stage, channels) in [64, 128, 256, 512].into_iter().enumerate() {
        let stride = if stage == 0 { 1 } else { 2 };
        blocks.push(Block::new(inputs, channels, stride, vb.pp(blocks.len()))?);
        blocks.push(Block::new(channels, channels, 1, vb.pp(blocks.len()))?);
        inputs = channels;
    }
    let out = linear(512, 10, vb.pp("out"))?;
    classify(map, momentum, &[16, 3, 32, 32], move |x| {
        let x = blocks.iter().try_fold(apply(&stem, x)?.relu()?, |x, block| block.forward(&x))?;
        out.forward(&x.mean((2, 3))?)
    })
}

/// A layer of an encoder, with ReLU and a dropout of 0.1 in the places where PyTorch has it. The fused softmax and layer
/// norm of Candle have no gradients; these are the ones that its training examples use.
struct EncoderLayer {
    projections: [Linear; 4],
    feed: [Linear; 2],
    norms: [(Tensor, Tensor); 2],
    dropout: Dropout,
}

impl EncoderLayer {
    fn new(vb: VarBuilder) -> Result<Self> {
        let norm = |name: &str| -> Result<(Tensor, Tensor)> {
            let layer: LayerNorm = candle_nn::layer_norm(128, 1e-5, vb.pp(name))?;
            let bias = layer.bias().cloned().ok_or_else(|| candle_core::Error::Msg("no bias".into()))?;
            Ok((layer.weight().clone(), bias))
        };
        let projection = |name: &str| linear(128, 128, vb.pp(name));
        Ok(Self {
            projections: [projection("q")?, projection("k")?, projection("v")?, projection("o")?],
            feed: [linear(128, 512, vb.pp("up"))?, linear(512, 128, vb.pp("down"))?],
            norms: [norm("norm1")?, norm("norm2")?],
            dropout: Dropout::new(0.1),
        })
    }

    fn attention(&self, x: &Tensor) -> Result<Tensor> {
        let (n, t, d) = x.dims3()?;
        let heads =
            |layer: &Linear| layer.forward(x)?.reshape((n, t, 4, d / 4))?.transpose(1, 2)?.contiguous();
        let [q, k, v, out] = &self.projections;
        let scores = (heads(q)?.matmul(&heads(k)?.t()?)? / (d as f64 / 4.0).sqrt())?;
        let weights = self.dropout.forward(&ops::softmax(&scores, D::Minus1)?, true)?;
        out.forward(&weights.matmul(&heads(v)?)?.transpose(1, 2)?.reshape((n, t, d))?)
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let norm =
            |x: Tensor, (weight, bias): &(Tensor, Tensor)| ops::layer_norm_slow(&x, weight, bias, 1e-5);
        let x = norm((x + self.dropout.forward(&self.attention(x)?, true)?)?, &self.norms[0])?;
        let inside = self.dropout.forward(&self.feed[0].forward(&x)?.relu()?, true)?;
        let y = self.dropout.forward(&self.feed[1].forward(&inside)?, true)?;
        norm((x + y)?, &self.norms[1])
    }
}
