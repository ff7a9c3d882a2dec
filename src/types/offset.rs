//! Places in a log: by record ([`Offset`]) and by byte ([`FilePosition`]). Newtypes, so that one is never
//! taken for the other.

use std::fmt;

/// The number of a record within its partition. Offsets rise; they may have holes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

impl Offset {
    /// The first offset that a new partition assigns.
    pub const ZERO: Offset = Offset(0);

    /// The offset `records` further on; stops at the largest offset there is.
    #[must_use]
    pub const fn plus(self, records: u64) -> Offset {
        Offset(self.0.saturating_add(records))
    }

    /// The number of offsets from `earlier` up to this one; 0 if `earlier` is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Offset) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A run of offsets; the end is exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OffsetRange {
    /// The first offset in the range.
    pub first: Offset,
    /// The first offset behind the range.
    pub end: Offset,
}

impl OffsetRange {
    /// Whether `offset` lies in the range.
    #[must_use]
    pub fn contains(&self, offset: Offset) -> bool {
        self.first <= offset && offset < self.end
    }
}

impl fmt::Display for OffsetRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.first, self.end)
    }
}

/// A byte position in a file, from its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePosition(pub u64);

impl FilePosition {
    /// The beginning of a file.
    pub const ZERO: FilePosition = FilePosition(0);

    /// The position `bytes` further on; stops at the largest position there is.
    #[must_use]
    pub const fn plus(self, bytes: u64) -> FilePosition {
        FilePosition(self.0.saturating_add(bytes))
    }

    /// The number of bytes from `earlier` up to this position; 0 if `earlier` is not earlier.
    #[must_use]
    pub const fn since(self, earlier: FilePosition) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for FilePosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
