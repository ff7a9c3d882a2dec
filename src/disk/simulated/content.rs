//! One file's bytes twice: as the page cache shows them, and as the medium holds them, with the sectors in
//! which the two may differ.

use std::collections::BTreeMap;

use super::survival::{Survival, Version};
use crate::disk::SECTOR_BYTES;

#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    live: Vec<u8>,
    durable: Vec<u8>,
    /// What a sync would write, by sector number.
    dirty: BTreeMap<usize, DirtySector>,
    /// The shortest length since the last sync: a cut may survive without the growth after it.
    shortest: usize,
    /// The operation that last changed the length.
    length_sequence: u64,
}

#[derive(Clone, Debug)]
struct DirtySector {
    /// The operation that last changed the sector.
    sequence: u64,
    /// What an earlier unsynced write had put there; the medium may have got this and not what followed.
    earlier: Option<Box<[u8]>>,
}

impl Content {
    /// A file whose bytes are all durable.
    pub(super) fn settled(bytes: Vec<u8>) -> Content {
        Content { shortest: bytes.len(), durable: bytes.clone(), live: bytes, ..Content::default() }
    }

    pub(super) fn live(&self) -> &[u8] {
        &self.live
    }

    pub(super) fn durable(&self) -> &[u8] {
        &self.durable
    }

    /// Bytes by which the file would grow if `len` bytes were written at `at`.
    pub(super) fn growth(&self, at: usize, len: usize) -> usize {
        (at + len).saturating_sub(self.live.len())
    }

    pub(super) fn write(&mut self, at: usize, bytes: &[u8], sequence: u64) {
        if bytes.is_empty() {
            return;
        }
        let end = at + bytes.len();
        if at > self.live.len() {
            self.set_len(at, sequence);
        }
        for sector in at / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            self.mark(sector, sequence);
        }
        if end > self.live.len() {
            self.live.resize(end, 0);
            self.length_sequence = sequence;
        }
        self.live[at..end].copy_from_slice(bytes);
    }

    pub(super) fn set_len(&mut self, len: usize, sequence: u64) {
        let old = self.live.len();
        if len == old {
            return;
        }
        self.length_sequence = sequence;
        if len > old {
            // Where the medium still holds bytes from before a cut, the zeros must be written over them.
            for sector in old / SECTOR_BYTES..len.min(self.durable.len()).div_ceil(SECTOR_BYTES) {
                self.mark(sector, sequence);
            }
            self.live.resize(len, 0);
            return;
        }
        let behind: Vec<usize> =
            self.dirty.range(len.div_ceil(SECTOR_BYTES)..).map(|(sector, _)| *sector).collect();
        for sector in behind {
            self.mark(sector, sequence);
        }
        if !len.is_multiple_of(SECTOR_BYTES) {
            self.mark(len / SECTOR_BYTES, sequence);
        }
        self.live.truncate(len);
        self.shortest = self.shortest.min(len);
    }

    /// A sync that succeeds.
    pub(super) fn sync(&mut self) {
        self.durable.resize(self.live.len(), 0);
        let dirty = std::mem::take(&mut self.dirty);
        for sector in dirty.keys() {
            let range = sector_range(*sector, self.live.len());
            self.durable[range.clone()].copy_from_slice(&self.live[range]);
        }
        self.shortest = self.live.len();
    }

    /// A sync that fails after having written the first `written` of the dirty sectors: the others are clean
    /// from now on, and keep their new bytes in memory only.
    pub(super) fn fail_sync(&mut self, written: usize) {
        let dirty = std::mem::take(&mut self.dirty);
        for sector in dirty.keys().take(written) {
            let range = sector_range(*sector, self.live.len());
            if range.is_empty() {
                continue;
            }
            self.durable.resize(self.durable.len().max(range.end), 0);
            self.durable[range.clone()].copy_from_slice(&self.live[range]);
        }
    }

    pub(super) fn dirty_sectors(&self) -> usize {
        self.dirty.len()
    }

    /// How many separate decisions [`Content::survive`] takes.
    pub(super) fn unsynced_changes(&self) -> u64 {
        self.dirty.len() as u64 + u64::from(self.length_changed())
    }

    /// The latest operation that is not synced; 0 where there is none.
    pub(super) fn last_unsynced_sequence(&self) -> u64 {
        let length = if self.length_changed() { self.length_sequence } else { 0 };
        self.dirty.values().map(|dirty| dirty.sequence).fold(length, u64::max)
    }

    /// What the medium holds after a power cut.
    pub(super) fn survive(&self, survival: &mut Survival) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        if self.length_changed() {
            let len = match survival.length(self.length_sequence) {
                Version::Old => self.durable.len(),
                Version::Earlier => self.shortest,
                Version::New => self.live.len(),
            };
            bytes.resize(len, 0);
        }
        for (sector, dirty) in &self.dirty {
            let content = match (survival.sector(dirty.sequence), &dirty.earlier) {
                (Version::Old, _) => continue,
                (Version::Earlier, Some(earlier)) => earlier,
                (Version::Earlier, None) | (Version::New, _) => {
                    &self.live[sector_range(*sector, self.live.len())]
                }
            };
            if content.is_empty() {
                continue;
            }
            let start = sector * SECTOR_BYTES;
            bytes.resize(bytes.len().max(start + content.len()), 0);
            let range = sector_range(*sector, bytes.len());
            bytes[range.clone()].fill(0);
            bytes[range.start..range.start + content.len()].copy_from_slice(content);
        }
        bytes
    }

    /// Changes bytes in memory and on the medium alike, behind the back of everything.
    pub(super) fn damage(&mut self, at: usize, bytes: &[u8]) {
        for copy in [&mut self.live, &mut self.durable] {
            copy.resize(copy.len().max(at + bytes.len()), 0);
            copy[at..at + bytes.len()].copy_from_slice(bytes);
        }
        for sector in at / SECTOR_BYTES..(at + bytes.len()).div_ceil(SECTOR_BYTES) {
            if let Some(dirty) = self.dirty.get_mut(&sector) {
                dirty.earlier = None;
            }
        }
    }

    /// Cuts the file in memory and on the medium alike.
    pub(super) fn damage_len(&mut self, len: usize) {
        self.live.truncate(len);
        self.durable.truncate(len);
        self.shortest = self.shortest.min(len);
        self.dirty.retain(|sector, _| sector * SECTOR_BYTES < len);
    }

    fn length_changed(&self) -> bool {
        self.live.len() != self.durable.len() || self.shortest < self.durable.len()
    }

    /// Notes that `sequence` is about to change a sector. What one operation writes into a sector reaches the
    /// medium whole, so only what an earlier operation left there is worth keeping.
    fn mark(&mut self, sector: usize, sequence: u64) {
        let range = sector_range(sector, self.live.len());
        match self.dirty.get_mut(&sector) {
            None => {
                self.dirty.insert(sector, DirtySector { sequence, earlier: None });
            }
            Some(dirty) if dirty.sequence == sequence => {}
            Some(dirty) => {
                if !range.is_empty() {
                    dirty.earlier = Some(self.live[range].into());
                }
                dirty.sequence = sequence;
            }
        }
    }
}

/// The bytes of a sector in a file of `len` bytes.
fn sector_range(sector: usize, len: usize) -> std::ops::Range<usize> {
    let start = (sector * SECTOR_BYTES).min(len);
    start..(start + SECTOR_BYTES).min(len)
}
