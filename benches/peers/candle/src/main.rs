//! Candle as a contestant, on its CPU backend with the features that its users get by default.
//!
//! Its operations have finished when they return. It has no momentum, so that is written as its own optimizers are.

mod kernels;
#[path = "../../protocol.rs"]
mod protocol;
mod steps;

fn main() {
    protocol::play(|_, kind, sizes| {
        let run = match steps::step(kind).expect("the step") {
            Some(run) => Some(run),
            None => kernels::kernel(kind, sizes).expect("the kernel"),
        };
        run.map(|mut run| Box::new(move || run().expect("a run")) as protocol::Workload)
    });
}
