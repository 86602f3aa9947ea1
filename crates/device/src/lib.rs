//! wgpu adapters, buffers, WGSL kernels and their dispatch for anygrad.
