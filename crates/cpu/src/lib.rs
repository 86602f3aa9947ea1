//! The CPU backend of anygrad: the meaning of every op, in f32 and f64.
