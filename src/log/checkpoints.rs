//! The partition's checkpoint on disk: the epoch of the last opening, the log start, and a place up to which
//! the log is known to be synced. See `codec::checkpoint` for the format.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::authority::{AuthoritativeFile, AuthorityError, Owner};
use super::layout::CHECKPOINT;
use crate::codec::checkpoint::{Checkpoint, Proof};
use crate::codec::segment_header::LogIdentity;
use crate::disk::{Disk, DiskError};
use crate::types::Offset;
use crate::types::planted::{Bug, planted};

const MAGIC: [u8; 8] = *b"HWCHECKP";

/// The checkpoint, and its file.
#[derive(Debug)]
pub(super) struct Checkpoints {
    disk: Arc<dyn Disk>,
    file: AuthoritativeFile,
    current: Checkpoint,
}

impl Checkpoints {
    pub(super) fn create(
        disk: Arc<dyn Disk>,
        directory: &Path,
        identity: LogIdentity,
        current: Checkpoint,
    ) -> Result<Checkpoints, DiskError> {
        let file = file(directory, identity).create(&*disk, &current.encode())?;
        Ok(Checkpoints { disk, file, current })
    }

    pub(super) fn load(
        disk: Arc<dyn Disk>,
        directory: &Path,
        identity: LogIdentity,
    ) -> Result<Checkpoints, AuthorityError> {
        let loaded = file(directory, identity).load(&*disk)?;
        if let Some(path) = &loaded.quarantined {
            tracing::error!(path = %path.display(), "a checkpoint was damaged: set aside, its sibling is used");
        }
        let current = Checkpoint::decode(&loaded.content).ok_or_else(|| AuthorityError::Damaged {
            path: directory.join(CHECKPOINT),
            what: "impossible field",
        })?;
        Ok(Checkpoints { disk, file: loaded.file, current })
    }

    /// What is current, without touching or mending anything.
    pub(super) fn peek(
        disk: &dyn Disk,
        directory: &Path,
        identity: LogIdentity,
    ) -> Result<Checkpoint, AuthorityError> {
        let content = file(directory, identity).peek(disk)?;
        Checkpoint::decode(&content).ok_or_else(|| AuthorityError::Damaged {
            path: directory.join(CHECKPOINT),
            what: "impossible field",
        })
    }

    /// The generations that are damaged, without touching them.
    pub(super) fn damaged_generations(
        disk: &dyn Disk,
        directory: &Path,
        identity: LogIdentity,
    ) -> Vec<PathBuf> {
        file(directory, identity).damaged_generations(disk)
    }

    /// A checkpoint that is not on disk, for a log that is only read.
    pub(super) fn detached(
        disk: Arc<dyn Disk>,
        directory: &Path,
        identity: LogIdentity,
        current: Checkpoint,
    ) -> Checkpoints {
        Checkpoints { disk, file: file(directory, identity), current }
    }

    /// Moves what there is of damaged files out of the way.
    pub(super) fn quarantine(
        disk: &dyn Disk,
        directory: &Path,
        identity: LogIdentity,
    ) -> Result<(), DiskError> {
        file(directory, identity).quarantine_all(disk)
    }

    pub(super) fn current(&self) -> &Checkpoint {
        &self.current
    }

    /// Replaces all of it, in both generations: an epoch must not come back.
    pub(super) fn reopen(&mut self, next: Checkpoint) -> Result<(), DiskError> {
        self.file.store_twice(&*self.disk, &next.encode())?;
        self.current = next;
        Ok(())
    }

    /// Moves the log start, in both generations: deleted records must not come back.
    pub(super) fn set_log_start(&mut self, log_start_offset: Offset) -> Result<(), DiskError> {
        if planted(Bug::ForgetLogStart) {
            return Ok(());
        }
        self.reopen(Checkpoint { log_start_offset, ..self.current })
    }

    /// Moves the proof forward; one that proves less than the current is not written. An older generation
    /// proves less, which costs time and nothing else, so that one is enough.
    pub(super) fn prove(&mut self, proof: Proof) -> Result<(), DiskError> {
        let place = |proof: &Proof| (proof.segment, proof.position);
        if place(&proof) <= place(&self.current.proof) {
            return Ok(());
        }
        let next = Checkpoint { proof, ..self.current };
        self.file.store(&*self.disk, &next.encode())?;
        self.current = next;
        Ok(())
    }
}

fn file(directory: &Path, identity: LogIdentity) -> AuthoritativeFile {
    let mut owner = Owner::default();
    let (topic, partition) = owner.split_at_mut(identity.topic.0.len());
    topic.copy_from_slice(&identity.topic.0);
    partition.copy_from_slice(&identity.partition.0.to_le_bytes());
    AuthoritativeFile::at(directory, CHECKPOINT, MAGIC, owner)
}
