//! Where a reader is.

use crate::types::{FilePosition, Offset};

/// Where a reader is, with a hint that spares the index on the next read. The hint is never trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadCursor {
    /// The next offset to read.
    pub next: Offset,
    /// Where the batch that follows the last one read begins: the base offset of its segment, and the position.
    pub hint: Option<(Offset, FilePosition)>,
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
