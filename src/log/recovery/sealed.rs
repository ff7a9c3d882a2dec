//! Opening a segment that another one follows. It was sealed, and synced, before that one was made: whatever is
//! missing in it is damage.

use std::path::Path;
use std::sync::Arc;

use super::plan::damage_in_sealed;
use super::{OpenError, Opening};
use crate::codec::footer::{FOOTER_LEN, Footer};
use crate::disk::{Access, DiskError, DiskFile, DiskResultExt, read_exact_at};
use crate::log::chain::ChainState;
use crate::log::layout::segment_path;
use crate::log::scan::{Tail, scan};
use crate::log::segment::{Segment, chain_at};
use crate::log::segment_index::SegmentIndex;
use crate::types::num::to_u64;
use crate::types::{FilePosition, Offset};

impl Opening<'_> {
    /// Opens the segment `base`, which `next` follows.
    pub(super) fn open_sealed(&mut self, base: Offset, next: Offset) -> Result<(), OpenError> {
        let path = segment_path(self.directory, base);
        let file = self.disk.open(&path, Access::Read).during("open", &path)?;
        let found = match self.read_header(&*file, &path, base)? {
            Ok(found) => found,
            Err(what) => {
                tracing::error!(path = %path.display(), what, "a segment cannot be read; it is left where it is");
                self.miss(base, next, what);
                return Ok(());
            }
        };
        let segment = Segment::open(self.directory, &found.header, found.crc, SegmentIndex::unloaded());
        match read_footer(&*file, &path, found.header.nonce)? {
            Some(footer) if !footer.is_damaged => self.trust_footer(&segment, &footer, next),
            footer => self.scan_sealed(&segment, &*file, footer, next)?,
        }
        self.segments.push(Arc::new(segment));
        Ok(())
    }

    fn trust_footer(&mut self, segment: &Segment, footer: &Footer, next: Offset) {
        segment.publish(&chain_at(footer));
        if footer.end_offset < next {
            self.miss(footer.end_offset, next, "the file that held them is missing");
        } else if footer.end_offset > next {
            // Two files claim these offsets: neither is believed.
            self.miss(next, footer.end_offset, "two segments hold the same offsets");
        }
    }

    /// A segment whose footer is missing, or says that there is damage in it.
    pub(super) fn scan_sealed(
        &mut self,
        segment: &Segment,
        file: &dyn DiskFile,
        footer: Option<Footer>,
        next: Offset,
    ) -> Result<(), OpenError> {
        let start = segment.start();
        let found = scan(file, segment.nonce, start, self.config.index_interval_bytes)
            .during("read", &segment.path)?;
        self.report.scanned_bytes += found.file_len;
        if let Tail::Footer(footer) = found.tail {
            self.trim(segment, &footer, found.file_len)?;
        }
        let footer = match found.tail {
            Tail::Footer(footer) => Some(footer),
            Tail::Zeros | Tail::Torn { .. } => footer,
        };
        let end_offset = footer.map_or(next, |footer| footer.end_offset);
        let end_position = match (footer, found.tail) {
            (Some(footer), _) => footer.frames_end,
            // Nothing is missing: it is the footer that is damaged.
            (None, Tail::Torn { .. }) if found.end.next_offset == end_offset => found.end.position,
            (None, Tail::Torn { nonzero_end, .. }) => nonzero_end,
            (None, Tail::Zeros | Tail::Footer(_)) => found.end.position,
        };
        let end = ChainState { next_offset: end_offset, position: end_position, ..found.end };
        for damage in damage_in_sealed(&found, &end) {
            tracing::error!(
                path = %segment.path.display(), position = %damage.from, offsets = %damage.offsets,
                what = damage.what, "damage in a sealed segment: these offsets cannot be served"
            );
            segment.add_damage(damage);
        }
        segment.publish(&end);
        if end_offset < next {
            self.miss(end_offset, next, "the file that held them is missing");
        }
        Ok(())
    }

    /// Gives back zeros behind the footer, which a crash while sealing leaves: the footer is found at the end of
    /// the file from then on.
    fn trim(&self, segment: &Segment, footer: &Footer, file_len: u64) -> Result<(), DiskError> {
        let (path, len) = (&segment.path, footer.frames_end.0 + to_u64(FOOTER_LEN));
        if file_len > len {
            let file = self.disk.open(path, Access::ReadWrite).during("open", path)?;
            file.set_len(len).during("cut", path)?;
            file.sync().during("sync", path)?;
        }
        Ok(())
    }
}

/// The footer that a segment file ends with.
pub(in crate::log) fn read_footer(
    file: &dyn DiskFile,
    path: &Path,
    nonce: u64,
) -> Result<Option<Footer>, DiskError> {
    let len = file.len().during("stat", path)?;
    let Some(at) = len.checked_sub(to_u64(FOOTER_LEN)).map(FilePosition) else { return Ok(None) };
    let mut bytes = [0; FOOTER_LEN];
    read_exact_at(file, &mut bytes, at).during("read", path)?;
    Ok(Footer::decode(&bytes, at, nonce).ok())
}
