//! Milliseconds of elementwise programs, reductions and updates, from a few elements to many millions.
//!
//! `cargo bench --bench elementwise -- [cpu|gpu|gpu:1|software] [part of a name]`

mod workloads;

use std::time::Instant;

use anygrad_graph::{Device, Rng, Tensor, eval};
use workloads::Fallible as Result;

type Case = (&'static str, &'static [usize], fn(&Tensor) -> Tensor);

const MANY: &[usize] = &[4096, 4096];
const ROWS: &[usize] = &[8192, 1024];
const IMAGES: &[usize] = &[32, 64, 56, 56];

const CASES: &[Case] = &[
    ("x + x·2", MANY, |x| x * 2.0 + x),
    ("exp", MANY, |x| x.exp()),
    ("log", MANY, |x| x.square().log()),
    ("tanh", MANY, |x| x.tanh()),
    ("sin", MANY, |x| x.sin()),
    ("pow", MANY, |x| x.abs().pow(1.5)),
    ("gelu", MANY, |x| x.gelu()),
    ("gelu·sigmoid", MANY, |x| x.gelu() * x.sigmoid()),
    ("eleven steps", MANY, |x| (((x * 2.0 + 1.0) * x - 0.5) * x + x.abs()) * (x.relu() + x) - x),
    ("relu, small", &[64, 64], |x| x.relu()),
    ("sum of all", MANY, |x| x.sum(&[0, 1])),
    ("sum of rows", ROWS, |x| x.sum(&[1])),
    ("sum of columns", ROWS, |x| x.sum(&[0])),
    ("max of rows", ROWS, |x| x.max(&[1])),
    ("sum of squares", MANY, |x| x.square().sum(&[0, 1])),
    ("softmax", ROWS, |x| x.softmax(1)),
    ("log_softmax", ROWS, |x| x.log_softmax(1)),
    ("standardised rows", ROWS, |x| {
        let centred = x - x.mean_keep(&[1]);
        &centred * (centred.square().mean_keep(&[1]) + 1e-5).rsqrt()
    }),
    ("standardised channels", IMAGES, |x| {
        let centred = x - x.mean_keep(&[0, 2, 3]);
        &centred * (centred.square().mean_keep(&[0, 2, 3]) + 1e-5).rsqrt()
    }),
];

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    let device = Device::from_name(&arguments.next().unwrap_or("cpu".into()))?;
    let wanted = arguments.next().unwrap_or_default();
    println!("device: {device}");
    for (name, shape, f) in CASES.iter().filter(|case| case.0.contains(&wanted)) {
        let x = (Rng::new(1).uniform(*shape, &device) * 6.0 - 3.0).detached()?;
        println!("{name}: {:.3} ms", median(|| eval(&[&f(&x)]).and_then(|()| device.wait()))?);
    }
    for (name, rule) in [("Adam", adam as fn(&mut [Tensor]) -> Result<()>), ("momentum", momentum)] {
        if !name.contains(&wanted) {
            continue;
        }
        let mut rng = Rng::new(2);
        let draw = |_| rng.uniform([4096, 1024], &device).detached();
        let mut state: Vec<Tensor> = (0..4).map(draw).collect::<std::result::Result<_, _>>()?;
        println!("{name}: {:.3} ms", median(|| rule(&mut state))?);
    }
    Ok(())
}

/// `[parameter, gradient, mean, square]`.
fn adam(state: &mut [Tensor]) -> Result<()> {
    let [p, g, m, v] = state else { return Ok(()) };
    let mean = &*m * 0.9 + &*g * 0.1;
    let square = &*v * 0.999 + g.square() * 0.001;
    let next = &*p - &mean * 1e-3 / (square.sqrt() + 1e-8);
    (*p, *m, *v) = (next, mean, square);
    eval(&[p, m, v])?;
    p.device().wait()?;
    Ok(())
}

/// `[parameter, gradient, velocity, _]`.
fn momentum(state: &mut [Tensor]) -> Result<()> {
    let [p, g, m, _] = state else { return Ok(()) };
    let velocity = &*m * 0.9 + &*g;
    let next = &*p - &velocity * 1e-3;
    (*p, *m) = (next, velocity);
    eval(&[p, m])?;
    p.device().wait()?;
    Ok(())
}

/// The median of the milliseconds that `body` takes, after a few calls to warm up.
fn median<E>(mut body: impl FnMut() -> std::result::Result<(), E>) -> std::result::Result<f64, E> {
    let mut times = Vec::new();
    let begun = Instant::now();
    for call in 0.. {
        let start = Instant::now();
        body()?;
        if call >= 2 {
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        if times.len() > 200 || (call >= 8 && begun.elapsed().as_secs_f64() > 0.5) {
            break;
        }
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}
