//! Tensors, ops, autodiff, programs and plans of anygrad.
