//! The kernels of [`ROWS`](super::rows::ROWS), each as one program of one or a few ops.

use anygrad::nn::scaled_dot_product_attention;
use anygrad::prelude::*;

use super::rows::Row;
use super::{Fallible, Workload};

/// What records one run of a kernel, operands on the device already.
pub type Record = Box<dyn FnMut() -> Tensor>;

/// One run of a kernel.
pub fn kernel(row: &Row, device: &Device) -> Fallible<Workload> {
    let device = device.clone();
    if let ("batch_norm", &[_, c, _, _]) = (row.kind, row.shape) {
        let params = Params::new(&device, 1);
        let layer = BatchNorm2d::new(params.at(""), c);
        let (x, mut ctx) = (values(&mut Rng::new(1), row.shape, &device)?, Ctx::train(1));
        return Ok(Box::new(move || {
            // the running statistics are evaluated along with it
            params.eval(&[&layer.forward(&x, &mut ctx)])?;
            Ok(device.wait()?)
        }));
    }
    let mut record = record(row, &device)?;
    Ok(Box::new(move || {
        eval(&[&record()])?;
        Ok(device.wait()?)
    }))
}

fn values(rng: &mut Rng, shape: &[usize], device: &Device) -> Fallible<Tensor> {
    Ok((rng.uniform(shape, device) - 0.5).detached()?)
}

/// Records a kernel that is one tensor.
pub fn record(row: &Row, device: &Device) -> Fallible<Record> {
    let mut rng = Rng::new(1);
    let mut values = |shape: &[usize]| values(&mut rng, shape, device);
    Ok(match (row.kind, row.shape) {
        ("matmul" | "matmul_bt" | "matmul_at", &[b, m, k, n]) => {
            let batch = if b == 1 { vec![] } else { vec![b] };
            let matrix = |rows: usize, columns: usize| [batch.as_slice(), &[rows, columns]].concat();
            let (a, b) = match row.kind {
                "matmul_bt" => (values(&matrix(m, k))?, values(&matrix(n, k))?.t()),
                "matmul_at" => (values(&matrix(k, m))?.t(), values(&matrix(k, n))?),
                _ => (values(&matrix(m, k))?, values(&matrix(k, n))?),
            };
            Box::new(move || a.matmul(&b))
        }
        (kind @ ("conv" | "conv_dx" | "conv_dw"), &[n, c, h, w, o, k, stride, padding]) => {
            let (x, weight) = (values(&[n, c, h, w])?, values(&[o, c, k, k])?);
            let g = values(x.conv2d(&weight, stride, padding).shape())?;
            Box::new(move || {
                let y = x.conv2d(&weight, stride, padding);
                match kind {
                    "conv_dx" => grad_with(&y, &g, &[&x]).remove(0),
                    "conv_dw" => grad_with(&y, &g, &[&weight]).remove(0),
                    _ => y,
                }
            })
        }
        ("layer_norm", &[r, c]) => {
            let layer = LayerNorm::new(Params::new(device, 1).at(""), [c]);
            let (x, mut ctx) = (values(&[r, c])?, Ctx::eval());
            Box::new(move || layer.forward(&x, &mut ctx))
        }
        ("attention", shape) => {
            let (q, k, v) = (values(shape)?, values(shape)?, values(shape)?);
            let mut ctx = Ctx::eval();
            Box::new(move || scaled_dot_product_attention(&q, &k, &v, None, false, 0.0, &mut ctx))
        }
        (kind, shape) => {
            let op: fn(&Tensor) -> Tensor = match kind {
                "max_pool" => |x| x.max_pool2d(2, 2),
                "avg_pool" => |x| x.avg_pool2d(2, 2),
                "sum" => Tensor::sum_all,
                "row_sum" => |x| x.sum(&[1]),
                "column_sum" => |x| x.sum(&[0]),
                "softmax" => |x| x.softmax(-1),
                "chain" => |x| x.gelu() * x.sigmoid(),
                "scale" => |x| x * 0.5,
                _ => return Err(format!("no kernel is called {row}").into()),
            };
            let x = values(shape)?;
            Box::new(move || op(&x))
        }
    })
}
