use anygrad_graph::{Tensor, Window};

use crate::{Ctx, Layer};

macro_rules! pool {
    ($(#[$doc:meta])* $name:ident $method:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(Window);

        impl $name {
            /// Square windows of `kernel`, side by side.
            pub fn new(kernel: usize) -> Self {
                Self(Window::new(&[kernel, kernel]))
            }

            /// Step between windows; without this, the kernel's size.
            #[must_use]
            pub fn stride(mut self, stride: usize) -> Self {
                self.0.stride = [1, stride, stride];
                self
            }

            /// Padding on each side, at most half the kernel.
            #[must_use]
            pub fn padding(mut self, padding: usize) -> Self {
                (self.0.pad_lo, self.0.pad_hi) = ([0, padding, padding], [0, padding, padding]);
                self
            }
        }

        impl Layer for $name {
            #[track_caller]
            fn forward(&self, x: &Tensor, ctx: &mut Ctx) -> Tensor {
                ctx.within(self, |_| x.$method(&self.0))
            }

            fn kind(&self) -> &str {
                stringify!($name)
            }
        }
    };
}

pool! {
    /// The largest element of each window of `[N, C, H, W]`; `H' = ⌊(H + 2·padding − kernel) / stride⌋ + 1`.
    /// Padding is never chosen.
    MaxPool2d max_pool
}

pool! {
    /// The mean of each window of `[N, C, H, W]`; `H' = ⌊(H + 2·padding − kernel) / stride⌋ + 1`. Padding counts
    /// as zeros, as in PyTorch.
    AvgPool2d avg_pool
}
