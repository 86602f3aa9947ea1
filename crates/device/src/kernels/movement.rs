//! Copies, padding, gathering.
