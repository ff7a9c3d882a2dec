//! One partition's files: synchronous, one writer, many readers.

mod cursor;
mod error;

pub use cursor::ReadCursor;
pub use error::{AppendError, DamagedRange, ReadError};
