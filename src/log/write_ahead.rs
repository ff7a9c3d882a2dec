//! Zeros written ahead of the head. A sync of a file that grows pays for a metadata commit each time; one of
//! blocks that were written before does not, and is two to seven times cheaper.
//!
//! Invariants:
//! - The head never enters bytes that were not written and synced as zeros, unless writing ahead is off.
//! - The zeros have a descriptor of their own: a kernel reports a failed sync once per descriptor, and the
//!   commit's must be the one to see its own failures. A failure seen here latches the log all the same.
//! - Nothing is written ahead once the segment is being sealed.

use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::disk::{Access, Disk, DiskError, DiskFile, DiskResultExt, write_all_at};
use crate::types::FilePosition;
use crate::types::num::{to_u64, to_usize};

/// The first step; each further one is as long as the file is by then, up to the configured maximum, so that a
/// small topic stays small.
const STEP_BYTES_MIN: u64 = 16 * 1024;

/// Zeros are handed to the system in pieces of this length.
const PIECE_BYTES: usize = 256 * 1024;
static ZEROS: [u8; PIECE_BYTES] = [0; PIECE_BYTES];

/// The zeros ahead of one head.
#[derive(Debug)]
pub(super) struct WriteAhead {
    path: PathBuf,
    step_bytes_max: u64,
    zeroed_upto: AtomicU64,
    /// Somebody is about to replenish: nobody else needs to be asked.
    is_asked: AtomicBool,
    /// None once the segment is being sealed. Held while zeros are written, so that sealing waits for that.
    file: Mutex<Option<Arc<dyn DiskFile>>>,
}

/// Why zeros could not be written.
#[derive(Debug)]
pub(super) enum WriteAheadError {
    /// They could not be written; the head has not been touched.
    Write(DiskError),
    /// They were written, and their sync failed: nothing about the file is known any more.
    Sync(DiskError),
}

impl WriteAhead {
    /// Writing ahead for the head at `path`, whose file ends at `len`.
    pub(super) fn new(
        disk: &dyn Disk,
        path: PathBuf,
        len: FilePosition,
        step_bytes_max: u64,
    ) -> Result<WriteAhead, DiskError> {
        let file = match step_bytes_max {
            0 => None,
            _ => Some(disk.open(&path, Access::ReadWrite).during("open", &path)?),
        };
        Ok(WriteAhead {
            path,
            step_bytes_max,
            zeroed_upto: AtomicU64::new(len.0),
            is_asked: AtomicBool::new(false),
            file: Mutex::new(file),
        })
    }

    /// Whether no zeros are written ahead at all.
    pub(super) fn is_off(&self) -> bool {
        self.step_bytes_max == 0
    }

    /// Returns once there are zeros up to `upto` at least.
    pub(super) fn ensure(&self, upto: FilePosition) -> Result<(), WriteAheadError> {
        if self.is_off() || self.zeroed_upto.load(Ordering::Acquire) >= upto.0 {
            return Ok(());
        }
        self.extend(upto)
    }

    /// Whether somebody is to call [`WriteAhead::replenish`]: the head, at `position`, is about to reach the end
    /// of the zeros, and nobody was asked yet.
    pub(super) fn ask_to_replenish(&self, position: FilePosition) -> bool {
        self.is_short(position) && !self.is_asked.swap(true, Ordering::AcqRel)
    }

    fn is_short(&self, position: FilePosition) -> bool {
        let left = self.zeroed_upto.load(Ordering::Acquire).saturating_sub(position.0);
        !self.is_off() && left < self.step(position) / 2
    }

    /// Writes the next step of zeros, if it is still wanted for a head at `position`.
    pub(super) fn replenish(&self, position: FilePosition) -> Result<(), WriteAheadError> {
        self.is_asked.store(false, Ordering::Release);
        if self.is_short(position) { self.extend(position) } else { Ok(()) }
    }

    /// Waits for zeros that are being written, and writes no more.
    pub(super) fn stop(&self) {
        *self.file.lock() = None;
    }

    /// Cuts the file at `at`, durably: what stands behind, zeros and all, is gone.
    pub(super) fn cut(&self, head: &dyn DiskFile, at: FilePosition) -> io::Result<()> {
        let _no_zeros_meanwhile = self.file.lock();
        head.set_len(at.0)?;
        head.sync()?;
        self.zeroed_upto.store(at.0, Ordering::Release);
        Ok(())
    }

    fn step(&self, position: FilePosition) -> u64 {
        position.0.clamp(STEP_BYTES_MIN.min(self.step_bytes_max), self.step_bytes_max)
    }

    fn extend(&self, upto: FilePosition) -> Result<(), WriteAheadError> {
        let file = self.file.lock();
        let from = FilePosition(self.zeroed_upto.load(Ordering::Acquire));
        let Some(file) = &*file else { return Ok(()) };
        let generous = upto.plus(self.step(upto));
        if generous <= from {
            return Ok(());
        }
        let written = write_zeros(&**file, from, generous).map(|()| generous);
        let to = match written {
            // A disk that is nearly full may have room for what is needed, if not for more.
            Err(_) if from < upto => write_zeros(&**file, from, upto).map(|()| upto),
            other => other,
        };
        let to = to.during("write zeros ahead in", &self.path).map_err(WriteAheadError::Write)?;
        file.sync().during("sync zeros ahead in", &self.path).map_err(WriteAheadError::Sync)?;
        self.zeroed_upto.store(to.0, Ordering::Release);
        Ok(())
    }
}

/// All or nothing: zeros of which not all can be written must not keep the last free bytes from those who need
/// them. Where they cannot be given back they stay until the segment is sealed.
fn write_zeros(file: &dyn DiskFile, from: FilePosition, to: FilePosition) -> io::Result<()> {
    let mut at = from;
    while at < to {
        let len = to_usize(to.since(at)).min(PIECE_BYTES);
        let piece = ZEROS.get(..len).unwrap_or(&ZEROS);
        if let Err(error) = write_all_at(file, &mut [IoSlice::new(piece)], at) {
            let _ = file.set_len(from.0);
            return Err(error);
        }
        at = at.plus(to_u64(piece.len()));
    }
    Ok(())
}
