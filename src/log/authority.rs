//! Small files that cannot be made again from others: versioned, checksummed, and kept in two generations, so
//! that damage to one never loses what it says.
//!
//! `NAME.0` and `NAME.1` are envelopes over a generation number, the owner, and the content. The sound one of
//! the higher generation counts; a new generation replaces the other one. A damaged file is moved into
//! `quarantine/`, reported, and written again from its sound sibling; so is one that belongs to another owner,
//! and has come here by a misdirected write or a wrong restore. Where both are damaged nothing is made up: that
//! is an error, and the files stay as evidence.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::codec::FORMAT_VERSION;
use crate::codec::envelope::{self, EnvelopeError};
use crate::disk::{Disk, DiskError, quarantine, read_file, replace_file};

/// No authoritative file is longer, in bytes.
const FILE_BYTES_MAX: usize = 1024 * 1024;

const GENERATION_LEN: usize = 8;

/// Who a file belongs to; all zeros for files whose content says so itself.
pub type Owner = [u8; 20];

const PREFIX_LEN: usize = GENERATION_LEN + size_of::<Owner>();

/// One authoritative file: where it lies, and which generation of it is current.
#[derive(Debug)]
pub struct AuthoritativeFile {
    directory: PathBuf,
    name: &'static str,
    magic: [u8; 8],
    owner: Owner,
    generation: u64,
}

/// What [`AuthoritativeFile::load`] found.
#[derive(Debug)]
pub struct Loaded {
    /// The file, for storing what comes next.
    pub file: AuthoritativeFile,
    /// The content of the current generation.
    pub content: Vec<u8>,
    /// A damaged generation that was moved into quarantine; the content may then be the one before the last.
    pub quarantined: Option<PathBuf>,
}

/// Why an authoritative file cannot be had.
#[derive(Debug, Error)]
pub enum AuthorityError {
    /// There is none.
    #[error("{} is missing", .0.display())]
    Missing(PathBuf),
    /// Every generation there is is damaged. They are left where they are.
    #[error("{} is damaged in every generation: {what}", path.display())]
    Damaged {
        /// The file, without the ending of a generation.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// It was written by a later version of Highwater.
    #[error("{} was written by a newer version of Highwater (format {found}, this build reads up to {known})", path.display())]
    NewerVersion {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version that is understood.
        known: u32,
    },
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] DiskError),
}

/// The generation that is not current.
enum Other {
    Sound,
    Missing,
    Damaged(PathBuf),
}

enum Found {
    Sound { generation: u64, content: Vec<u8> },
    Missing,
    Damaged(&'static str),
}

impl AuthoritativeFile {
    /// The file by that name in `directory`, whether it exists or not.
    #[must_use]
    pub fn at(directory: &Path, name: &'static str, magic: [u8; 8], owner: Owner) -> AuthoritativeFile {
        AuthoritativeFile { directory: directory.to_owned(), name, magic, owner, generation: 0 }
    }

    /// Creates the file, in both generations, durably. The directory must exist.
    ///
    /// # Errors
    /// What the disk said.
    pub fn create(mut self, disk: &dyn Disk, content: &[u8]) -> Result<AuthoritativeFile, DiskError> {
        self.store(disk, content)?;
        self.store(disk, content)?;
        Ok(self)
    }

    /// Reads the current generation, and mends the other one where it is damaged or missing.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub fn load(mut self, disk: &dyn Disk) -> Result<Loaded, AuthorityError> {
        let (other, content) = self.read_current(disk)?;
        let quarantined = match other {
            Other::Sound => None,
            Other::Missing => {
                self.store(disk, &content)?;
                None
            }
            Other::Damaged(path) => {
                let evidence = quarantine(disk, &path, &self.directory)?;
                self.store(disk, &content)?;
                Some(evidence)
            }
        };
        Ok(Loaded { file: self, content, quarantined })
    }

    /// The generations that are damaged; nothing is mended or moved.
    pub fn damaged_generations(&self, disk: &dyn Disk) -> Vec<PathBuf> {
        let is_damaged = |slot: &usize| matches!(self.read_slot(disk, *slot), Ok(Found::Damaged(_)));
        (0..2).filter(is_damaged).map(|slot| self.slot_path(slot)).collect()
    }

    /// Moves both generations into quarantine, where they exist: for a repair that is about to replace them.
    pub(super) fn quarantine_all(&self, disk: &dyn Disk) -> Result<(), DiskError> {
        for slot in 0..2 {
            match quarantine(disk, &self.slot_path(slot), &self.directory) {
                Err(error) if !error.is_not_found() => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// The content of the current generation; nothing is mended or moved.
    ///
    /// # Errors
    /// See [`AuthorityError`].
    pub fn peek(mut self, disk: &dyn Disk) -> Result<Vec<u8>, AuthorityError> {
        self.read_current(disk).map(|(_, content)| content)
    }

    /// Makes `content` the current generation, durably.
    ///
    /// # Errors
    /// What the disk said; either content may then be current.
    pub fn store(&mut self, disk: &dyn Disk, content: &[u8]) -> Result<(), DiskError> {
        assert!(content.len() + PREFIX_LEN <= FILE_BYTES_MAX / 2, "authoritative files are small");
        let generation = self.generation.saturating_add(1);
        let mut body = generation.to_le_bytes().to_vec();
        body.extend_from_slice(&self.owner);
        body.extend_from_slice(content);
        let slot = usize::from(generation % 2 == 1);
        replace_file(disk, &self.slot_path(slot), &envelope::seal(self.magic, FORMAT_VERSION, &body))?;
        self.generation = generation;
        Ok(())
    }

    /// The same in both generations: for content whose older version must not come back. It holds as soon as
    /// one has it; where the other fails, the next opening mends it.
    ///
    /// # Errors
    /// What the disk said; either content may then be current.
    pub fn store_twice(&mut self, disk: &dyn Disk, content: &[u8]) -> Result<(), DiskError> {
        self.store(disk, content)?;
        if let Err(error) = self.store(disk, content) {
            tracing::warn!(%error, "an authoritative file has its new content in one generation only");
        }
        Ok(())
    }

    /// The current content, whose generation becomes this file's, and what the other generation is like.
    fn read_current(&mut self, disk: &dyn Disk) -> Result<(Other, Vec<u8>), AuthorityError> {
        let found = [self.read_slot(disk, 0)?, self.read_slot(disk, 1)?];
        let path = || self.directory.join(self.name);
        let (generation, content, other) = match found {
            [Found::Sound { generation: a, content }, Found::Sound { generation: b, .. }] if a > b => {
                (a, content, Other::Sound)
            }
            [Found::Sound { .. }, Found::Sound { generation, content }] => {
                (generation, content, Other::Sound)
            }
            [Found::Sound { generation, content }, Found::Missing]
            | [Found::Missing, Found::Sound { generation, content }] => (generation, content, Other::Missing),
            [Found::Sound { generation, content }, Found::Damaged(_)] => {
                (generation, content, Other::Damaged(self.slot_path(1)))
            }
            [Found::Damaged(_), Found::Sound { generation, content }] => {
                (generation, content, Other::Damaged(self.slot_path(0)))
            }
            [Found::Damaged(what), _] | [_, Found::Damaged(what)] => {
                return Err(AuthorityError::Damaged { path: path(), what });
            }
            [Found::Missing, Found::Missing] => return Err(AuthorityError::Missing(path())),
        };
        self.generation = generation;
        Ok((other, content))
    }

    fn read_slot(&self, disk: &dyn Disk, slot: usize) -> Result<Found, AuthorityError> {
        let path = self.slot_path(slot);
        let bytes = match read_file(disk, &path, FILE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return Ok(Found::Missing),
            Err(error) if error.source.kind() == std::io::ErrorKind::InvalidData => {
                return Ok(Found::Damaged("longer than any such file"));
            }
            Err(error) => return Err(error.into()),
        };
        match envelope::open_exact(self.magic, FORMAT_VERSION, &bytes) {
            Ok(body) => Ok(self.parse(slot, body)),
            Err(EnvelopeError::Damaged(what)) => Ok(Found::Damaged(what)),
            Err(EnvelopeError::NewerVersion { found, known }) => {
                Err(AuthorityError::NewerVersion { path, found, known })
            }
        }
    }

    fn parse(&self, slot: usize, body: &[u8]) -> Found {
        let Some((generation, rest)) = body.split_first_chunk::<GENERATION_LEN>() else {
            return Found::Damaged("too short");
        };
        let generation = u64::from_le_bytes(*generation);
        // A generation in the other one's place is a copy of a stale file.
        if usize::from(generation % 2 == 1) != slot {
            return Found::Damaged("a generation in the wrong place");
        }
        match rest.strip_prefix(&self.owner) {
            Some(content) => Found::Sound { generation, content: content.to_vec() },
            None => Found::Damaged("a file of another owner"),
        }
    }

    fn slot_path(&self, slot: usize) -> PathBuf {
        self.directory.join(format!("{}.{slot}", self.name))
    }
}
