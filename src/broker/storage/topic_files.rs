//! One topic's directory: its metadata in an authoritative file, and a log per partition.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FoundTopic, Outage};
use crate::codec::segment_header::LogIdentity;
use crate::codec::topic_meta::{TOPIC_META_FILE, TOPIC_META_MAGIC, TopicMeta};
use crate::disk::{Disk, DiskError, create_dir_durable};
use crate::log::{AuthoritativeFile, AuthorityError, Log, OnUnknownEnd, OpenError, OpeningReport, Owner};
use crate::partition::{FileStore, PartitionStore};
use crate::types::{LogConfig, PartitionId, TopicId, TopicName, TopicPartition};

/// Makes a topic's directory, with everything in it.
pub(super) fn make(
    disk: &Arc<dyn Disk>,
    directory: &Path,
    meta: &TopicMeta,
    now_ms: i64,
) -> Result<(), DiskError> {
    create_dir_durable(&**disk, directory)?;
    meta_file(directory).create(&**disk, &meta.encode())?;
    for partition in (0..meta.partitions).map(PartitionId) {
        let log_directory = partition_directory(directory, partition);
        create_dir_durable(&**disk, &log_directory)?;
        let identity = LogIdentity { topic: meta.id, partition };
        Log::create(disk, &log_directory, identity, now_ms)?;
    }
    Ok(())
}

/// Opens what is in a topic's directory. `tuning` is what the broker sets for all topics.
pub(super) fn open(
    disk: &Arc<dyn Disk>,
    directory: &Path,
    name: &TopicName,
    tuning: &LogConfig,
) -> FoundTopic {
    let mut meta = match load_meta(&**disk, directory, name) {
        Ok(meta) => meta,
        Err(Outage::Damaged) => return FoundTopic::Damaged { name: name.clone() },
        Err(Outage::Failed) => return FoundTopic::Failed { name: name.clone() },
    };
    meta.config.log.index_interval_bytes = tuning.index_interval_bytes;
    meta.config.log.write_ahead_bytes_max = tuning.write_ahead_bytes_max;
    meta.config.log.checkpoint_interval_bytes = tuning.checkpoint_interval_bytes;
    let partitions = (0..meta.partitions).map(PartitionId);
    let stores = partitions.map(|partition| open_partition(disk, directory, &meta, partition)).collect();
    FoundTopic::Known { meta, stores }
}

/// The identity of the topic in a directory; None where it has none, or none that can be read. Changes nothing.
pub(super) fn peek_id(disk: &dyn Disk, directory: &Path) -> Option<TopicId> {
    let content = meta_file(directory).peek(disk).ok()?;
    TopicMeta::decode(&content).ok().map(|meta| meta.id)
}

/// The metadata says itself whose it is: by the name.
fn meta_file(directory: &Path) -> AuthoritativeFile {
    AuthoritativeFile::at(directory, TOPIC_META_FILE, TOPIC_META_MAGIC, Owner::default())
}

fn load_meta(disk: &dyn Disk, directory: &Path, name: &TopicName) -> Result<TopicMeta, Outage> {
    let damaged = |what: &dyn std::fmt::Display| {
        tracing::error!(topic = %name, directory = %directory.display(), %what,
            "the topic's metadata is damaged: nothing of it is touched, and nothing is served");
        Outage::Damaged
    };
    let loaded = match meta_file(directory).load(disk) {
        Ok(loaded) => loaded,
        Err(error @ (AuthorityError::Missing(_) | AuthorityError::Damaged { .. })) => {
            return Err(damaged(&error));
        }
        Err(error @ (AuthorityError::NewerVersion { .. } | AuthorityError::Io(_))) => {
            tracing::error!(topic = %name, %error, "the topic cannot be opened");
            return Err(Outage::Failed);
        }
    };
    if let Some(evidence) = loaded.quarantined {
        tracing::warn!(topic = %name, evidence = %evidence.display(),
            "one of two copies of the topic's metadata was damaged");
    }
    match TopicMeta::decode(&loaded.content) {
        Ok(meta) if meta.name == *name => Ok(meta),
        Ok(meta) => Err(damaged(&format!("it is that of a topic named {}", meta.name))),
        Err(error) => Err(damaged(&error)),
    }
}

fn open_partition(
    disk: &Arc<dyn Disk>,
    directory: &Path,
    meta: &TopicMeta,
    partition: PartitionId,
) -> Result<Box<dyn PartitionStore>, Outage> {
    let at = TopicPartition { topic: meta.name.clone(), partition };
    let log_directory = partition_directory(directory, partition);
    let identity = LogIdentity { topic: meta.id, partition };
    let config = meta.config.log.clone();
    match Log::open(Arc::clone(disk), &log_directory, identity, config, OnUnknownEnd::Refuse) {
        Ok(opened) => {
            report(&at, &opened.report);
            Ok(Box::new(FileStore::new(opened.log)))
        }
        Err(error) => {
            tracing::error!(topic = %at.topic, partition = %at.partition, %error,
                "the partition cannot be opened");
            Err(match error {
                OpenError::NoLog(_) => Outage::Damaged,
                OpenError::NewerVersion { .. } | OpenError::Io(_) => Outage::Failed,
            })
        }
    }
}

/// Says what opening a partition has met. Where nothing was amiss, nothing.
fn report(at: &TopicPartition, report: &OpeningReport) {
    let (topic, partition) = (&at.topic, at.partition);
    if let Some((bytes, evidence)) = &report.torn {
        tracing::warn!(%topic, %partition, bytes, evidence = %evidence.display(), "a torn tail was cut off");
    }
    if report.rewritten_bytes > 0 {
        let bytes = report.rewritten_bytes;
        tracing::info!(%topic, %partition, bytes, "what was not known to be durable was written again");
    }
    for damaged in &report.damaged {
        tracing::error!(%topic, %partition, offsets = %damaged.offsets, segment = %damaged.segment,
            position = %damaged.position, what = damaged.what, "records are damaged");
    }
    if let Some(why) = report.end_unknown {
        tracing::error!(%topic, %partition, why,
            "the end of the partition is unknown: it takes no records until it is repaired");
    }
}

fn partition_directory(topic: &Path, partition: PartitionId) -> PathBuf {
    topic.join(partition.to_string())
}
