//! Pointwise programs.
