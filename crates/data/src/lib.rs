//! Datasets, readers and mini-batches of anygrad.
