//! Bytes to values and back, pure: no I/O, no clock, no panic on any input.

pub mod record_set;
