//! Sizes and layouts no buffer could have are errors, or nothing to do: no kernel family panics on them.

mod common;

use anygrad_device::kernels::Pointwise;
use anygrad_device::kernels::conv::conv;
use anygrad_device::kernels::matmul::matmul;
use anygrad_device::kernels::movement::{concat, copy, gather, pad, scatter_add};
use anygrad_device::kernels::reduce::{Reduce, reduce};
use anygrad_device::kernels::window::{
    max_index, window_gather, window_scatter, window_sum, window_sum_adjoint,
};
use anygrad_layout::{Conv, DType, Layout, Shape, Window};
use common::sweep_caps;

const SIZES: [usize; 6] = [0, 1, 3, 1 << 21, 1 << 40, isize::MAX as usize];

/// Views of one element, repeated along every axis.
fn repeated(sizes: &[usize]) -> Layout {
    Layout::contiguous(vec![1; sizes.len()].as_slice()).expand(sizes)
}

#[test]
fn no_size_makes_a_convolution_panic() {
    for caps in sweep_caps() {
        for n in SIZES {
            for k in SIZES {
                for pad in [0, 1, 1 << 40, isize::MAX, -3] {
                    let mut geometry = Conv::new(2);
                    (geometry.pad_lo[1], geometry.pad_hi[2]) = (pad, pad);
                    let _ = conv(&repeated(&[1, 1, n, n]), &repeated(&[1, 1, k, k]), &geometry, &caps, None);
                    let _ = conv(&repeated(&[n, 1, 2, n]), &repeated(&[0, 1, 1, k]), &geometry, &caps, None);
                    let _ = conv(&repeated(&[0, 1, n, n]), &repeated(&[k, 1, 1, k]), &geometry, &caps, None);
                    geometry.input_dilation = [k.max(1); 3];
                    geometry.dilation = [n.max(1); 3];
                    let _ = conv(&repeated(&[1, 1, 3, 3]), &repeated(&[1, 1, 2, 2]), &geometry, &caps, None);
                }
            }
        }
    }
}

#[test]
fn no_size_makes_a_window_panic() {
    for caps in sweep_caps() {
        for n in SIZES {
            for k in SIZES {
                for pad in [0, 1 << 40, isize::MAX as usize] {
                    let x = repeated(&[3, n, 1, n]);
                    let mut window = Window::new(&[k, 1, k]);
                    (window.pad_lo, window.pad_hi) = ([0, 0, pad], [0, pad, 0]);
                    for dilation in [1, 1 << 40] {
                        window.dilation = [dilation; 3];
                        let out = [0, 1, 2].map(|axis| window.output_size(axis, n));
                        let g = repeated(&[3, out[0], out[1], out[2]]);
                        let _ = window_sum(&x, &window, &caps, None);
                        let _ = max_index(&x, &window, &caps, None);
                        let _ = window_sum_adjoint(&g, &window, [n; 3], &caps, None);
                        let _ = window_scatter(&g, &g, &window, [n; 3], &caps, None);
                    }
                    let _ = window_gather(&x, &repeated(&[3, k, 1, k]), 3, DType::F32, &caps, None);
                }
            }
        }
    }
}

#[test]
fn no_size_makes_any_other_kernel_panic() {
    for caps in sweep_caps() {
        for n in SIZES {
            for k in SIZES {
                let (a, b) = (repeated(&[n, k]), repeated(&[k, n]));
                let _ = matmul(&a, &b, DType::F32, &caps, None);
                let _ = matmul(&a, &b, DType::I32, &caps, None);
                let _ = copy(&a, DType::F32, &caps);
                let _ = pad(&a, DType::F32, &[n, 0], &[k, k], &caps);
                let _ = concat(&[&a, &a, &a], DType::F32, 0, &caps);
                let _ = gather(&repeated(&[k, 3]), &repeated(&[n, 3]), DType::U32, DType::F32, 0, &caps);
                for (size, axis) in [(n, 0), (k, 1)] {
                    let _ = scatter_add(&a, &a, DType::U32, DType::F32, axis, size, &caps, None);
                    let program = Pointwise::copy(&a, DType::F32);
                    for kind in [Reduce::Sum, Reduce::ArgMax] {
                        let _ = reduce(&program, kind, &[axis], &caps, None);
                    }
                }
            }
        }
    }
}

#[test]
fn a_view_without_a_stride_for_each_axis_is_an_error() {
    let broken = Layout { shape: Shape::from(&[2, 3]), strides: [1].into_iter().collect(), offset: 0 };
    let whole = Layout::contiguous([2, 3]);
    let window = Window::new(&[2, 2]);
    for caps in sweep_caps() {
        assert!(copy(&broken, DType::F32, &caps).is_err());
        assert!(pad(&broken, DType::F32, &[1, 1], &[1, 1], &caps).is_err());
        assert!(concat(&[&whole, &broken], DType::F32, 0, &caps).is_err());
        for (data, index) in [(&broken, &whole), (&whole, &broken)] {
            assert!(gather(data, index, DType::U32, DType::F32, 1, &caps).is_err());
            assert!(scatter_add(data, index, DType::U32, DType::F32, 1, 4, &caps, None).is_err());
        }
        assert!(matmul(&broken, &Layout::contiguous([3, 2]), DType::F32, &caps, None).is_err());
        assert!(reduce(&Pointwise::copy(&broken, DType::F32), Reduce::Sum, &[0], &caps, None).is_err());
        assert!(window_sum(&broken, &window, &caps, None).is_err());
    }
}
