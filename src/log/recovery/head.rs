//! Opening the last segment, and deciding where the log goes on.
//!
//! The order of what is written is what makes it safe to interrupt: evidence first, then the cut, then the
//! frames that nothing proves, then the sync of all of it. Only then is the durable offset published.

use std::io::IoSlice;
use std::sync::Arc;

use super::plan::{HeadPlan, TornTail, damage_in_sealed, plan_head};
use super::sealed::read_footer;
use super::{OnUnknownEnd, OpenError, Opening, Outcome};
use crate::codec::checkpoint::Proof;
use crate::codec::footer::Footer;
use crate::codec::segment_header::{FRAMES_START, FoundHeader, PreviousSegment};
use crate::disk::{
    Access, DiskError, DiskFile, DiskResultExt, create_dir_durable, read_exact_at, replace_file, write_all_at,
};
use crate::log::chain::ChainState;
use crate::log::head::write_footer;
use crate::log::jobs::proof_at;
use crate::log::layout::{EVIDENCE_DIR, evidence_path, segment_path};
use crate::log::scan::{Scan, scan};
use crate::log::segment::{Segment, chain_at};
use crate::log::segment_index::{SegmentIndex, load_head_entries};
use crate::types::limits::PAYLOAD_BYTES_MAX;
use crate::types::num::{to_u64, to_usize};
use crate::types::planted::{Bug, planted};
use crate::types::{FilePosition, Offset};

/// No more of a torn tail is kept as evidence, in bytes.
const EVIDENCE_BYTES_MAX: u64 = 1024 * 1024;

/// Frames are written again in pieces of this many bytes.
const REWRITE_BYTES: u64 = 1024 * 1024;

/// Where appends will go.
pub(super) enum EndState {
    Open { segment: Arc<Segment>, end: ChainState },
    Sealed(PreviousSegment),
    Unknown,
}

impl EndState {
    pub(super) fn is_writable(&self) -> bool {
        !matches!(self, EndState::Unknown)
    }
}

/// What the last segment has led to, before it is decided whether that can be the end.
pub(super) struct FoundEnd {
    state: EndState,
    end: Offset,
    proof: Option<Proof>,
    /// The length of the last file.
    file_len: u64,
    /// Why this may not be where the log ended.
    doubt: Option<&'static str>,
}

impl Opening<'_> {
    /// Opens the last segment.
    pub(super) fn open_last(&mut self, base: Offset, has_checkpoint: bool) -> Result<FoundEnd, OpenError> {
        let path = segment_path(self.directory, base);
        let file = self.disk.open(&path, Access::ReadWrite).during("open", &path)?;
        let file_len = file.len().during("stat", &path)?;
        let proof = self.proof.filter(|proof| proof.segment == base);
        let found = match self.read_header(&*file, &path, base)? {
            Ok(found) => found,
            Err(what) => {
                tracing::error!(path = %path.display(), what, "the last segment cannot be read");
                let end = proof.map_or(base, |proof| proof.end_offset);
                self.miss(base, end, what);
                let doubt = Some(what);
                return Ok(FoundEnd { state: EndState::Unknown, end, proof: self.proof, file_len, doubt });
            }
        };
        let lost_checkpoint = (!has_checkpoint).then_some("every generation of the checkpoint is damaged");
        if let Some(footer) = read_footer(&*file, &path, found.header.nonce)? {
            let mut end = self.open_sealed_last(&found, &*file, &footer)?;
            end.doubt = lost_checkpoint;
            return Ok(end);
        }
        match proof {
            Some(proof) if proof.position.0 > file_len => {
                self.open_cut_short(&found, &file, &proof, file_len)
            }
            _ => {
                let mut end = self.recover_head(&found, &file, proof.as_ref())?;
                end.doubt = end.doubt.or(lost_checkpoint);
                Ok(end)
            }
        }
    }

    /// The last segment was sealed, and the next one never made. Its frames were synced before the footer was
    /// written, so the proof moves behind them; the footer itself may never have reached the disk, and is
    /// written again before the next segment may say that it did.
    fn open_sealed_last(
        &mut self,
        found: &FoundHeader,
        file: &dyn DiskFile,
        footer: &Footer,
    ) -> Result<FoundEnd, OpenError> {
        let segment = Segment::open(self.directory, &found.header, found.crc, SegmentIndex::unloaded());
        let end = chain_at(footer);
        if footer.is_damaged {
            self.scan_sealed(&segment, file, Some(*footer), footer.end_offset)?;
        }
        let previous = write_footer(file, &segment, &end, footer.is_damaged)?;
        segment.publish(&end);
        let proof = Some(proof_at(&segment, &end));
        self.segments.push(Arc::new(segment));
        Ok(FoundEnd {
            state: EndState::Sealed(previous),
            end: previous.end_offset,
            proof,
            file_len: previous.len,
            doubt: None,
        })
    }

    /// All files are gone, but the checkpoint says that there were some.
    pub(super) fn without_segments(&mut self) -> FoundEnd {
        let (first, proof) = (self.log_start.unwrap_or_default(), self.proof);
        let end = proof.map_or(first, |proof| proof.end_offset);
        self.miss(first, end, "the file that held them is missing");
        let doubt = Some("every segment file is missing");
        FoundEnd { state: EndState::Unknown, end, proof, file_len: 0, doubt }
    }

    /// Whether what was found can be the end of the log, and where to go on if not.
    pub(super) fn decide_end(
        &mut self,
        found: FoundEnd,
        last_base: Option<Offset>,
        on_unknown_end: OnUnknownEnd,
    ) -> Result<Outcome, OpenError> {
        let known_end =
            self.proof.map_or(Offset::ZERO, |proof| proof.end_offset).max(self.log_start.unwrap_or_default());
        let is_head_missing = found.end < known_end;
        if is_head_missing && found.doubt.is_none() {
            self.miss(found.end, known_end, "the end of the log is missing");
        }
        let doubt = found.doubt.or(is_head_missing.then_some("the end of the log is missing"));
        let proof = found.proof.unwrap_or(Proof {
            segment: last_base.unwrap_or_default(),
            position: FRAMES_START,
            end_offset: found.end,
            chain_crc: 0,
            frame_count: 0,
            times: None,
        });
        let end = found.end.max(known_end);
        let Some(doubt) = doubt else { return Ok(Outcome { state: found.state, end, proof }) };
        tracing::error!(directory = %self.directory.display(), reason = doubt, "the end of the log is unknown");
        self.report.end_unknown = Some(doubt);
        if on_unknown_end == OnUnknownEnd::Refuse {
            return Ok(Outcome { state: EndState::Unknown, end, proof });
        }
        // Each record takes a byte at least: beyond this no offset of the lost file can have been given out.
        let lost_max = self.config.segment_bytes.max(found.file_len).max(to_u64(PAYLOAD_BYTES_MAX));
        let lost_from = last_base.into_iter().chain(self.proof.map(|proof| proof.segment)).max();
        let next = lost_from.map_or(end, |base| end.max(base.plus(lost_max)));
        let previous = PreviousSegment { end_offset: next, len: found.file_len };
        Ok(Outcome { state: EndState::Sealed(previous), end: next, proof })
    }

    /// The file ends before the place that the checkpoint has proved: what was lost, and how much, is unknown.
    fn open_cut_short(
        &mut self,
        found: &FoundHeader,
        file: &Arc<dyn DiskFile>,
        proof: &Proof,
        file_len: u64,
    ) -> Result<FoundEnd, OpenError> {
        let bare = Segment::open(self.directory, &found.header, found.crc, SegmentIndex::unloaded());
        let scanned = scan(&**file, bare.nonce, bare.start(), self.config.index_interval_bytes)
            .during("read", &bare.path)?;
        let end = ChainState { next_offset: proof.end_offset, ..scanned.end };
        let damaged = damage_in_sealed(&scanned, &end);
        let index = SegmentIndex::in_memory(scanned.index);
        let segment = Segment::open(self.directory, &found.header, found.crc, index);
        for damage in damaged {
            segment.add_damage(damage);
        }
        segment.publish(&end);
        self.segments.push(Arc::new(segment));
        let doubt = Some("the last segment is shorter than its checkpoint says");
        let end = proof.end_offset;
        Ok(FoundEnd { state: EndState::Unknown, end, proof: Some(*proof), file_len, doubt })
    }

    /// The ordinary case: scan, plan, carry out.
    fn recover_head(
        &mut self,
        found: &FoundHeader,
        file: &Arc<dyn DiskFile>,
        proof: Option<&Proof>,
    ) -> Result<FoundEnd, OpenError> {
        let path = segment_path(self.directory, found.header.base_offset);
        let bare = Segment::open(self.directory, &found.header, found.crc, SegmentIndex::unloaded());
        let start = proof.map_or(bare.start(), |proof| chain_from(proof, self.open_epoch));
        let interval = self.config.index_interval_bytes;
        let scanned = scan(&**file, found.header.nonce, start, interval).during("read", &path)?;
        self.report.scanned_bytes += scanned.file_len.saturating_sub(start.position.0);
        self.open_epoch = self.open_epoch.max(scanned.open_epoch);
        let plan = plan_head(&scanned, start);

        let mut entries = self.index_entries(&bare, &**file, start, &scanned)?;
        // Frames behind a gap were scanned as well: those that are cut off must not be found again, or a reader
        // would be led past the frames that are going to stand in their place.
        entries.retain(|entry| entry.position < plan.end.position);
        let segment =
            Segment::open(self.directory, &found.header, found.crc, SegmentIndex::in_memory(entries));
        segment.set_file(Arc::clone(file));
        for damage in &plan.damage {
            tracing::error!(
                path = %path.display(), position = %damage.from, offsets = %damage.offsets, what = damage.what,
                "damage in the last segment: these offsets cannot be served"
            );
            segment.add_damage(*damage);
        }
        if let Some(torn) = plan.torn {
            self.keep_evidence(&segment, &**file, torn)?;
        }
        let sealed = self.carry_out(&segment, &**file, &plan, scanned.file_len)?;
        segment.publish(&plan.end);
        let segment = Arc::new(segment);
        self.segments.push(Arc::clone(&segment));
        let (end, proof) = (plan.end.next_offset, Some(proof_at(&segment, &plan.end)));
        let state = match sealed {
            Some(previous) => EndState::Sealed(previous),
            None => EndState::Open { segment, end: plan.end },
        };
        Ok(FoundEnd { state, end, proof, file_len: plan.end.position.0, doubt: None })
    }

    /// The index entries of the head: from its file up to where the scan began, from the scan behind that.
    fn index_entries(
        &self,
        segment: &Segment,
        file: &dyn DiskFile,
        start: ChainState,
        scanned: &Scan,
    ) -> Result<Vec<crate::codec::index::IndexEntry>, OpenError> {
        if start.position <= FRAMES_START {
            return Ok(scanned.index.clone());
        }
        let path = segment.index_path(self.directory);
        if let Some(mut entries) = load_head_entries(self.disk, &path, segment.nonce, start.position) {
            entries.extend(&scanned.index);
            return Ok(entries);
        }
        tracing::info!(path = %path.display(), "index is missing or damaged: rebuilt");
        let whole = scan(file, segment.nonce, segment.start(), self.config.index_interval_bytes)
            .during("read", &segment.path)?;
        Ok(whole.index)
    }

    fn keep_evidence(
        &mut self,
        segment: &Segment,
        file: &dyn DiskFile,
        torn: TornTail,
    ) -> Result<(), DiskError> {
        create_dir_durable(self.disk, &self.directory.join(EVIDENCE_DIR))?;
        let evidence = evidence_path(self.directory, segment.base, torn.from);
        let len = torn.to.since(torn.from);
        let mut bytes = vec![0; to_usize(len.min(EVIDENCE_BYTES_MAX))];
        read_exact_at(file, &mut bytes, torn.from).during("read", &segment.path)?;
        replace_file(self.disk, &evidence, &bytes)?;
        tracing::warn!(
            path = %segment.path.display(), position = %torn.from, bytes = len, what = torn.what,
            evidence = %evidence.display(), "a torn tail, never acknowledged, is cut off"
        );
        self.report.torn = Some((len, evidence));
        Ok(())
    }

    /// Cuts, writes again, syncs. Returns how the segment ends, where it is sealed.
    fn carry_out(
        &mut self,
        segment: &Segment,
        file: &dyn DiskFile,
        plan: &HeadPlan,
        file_len: u64,
    ) -> Result<Option<PreviousSegment>, DiskError> {
        let path = &segment.path;
        let end = plan.end.position.0 + u64::from(plan.torn.is_some() && planted(Bug::CutOffByOne));
        let is_cut = plan.footer.is_none() && file_len > end;
        if is_cut {
            file.set_len(end).during("cut", path)?;
        }
        if let Some((from, to)) = plan.unproved() {
            rewrite(file, from, to).during("write again", path)?;
            self.report.rewritten_bytes = to.since(from);
        }
        if plan.footer.is_some() || !plan.damage.is_empty() {
            if plan.unproved().is_some() {
                // A footer proves the frames before it, so they go first.
                file.sync().during("sync", path)?;
            }
            // What lies before the place where the scan began is known from the footer alone.
            let is_damaged = !plan.damage.is_empty() || plan.footer.is_some_and(|footer| footer.is_damaged);
            return write_footer(file, segment, &plan.end, is_damaged).map(Some);
        }
        if (is_cut || plan.unproved().is_some()) && !planted(Bug::SkipRecoverySync) {
            file.sync().during("sync", path)?;
        }
        Ok(None)
    }
}

/// Reads bytes and writes the same bytes to the same place, so that the next sync has them to write: what can
/// be read may be in the page cache only, and marked clean there.
fn rewrite(file: &dyn DiskFile, from: FilePosition, to: FilePosition) -> std::io::Result<()> {
    let mut at = from;
    while at < to {
        let mut piece = vec![0; to_usize(to.since(at).min(REWRITE_BYTES))];
        read_exact_at(file, &mut piece, at)?;
        write_all_at(file, &mut [IoSlice::new(&piece)], at)?;
        at = at.plus(to_u64(piece.len()));
    }
    Ok(())
}

fn chain_from(proof: &Proof, open_epoch: u32) -> ChainState {
    ChainState {
        position: proof.position,
        next_offset: proof.end_offset,
        previous_crc: proof.chain_crc,
        open_epoch,
        frame_count: proof.frame_count,
        times: proof.times,
    }
}
