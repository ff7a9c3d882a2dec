//! The decision of recovery, as a pure function of what a scan found.
//!
//! Let D be the greatest position proved synced: by the checkpoint where the scan began, by a footer, or by
//! `durable_upto` of any sound frame. Let P be a position without a sound, chained frame; bad bytes, zeros, the
//! end of the file, a wrong nonce, epoch, position, offset or previous CRC are all alike.
//!
//! | what stands at P | P < D | P ≥ D |
//! | --- | --- | --- |
//! | zeros to the end, or the end | cannot be: D lies at or before the last sound frame | the end |
//! | bytes, a sound frame further on | damage up to that frame; it is kept, named, and gone on behind | torn: cut |
//! | bytes, nothing sound further on | cannot be, likewise | torn: cut |
//! | a sound header, its payload rotten | damage: exactly its offsets | torn: cut |
//! | a footer | cannot be: the footer proves D | the segment is sealed |
//!
//! Frames between D and P are sound but not proved: they are written again and synced before they count.

use crate::codec::footer::Footer;
use crate::log::chain::ChainState;
use crate::log::scan::{ExtentKind, Scan, Tail};
use crate::log::segment::Damage;
use crate::types::planted::{Bug, planted};
use crate::types::{FilePosition, OffsetRange};

/// What is to be done to the head segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::log) struct HeadPlan {
    /// What cannot be read, and stays as it is.
    pub(in crate::log) damage: Vec<Damage>,
    /// Where the log ends.
    pub(in crate::log) end: ChainState,
    /// The position D: everything before it is durable.
    pub(in crate::log) proved: FilePosition,
    /// The tail that is copied as evidence, then cut off.
    pub(in crate::log) torn: Option<TornTail>,
    /// The footer, where the segment was sealed.
    pub(in crate::log) footer: Option<Footer>,
}

/// A tail that was being written when the power went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::log) struct TornTail {
    pub(in crate::log) from: FilePosition,
    /// Behind the last byte that is not zero.
    pub(in crate::log) to: FilePosition,
    pub(in crate::log) what: &'static str,
}

impl HeadPlan {
    /// The frames that are to be written again.
    pub(in crate::log) fn unproved(&self) -> Option<(FilePosition, FilePosition)> {
        let is_any = self.proved < self.end.position && !planted(Bug::TrustPageCache);
        is_any.then_some((self.proved, self.end.position))
    }
}

/// Plans for the last segment of a log. `start` is where the scan began, which a checkpoint has proved, or the
/// beginning of the frames.
pub(in crate::log) fn plan_head(scan: &Scan, start: ChainState) -> HeadPlan {
    let mut proved = start.position.max(scan.durable_upto);
    let footer = match scan.tail {
        Tail::Footer(footer) => Some(footer),
        Tail::Zeros | Tail::Torn { .. } => None,
    };
    if footer.is_some() {
        proved = proved.max(scan.end.position);
    }
    let mut plan = HeadPlan { damage: Vec::new(), end: start, proved, torn: None, footer };
    for extent in &scan.extents {
        let is_durable = extent.from < proved && !planted(Bug::CutAtFirstDamage);
        match extent.kind {
            ExtentKind::Frames => {}
            ExtentKind::Gap(what) | ExtentKind::Rotten(what) if is_durable => {
                plan.damage.push(Damage { from: extent.from, to: extent.to, offsets: extent.offsets, what })
            }
            ExtentKind::Gap(what) | ExtentKind::Rotten(what) => {
                let to = match scan.tail {
                    Tail::Torn { nonzero_end, .. } => nonzero_end,
                    // The last frame's header may promise more than the file has.
                    Tail::Zeros | Tail::Footer(_) => scan.end.position.min(FilePosition(scan.file_len)),
                };
                plan.torn = Some(TornTail { from: extent.from, to, what });
                plan.footer = None;
                return plan;
            }
        }
        plan.end = extent.after;
    }
    if let Tail::Torn { nonzero_end, what } = scan.tail {
        plan.torn = Some(TornTail { from: plan.end.position, to: nonzero_end, what });
    }
    plan
}

/// The damage in a segment that was sealed and ends at `end` (offset and position): there, whatever is not a
/// sound frame is damage, since rolling syncs first.
pub(in crate::log) fn damage_in_sealed(scan: &Scan, end: &ChainState) -> Vec<Damage> {
    let mut damage: Vec<Damage> = scan
        .extents
        .iter()
        .filter_map(|extent| match extent.kind {
            ExtentKind::Frames => None,
            ExtentKind::Gap(what) | ExtentKind::Rotten(what) => {
                Some(Damage { from: extent.from, to: extent.to, offsets: extent.offsets, what })
            }
        })
        .collect();
    if scan.end.next_offset < end.next_offset {
        let what = match scan.tail {
            Tail::Torn { what, .. } => what,
            Tail::Zeros | Tail::Footer(_) => "frames missing at the end of a sealed segment",
        };
        damage.push(Damage {
            from: scan.end.position,
            to: end.position.max(scan.end.position.plus(1)),
            offsets: OffsetRange { first: scan.end.next_offset, end: end.next_offset },
            what,
        });
    }
    damage
}
