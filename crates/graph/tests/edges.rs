//! Calls at the edge of what makes sense: each gives the right value or an error, never a panic.

use std::panic::Location;
use std::thread;

use anygrad_graph::{Conv, DType, Device, Error, Tensor, Window, grad};

fn counted(shape: &[usize]) -> Tensor {
    let numel: usize = shape.iter().product();
    let data: Vec<f32> = (1..=numel).map(|i| i as f32).collect();
    Tensor::from_slice(&data, shape, &Device::cpu())
}

fn message(t: &Tensor) -> String {
    t.to_vec::<f32>().err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn handles_of_the_cpu_take_turns() {
    let other = Device::cpu();
    // chosen in another way, a handle of its own
    let other = Device::auto().ok().filter(Device::is_cpu).unwrap_or(other);
    for _ in 0..2000 {
        let leaf = counted(&[64]);
        let y = (&leaf * 2.0).exp();
        drop(leaf);
        let (shared, one) = (y.clone(), Tensor::from_slice(&[1.0f32], [1], &other));
        let runs: [thread::JoinHandle<Result<Vec<f32>, Error>>; 2] =
            [thread::spawn(move || y.to_vec()), thread::spawn(move || (&one + &shared).to_vec())];
        for run in runs {
            run.join().unwrap().unwrap();
        }
    }
}

#[test]
fn the_error_of_a_gradient_names_the_caller() {
    let (x, y) = (counted(&[2]), counted(&[2]));
    let here = Location::caller().line();
    let not_scalar = grad(&x.exp(), &[&x]).remove(0);
    let unreached = grad(&x.sum_all(), &[&y]).remove(0);
    for (error, line) in [(message(&not_scalar), here + 1), (message(&unreached), here + 2)] {
        assert!(error.contains(&format!("at crates/graph/tests/edges.rs:{line}:")), "{error}");
    }
    assert_eq!(x.powi(3).site().file(), Location::caller().file());
}

#[test]
fn integers_and_truth_values_have_no_gradient() {
    let device = Device::cpu();
    let i = Tensor::from_slice(&[5i32], [1], &device);
    let loss = (i.to_dtype(DType::F32) * 0.5).sum_all();
    assert!(message(&grad(&loss, &[&i])[0]).contains("is i32, not a float"));
    let c = Tensor::from_slice(&[true], [1], &device);
    let loss = c.select(counted(&[1]), 0.0).sum_all();
    assert!(message(&grad(&loss, &[&c])[0]).contains("is bool, not a float"));
}

#[test]
fn only_the_axes_of_a_window_count() {
    let x = counted(&[1, 1, 4, 4]);
    let mut window = Window::new(&[2, 2]);
    (window.kernel, window.stride) = ([2; 3], [2; 3]);
    assert_eq!(x.avg_pool(&window).to_vec::<f32>().unwrap(), [3.5, 5.5, 11.5, 13.5]);
}

#[test]
fn geometry_beyond_reason_is_an_error() {
    let x = counted(&[1, 1, 4, 4]);
    let mut window = Window::new(&[2, 2]);
    window.kernel = [1, usize::MAX, usize::MAX];
    assert!(message(&x.avg_pool(&window)).contains("beyond reason"));
    window.kernel = [1, 3, 3];
    window.dilation = [1, usize::MAX, usize::MAX];
    assert!(message(&x.max_pool(&window)).contains("beyond reason"));
    let (x, w) = (counted(&[1, 1, 3]), counted(&[1, 1, 1]));
    let mut conv = Conv::new(1);
    (conv.input_dilation[2], conv.stride[2]) = (usize::MAX, usize::MAX);
    assert!(message(&grad(&x.conv(&w, &conv).sum_all(), &[&x])[0]).contains("beyond reason"));
}

#[test]
fn a_convolution_of_nothing_but_padding_has_gradients() {
    let x = Tensor::from_slice::<f32>(&[], [1, 1, 0], &Device::cpu());
    let w = counted(&[1, 1, 2]);
    let mut conv = Conv::new(1);
    conv.pad_lo[2] = 2;
    let y = x.conv(&w, &conv);
    let g = grad(&y.sum_all(), &[&x, &w]);
    assert_eq!(y.to_vec::<f32>().unwrap(), [0.0]);
    assert_eq!(g[0].to_vec::<f32>().unwrap(), []);
    assert_eq!(g[1].to_vec::<f32>().unwrap(), [0.0, 0.0]);
}

#[test]
fn sizes_beside_an_empty_axis_are_bounded_too() {
    let device = Device::cpu();
    let most = usize::MAX;
    let made = Tensor::from_slice::<f32>(&[], [most, 2, 0], &device);
    assert!(message(&made.sum_all()).contains("more than 2^32"));
    let full = Tensor::zeros([0, most, 2], &device);
    assert!(message(&full.max(&[1, 2])).contains("more than 2^32"));
    assert_eq!(Tensor::zeros([0, 3], &device).softmax(1).to_vec::<f32>().unwrap(), []);
}

#[test]
fn a_negative_number_beside_unsigned_integers_wraps() {
    let x = Tensor::from_slice(&[5u32, 0], [2], &Device::cpu());
    assert_eq!((&x + (-1i32)).to_vec::<u32>().unwrap(), [4, u32::MAX]);
    let y = Tensor::from_slice(&[-1i32], [1], &Device::cpu());
    assert_eq!((&y * u32::MAX).to_vec::<i32>().unwrap(), [1]);
}

#[test]
fn a_gradient_that_would_be_partial_is_an_error() {
    let device = Device::cpu();
    let w = Tensor::from_slice(&[2.0f32], [1], &device).named("w").unwrap();
    let h = w.square();
    h.to_vec::<f32>().unwrap();
    let partial = grad(&(&h + &w * 3.0).sum_all(), &[&w]).remove(0);
    let text = partial.check().unwrap_err().to_string();
    assert!(text.starts_with("grad: square at ") && text.contains("was evaluated"), "{text}");
    // as a constant it is welcome
    let constant = grad(&(h.detached().unwrap() + &w * 3.0).sum_all(), &[&w]).remove(0);
    assert_eq!(constant.to_vec::<f32>().unwrap(), [3.0]);
    let constant = grad(&(h.stop_gradient() + &w * 3.0).sum_all(), &[&w]).remove(0);
    assert_eq!(constant.to_vec::<f32>().unwrap(), [3.0]);
    // and what no parameter went into is a constant anyway
    let x = Tensor::ones([1], &device).exp();
    x.to_vec::<f32>().unwrap();
    assert!(grad(&(x * &w).sum_all(), &[&w])[0].check().is_ok());
}
