//! Pooling windows.
