//! WGSL kernels as text.
