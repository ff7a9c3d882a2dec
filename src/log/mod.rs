//! One partition's files: synchronous, one writer, many readers.
//!
//! | file | concern |
//! | --- | --- |
//! | `layout` | the names of files |
//! | `authority`, `checkpoints` | small files that cannot be made again |
//! | `chain`, `scan` | what makes bytes the next frame; what a segment's bytes are |
//! | `segment`, `segment_index` | one segment and its sparse index, as readers and the writer share them |
//! | `write_ahead`, `head`, `writer` | appending, syncing, sealing, rolling |
//! | `jobs` | what is done off the commit path |
//! | `walk`, `reader` | reading by offset and by time |
//! | `retention`, `upkeep` | what is due by time and size: the decision, and its carrying out |
//! | `inspect` | looking at files without changing them |
//! | `recovery` | from files to a log, after whatever happened |

mod authority;
mod chain;
mod checkpoints;
mod cursor;
mod error;
mod head;
mod inspect;
mod jobs;
pub mod layout;
mod reader;
mod recovery;
mod retention;
mod scan;
mod segment;
mod segment_index;
mod shared;
mod upkeep;
mod walk;
mod write_ahead;
mod writer;

#[cfg(test)]
mod tests;

pub use authority::{AuthoritativeFile, AuthorityError, Loaded, Owner};
pub use cursor::{ReadCursor, ReadHint, Residency};
pub use error::{AppendError, DamagedRange, ReadError};
pub use inspect::{Finding, FrameObserver, Inspection, SegmentInspection, inspect};
pub use jobs::LogJob;
pub use reader::{LogInfo, LogReader};
pub use recovery::{OnUnknownEnd, OpenError, Opened, OpeningReport};
pub use writer::Log;
