//! Finds the partitions under a data directory, and checks the metadata of their topics.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use crate::codec::segment_header::LogIdentity;
use crate::codec::topic_meta::{TOPIC_META_FILE, TOPIC_META_MAGIC, TopicMeta};
use crate::disk::{Disk, DiskLock, EntryKind};
use crate::log::{AuthoritativeFile, Finding, Owner};
use crate::types::PartitionId;

/// A data directory that nobody else uses meanwhile.
#[derive(Debug)]
pub(super) struct DataDir {
    /// The partitions that were asked for, by topic and number.
    pub(super) partitions: Vec<PartitionDir>,
    /// What is wrong with the topics' metadata.
    pub(super) findings: Vec<Finding>,
    _lock: Box<dyn DiskLock>,
}

/// A partition's directory.
#[derive(Debug)]
pub(super) struct PartitionDir {
    pub(super) topic: String,
    pub(super) number: u32,
    pub(super) path: PathBuf,
    /// None where the topic's metadata cannot be read.
    pub(super) identity: Option<LogIdentity>,
}

impl PartitionDir {
    pub(super) fn name(&self) -> String {
        format!("{}/{}", self.topic, self.number)
    }
}

impl DataDir {
    /// Locks `root`, and finds all partitions, or those that are asked for.
    pub(super) fn open(
        disk: &Arc<dyn Disk>,
        root: &Path,
        topic: Option<&str>,
        partition: Option<u32>,
    ) -> anyhow::Result<DataDir> {
        let topics = root.join("topics");
        // Looked for first: locking makes a file, and this may be no data directory at all.
        let entries = disk
            .list_dir(&topics)
            .with_context(|| format!("{} is no data directory of Highwater", root.display()))?;
        let lock = match disk.lock(&root.join("lock")) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                anyhow::bail!("{} is in use by a broker: stop it first", root.display())
            }
            other => other.with_context(|| format!("cannot lock {}", root.display()))?,
        };
        let mut found = DataDir { partitions: Vec::new(), findings: Vec::new(), _lock: lock };
        for entry in entries {
            if entry.kind == EntryKind::Directory && topic.is_none_or(|only| only == entry.name) {
                found.add_topic(&**disk, &topics.join(&entry.name), &entry.name)?;
            }
        }
        found.partitions.retain(|found| partition.is_none_or(|only| only == found.number));
        if let (Some(topic), true) = (topic, found.partitions.is_empty()) {
            let which = partition.map_or_else(String::new, |number| format!(", partition {number}"));
            anyhow::bail!("there is no topic {topic}{which} in {}", root.display());
        }
        Ok(found)
    }

    fn add_topic(&mut self, disk: &dyn Disk, directory: &Path, name: &str) -> anyhow::Result<()> {
        let path = directory.join(TOPIC_META_FILE);
        let file = AuthoritativeFile::at(directory, TOPIC_META_FILE, TOPIC_META_MAGIC, Owner::default());
        for path in file.damaged_generations(disk) {
            let what = "this generation of the topic's metadata is damaged".to_owned();
            self.findings.push(Finding { path, what });
        }
        let content = file.peek(disk);
        let meta = match content.map(|content| TopicMeta::decode(&content)) {
            Ok(Ok(meta)) if meta.name.as_str() == name => Some(meta),
            Ok(Ok(meta)) => {
                let what = format!("the metadata of another topic, {}", meta.name);
                self.findings.push(Finding { path, what });
                None
            }
            Ok(Err(error)) => {
                self.findings.push(Finding { path, what: error.to_string() });
                None
            }
            Err(error) => {
                self.findings.push(Finding { path, what: error.to_string() });
                None
            }
        };
        let present = partition_numbers(disk, directory)?;
        let expected = meta.as_ref().map_or(0, |meta| meta.partitions);
        for number in (0..expected).filter(|number| !present.contains(number)) {
            let what = format!("partition {number} of topic {name} is missing");
            self.findings.push(Finding { path: directory.join(number.to_string()), what });
        }
        self.partitions.extend(present.into_iter().map(|number| PartitionDir {
            topic: name.to_owned(),
            number,
            path: directory.join(number.to_string()),
            identity:
                meta.as_ref().map(|meta| LogIdentity { topic: meta.id, partition: PartitionId(number) }),
        }));
        Ok(())
    }
}

fn partition_numbers(disk: &dyn Disk, directory: &Path) -> anyhow::Result<Vec<u32>> {
    let entries = disk.list_dir(directory).with_context(|| format!("cannot list {}", directory.display()))?;
    let directories = entries.into_iter().filter(|entry| entry.kind == EntryKind::Directory);
    let mut numbers: Vec<u32> = directories.filter_map(|entry| entry.name.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}
