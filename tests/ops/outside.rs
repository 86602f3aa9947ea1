//! Ops from outside: what a wrong WGSL text says. `examples/custom_op.rs` shows right ones, and `tests/examples.rs` runs
//! it.

use anygrad_graph::extend::{
    Builder, Caps, Class, CpuError, DType, DeviceError, Host, Layout, Lowered, Meta, Op, Operand, Row,
    Storage, Types, View, cpu, float1,
};
use anygrad_graph::{Device, Tensor};

use crate::devices::{alone, check_guards, gpu};

static MISSPELT: Row = Row {
    name: "misspelt",
    arity: 1,
    types: Types::Same(Class::Float),
    cpu: |args, out| float1(args, out, |x| x.sin(), |x| x.sin()),
    wgsl: |_| "sinn($0)",
    vjp: None,
    probe: (-1.0, 1.0),
};

/// The identity; 0: a right text, 1: one that does not parse, 2: one of a wrong type, 3: no `evaluate`, 4: a buffer that
/// is not there.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Same(u8);

impl Op for Same {
    fn name(&self) -> &'static str {
        "same"
    }
    fn infer(&self, inputs: &[&Meta]) -> Result<Meta, String> {
        inputs.first().map(|&meta| meta.clone()).ok_or_else(|| "takes 1 input".into())
    }
    fn eval(&self, host: &Host, inputs: &[View<'_>], _: &Meta) -> Result<Storage, CpuError> {
        cpu::copy(host, inputs[0])
    }
    fn lower(&self, x: &[Layout], _: &[DType], y: &Meta, caps: &Caps) -> Result<Lowered, DeviceError> {
        let mut kernel = Builder::new("same", "naive");
        kernel.read("x", y.dtype, Operand::Input(if self.0 == 4 { 1 } else { 0 }));
        kernel.read_write("y", y.dtype, Operand::Output(0));
        kernel.strided("x_at", &x[0].shape, &x[0].strides, x[0].offset);
        kernel.function(match self.0 {
            1 => "fn evaluate(i: u32) { y[i] = x[x_at(i)] }",
            2 => "fn evaluate(i: u32) { y[i] = x_at(i); }",
            3 => "",
            _ => "fn evaluate(i: u32) { y[i] = x[x_at(i)]; }",
        });
        let count = y.shape.numel();
        kernel.for_each(count, 0, 8 * count as u64, caps)
    }
}

#[test]
fn a_wrong_text_is_an_error_that_names_the_op_and_what_the_compiler_says() {
    let Some(device) = gpu() else { return };
    alone(|| {
        let x = Tensor::from_slice(&[1.0f32, 2.0, 3.0], [3], device);
        let line = line!() + 1;
        let fused = (MISSPELT.record(&[&x.exp()]) + 1.0).eval_error();
        let place = format!("outside.rs:{line}");
        for part in [
            "compiling pointwise/",
            " for exp misspelt add (",
            &place,
            "no definition in scope for identifier: `sinn`",
        ] {
            assert!(fused.contains(part), "{part} is missing in {fused}");
        }
        for (wrong, says) in [
            (1, "expected `;`"),
            (2, "a value with elements of type f32 is required here"),
            (3, "no definition in scope for identifier: `evaluate`"),
        ] {
            let y = Tensor::record(Same(wrong), &[&x]);
            // twice: nothing half made is kept
            for error in [y.eval_error(), y.eval_error()] {
                assert!(error.starts_with("compiling same/naive for same ("), "{error}");
                assert!(error.contains(says) && error.contains("outside.rs"), "{error}");
            }
        }
        let error = Tensor::record(Same(4), &[&x]).eval_error();
        assert!(error.contains("a kernel of same") && error.contains("has no operand"), "{error}");
        // and the device goes on
        let y = Tensor::record(Same(0), &[&x.flip(&[0])]);
        assert_eq!(y.to_vec::<f32>().unwrap(), [3.0, 2.0, 1.0]);
        assert!(Tensor::record(Same(0), &[&Tensor::zeros([0], device)]).to_vec::<f32>().unwrap().is_empty());
        let many = Tensor::iota(100_003, device);
        let all = (0..100_003).rev().collect::<Vec<u32>>();
        assert_eq!(Tensor::record(Same(0), &[&many.flip(&[0])]).to_vec::<u32>().unwrap(), all);
        check_guards(device).unwrap();
    });
}

trait Fails {
    /// What evaluating says.
    fn eval_error(&self) -> String;
}

impl Fails for Tensor {
    fn eval_error(&self) -> String {
        anygrad_graph::eval(&[self]).map(|()| "no error".to_owned()).unwrap_or_else(|error| error.to_string())
    }
}

#[test]
fn what_an_op_has_no_meaning_for_is_an_error() {
    let x = Tensor::from_slice(&[1.0f32], [1], &Device::cpu());
    let error = anygrad_graph::grad(&MISSPELT.record(&[&x]).sum_all(), &[&x])[0].eval_error();
    assert!(error.starts_with("grad: misspelt has no derivative"), "{error}");
    let error = MISSPELT.record(&[&x, &x]).eval_error();
    assert!(error.starts_with("misspelt: takes 1 inputs, got 2"), "{error}");
}
