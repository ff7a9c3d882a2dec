//! Plain values that every layer shares: no I/O, no async, nothing that can fail but parsing.

mod batch;
mod clock;
mod ids;
pub mod limits;
pub mod num;
mod offset;
pub(crate) mod planted;
mod topic_config;
mod topic_name;

pub use batch::{Compression, NewBatch, StoredBatch, TimestampType};
pub use clock::{Clock, ManualClock, SystemClock};
pub use ids::{PartitionId, TopicId, TopicPartition};
pub use offset::{FilePosition, Offset, OffsetRange};
pub use topic_config::{LogConfig, TopicConfig};
pub use topic_name::{TopicName, TopicNameError};
