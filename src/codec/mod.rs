//! Bytes to values and back, pure: no I/O, no clock, no panic on any input. Little-endian throughout. Each
//! format has one module, which owns its layout, its constants, its encoding and its decoding.

pub mod checkpoint;
mod cursor;
pub mod envelope;
pub mod footer;
pub mod frame;
pub mod index;
pub mod record_set;
pub mod segment_header;
pub mod topic_meta;

/// The version that this build writes, of every format that has one. A file of a later version is refused,
/// not guessed at.
pub const FORMAT_VERSION: u32 = 1;
