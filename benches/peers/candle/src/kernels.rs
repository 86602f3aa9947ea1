//! The kernels of `workloads/rows.rs`.

use candle_core::{DType, Device, ModuleT as _, Result, Tensor};
use candle_nn::{VarBuilder, VarMap, ops};

use crate::steps::Run;

fn values(shape: &[usize]) -> Result<Tensor> {
    Tensor::rand(-0.5f32, 0.5, shape, &Device::Cpu)
}

/// The kernel, or none of that kind.
pub fn kernel(kind: &str, sizes: &[usize]) -> Result<Option<Run>> {
    Ok(Some(match (kind, sizes) {
        ("matmul" | "matmul_bt" | "matmul_at", &[b, m, k, n]) => {
            let batch = if b == 1 { vec![] } else { vec![b] };
            let matrix = |rows: usize, columns: usize| values(&[batch.as_slice(), &[rows, columns]].concat());
            let (a, b) = match kind {
                "matmul_bt" => (matrix(m, k)?, matrix(n, k)?.t()?),
                "matmul_at" => (matrix(k, m)?.t()?, matrix(k, n)?),
                _ => (matrix(m, k)?, matrix(k, n)?),
            };
            run(move || a.matmul(&b))
        }
        ("conv" | "conv_dx" | "conv_dw", &[n, c, h, w, o, k, stride, padding]) => {
            let (x, weight) = (values(&[n, c, h, w])?, values(&[o, c, k, k])?);
            let g = values(x.conv2d(&weight, padding, stride, 1, 1)?.dims())?;
            match kind {
                "conv" => run(move || x.conv2d(&weight, padding, stride, 1, 1)),
                // as its `backprop.rs` computes them
                "conv_dx" => {
                    let out = h - ((g.dim(2)? - 1) * stride + k - 2 * padding);
                    run(move || g.conv_transpose2d(&weight, padding, out, stride, 1))
                }
                _ => run(move || {
                    let (x, g) = (x.transpose(0, 1)?, g.transpose(0, 1)?);
                    let dw = x.conv2d(&g, padding, 1, stride, 1)?.transpose(0, 1)?;
                    dw.narrow(2, 0, k)?.narrow(3, 0, k)
                }),
            }
        }
        ("batch_norm", &[_, c, ..]) => {
            let map = VarMap::new();
            let layer =
                candle_nn::batch_norm(c, 1e-5, VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu))?;
            let x = values(sizes)?;
            run(move || layer.forward_t(&x, true))
        }
        ("layer_norm", &[_, c]) => {
            let x = values(sizes)?;
            let (weight, bias) = (values(&[c])?, values(&[c])?);
            run(move || ops::layer_norm(&x, &weight, &bias, 1e-5))
        }
        ("attention", &[_, _, _, d]) => {
            let (q, k, v) = (values(sizes)?, values(sizes)?, values(sizes)?);
            let scale = 1.0 / (d as f64).sqrt();
            run(move || ops::softmax_last_dim(&(q.matmul(&k.t()?)? * scale)?)?.matmul(&v))
        }
        _ => {
            let op: fn(&Tensor) -> Result<Tensor> = match kind {
                "max_pool" => |x| x.max_pool2d(2),
                "avg_pool" => |x| x.avg_pool2d(2),
                "sum" => Tensor::sum_all,
                "row_sum" => |x| x.sum(1),
                "column_sum" => |x| x.sum(0),
                "softmax" => ops::softmax_last_dim,
                "chain" => |x| x.gelu_erf()? * ops::sigmoid(x)?,
                _ => return Ok(None),
            };
            let x = values(sizes)?;
            run(move || op(&x))
        }
    }))
}

fn run(mut op: impl FnMut() -> Result<Tensor> + 'static) -> Run {
    Box::new(move || op().map(drop))
}
