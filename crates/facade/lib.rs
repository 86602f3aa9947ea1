//! anygrad.
