//! Bytes to values and back, pure: no I/O, no clock, no panic on any input.

pub mod record_set;
pub mod topic_meta;

/// The version that this build writes, of every format that has one. A file of a later version is refused,
/// not guessed at.
pub const FORMAT_VERSION: u32 = 1;
