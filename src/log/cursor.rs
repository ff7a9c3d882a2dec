//! Where a reader is.

use crate::types::{FilePosition, Offset};

/// Where a reader is, with a hint that spares the index on the next read. The hint is never trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadCursor {
    /// The next offset to read.
    pub next: Offset,
    /// Where the batch that follows the last one read begins.
    pub hint: Option<ReadHint>,
}

/// The place behind a frame that has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadHint {
    /// The base offset of the segment.
    pub segment: Offset,
    /// Where the next frame begins.
    pub position: FilePosition,
    /// The CRC that the next frame must name as the one before it.
    pub previous_crc: u32,
}

impl ReadCursor {
    /// A cursor that will read `offset` next.
    #[must_use]
    pub const fn at(offset: Offset) -> ReadCursor {
        ReadCursor { next: offset, hint: None }
    }
}

/// Whether a read may wait for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residency {
    /// It must not: what is not in memory fails with `ReadError::NotCached`.
    CachedOnly,
    /// It may. Not to be called on an async thread.
    MayBlock,
}
