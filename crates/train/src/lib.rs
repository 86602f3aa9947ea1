//! The training loop, progress, history and pictures of anygrad.
