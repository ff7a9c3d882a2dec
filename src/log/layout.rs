//! The names of a partition's files.
//!
//! ```text
//! 00000000000000001000.log      a segment, named by its base offset
//! 00000000000000001000.index    its sparse index: derived
//! checkpoint.0, checkpoint.1    authoritative, two generations
//! evidence/                     copies of torn tails that recovery cut off
//! quarantine/                   damaged files that were set aside
//! *.tmp                         unfinished: removed when the partition is opened
//! ```

use std::path::{Path, PathBuf};

use crate::types::{FilePosition, Offset};

/// The checkpoint's name, without the ending of a generation.
pub const CHECKPOINT: &str = "checkpoint";

/// Where copies of torn tails are kept.
pub const EVIDENCE_DIR: &str = "evidence";

const SEGMENT_SUFFIX: &str = ".log";
const INDEX_SUFFIX: &str = ".index";
const DIGITS: usize = 20;

/// The segment file with this base offset.
#[must_use]
pub fn segment_path(directory: &Path, base: Offset) -> PathBuf {
    directory.join(format!("{:0DIGITS$}{SEGMENT_SUFFIX}", base.0))
}

/// The index file of the segment with this base offset.
#[must_use]
pub fn index_path(directory: &Path, base: Offset) -> PathBuf {
    directory.join(format!("{:0DIGITS$}{INDEX_SUFFIX}", base.0))
}

/// The copy of a tail that was cut off at `position`. The name is a function of the place, so that a recovery
/// that is interrupted and repeated writes the same file.
#[must_use]
pub fn evidence_path(directory: &Path, base: Offset, position: FilePosition) -> PathBuf {
    directory.join(EVIDENCE_DIR).join(format!("{:0DIGITS$}.{position}.torn", base.0))
}

/// The base offset that a segment file's name gives; `None` for other files.
#[must_use]
pub fn parse_segment_name(name: &str) -> Option<Offset> {
    parse(name, SEGMENT_SUFFIX)
}

/// The base offset that an index file's name gives; `None` for other files.
#[must_use]
pub fn parse_index_name(name: &str) -> Option<Offset> {
    parse(name, INDEX_SUFFIX)
}

fn parse(name: &str, suffix: &str) -> Option<Offset> {
    let digits = name.strip_suffix(suffix)?;
    if digits.len() != DIGITS || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok().map(Offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_sort_like_their_offsets() {
        let dir = Path::new("p");
        for offset in [0, 7, u64::MAX] {
            let path = segment_path(dir, Offset(offset));
            assert_eq!(parse_segment_name(path.file_name().unwrap().to_str().unwrap()), Some(Offset(offset)));
        }
        assert!(segment_path(dir, Offset(9)) < segment_path(dir, Offset(10)));
    }

    #[test]
    fn other_names_are_not_segments() {
        for name in
            ["1.log", "00000000000000000001.index", "99999999999999999999.log", "checkpoint.0", ".log"]
        {
            assert_eq!(parse_segment_name(name), None, "{name}");
        }
    }
}
