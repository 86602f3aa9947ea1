//! Parameters, layers, losses and optimizers of anygrad.
