//! `pubsub.Admin`: topics and the broker itself.

mod describe;
mod topics;

pub(super) use describe::{describe_broker, list_topics, topic_info};
pub(super) use topics::{create_topic, delete_records, delete_topic};
