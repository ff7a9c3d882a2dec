//! What is to go wrong, and when.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

/// The kinds of calls that count as operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperationKind {
    Create,
    Open,
    /// Reading bytes, lengths and directories, and mapping.
    Read,
    Write,
    Sync,
    SetLen,
    Rename,
    Remove,
    CreateDir,
    RemoveDir,
    SyncDir,
    Lock,
}

impl OperationKind {
    /// Whether the medium may differ after the call. Crashes happen only at these.
    pub(crate) fn is_mutating(self) -> bool {
        !matches!(self, OperationKind::Open | OperationKind::Read)
    }
}

/// Which operations are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OperationFilter {
    Any,
    Mutating,
    Kind(OperationKind),
}

impl OperationFilter {
    pub(crate) fn matches(self, kind: OperationKind) -> bool {
        match self {
            OperationFilter::Any => true,
            OperationFilter::Mutating => kind.is_mutating(),
            OperationFilter::Kind(only) => only == kind,
        }
    }
}

/// The call that the machine does not survive, counted in mutating operations from 0. That call and all later
/// ones fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CrashPoint {
    /// The call has no effect.
    Before(u64),
    /// A write has half of its effect; another call has none.
    During(u64),
    /// The call has its effect, but the caller never learns of it.
    After(u64),
}

impl CrashPoint {
    fn operation(self) -> u64 {
        match self {
            CrashPoint::Before(n) | CrashPoint::During(n) | CrashPoint::After(n) => n,
        }
    }
}

/// How an operation fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// EIO.
    Io,
    /// ENOSPC.
    NoSpace,
    /// EINTR.
    Interrupted,
    /// A write or read succeeds with half of the bytes, but at least one. Other calls succeed as ever.
    Short,
}

/// How much of its effect an operation has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Nothing,
    /// Half of the bytes of a write, half of the sectors of a sync; nothing of another call.
    Half,
    Everything,
}

/// One thing that is to go wrong.
#[derive(Clone, Debug)]
pub(crate) struct FaultPlan {
    fault: Fault,
    filter: OperationFilter,
    name_suffix: &'static str,
    effect: Effect,
    for_good: bool,
    /// Matching operations that are still to be left alone.
    spared: u64,
    spent: bool,
}

impl FaultPlan {
    /// The `nth` matching operation from now on fails, counted from 0, and no other.
    pub(crate) fn once(filter: OperationFilter, nth: u64, fault: Fault) -> FaultPlan {
        let effect = Effect::Nothing;
        FaultPlan { fault, filter, name_suffix: "", effect, for_good: false, spared: nth, spent: false }
    }

    /// The `nth` matching operation from now on fails, counted from 0, and every one after it.
    pub(crate) fn for_good(filter: OperationFilter, nth: u64, fault: Fault) -> FaultPlan {
        FaultPlan { for_good: true, ..FaultPlan::once(filter, nth, fault) }
    }

    /// Only operations on files (opened) under names with this ending match.
    pub(crate) fn on_names_ending(self, name_suffix: &'static str) -> FaultPlan {
        FaultPlan { name_suffix, ..self }
    }

    /// What the failing operation does all the same; nothing unless said.
    pub(crate) fn with_effect(self, effect: Effect) -> FaultPlan {
        FaultPlan { effect, ..self }
    }

    fn strikes(&mut self, kind: OperationKind, path: &Path) -> bool {
        let matches =
            self.filter.matches(kind) && path.as_os_str().to_string_lossy().ends_with(self.name_suffix);
        if !matches || self.spent {
            return false;
        }
        if self.spared > 0 {
            self.spared -= 1;
            return false;
        }
        self.spent = !self.for_good;
        true
    }
}

/// How one operation is to go.
#[derive(Debug)]
pub(super) struct Turn {
    /// The number of the operation among the mutating ones, from 1; 0 for one that is not.
    pub(super) sequence: u64,
    pub(super) effect: Effect,
    pub(super) error: Option<io::Error>,
}

/// Counts operations and decides which fail.
#[derive(Debug, Default)]
pub(super) struct Faults {
    log: Vec<(OperationKind, PathBuf)>,
    mutating: u64,
    /// The last operation of the disk that this one came out of. Numbers go on from there, because unsynced
    /// changes live on with theirs.
    sequence_base: u64,
    crash_point: Option<CrashPoint>,
    crashed: bool,
    plans: Vec<FaultPlan>,
    /// The plans wait: nothing strikes, and nothing is counted towards them.
    suspended: bool,
}

impl Faults {
    /// Nothing has happened yet, and nothing is to go wrong.
    pub(super) fn after(sequence: u64) -> Faults {
        Faults { sequence_base: sequence, ..Faults::default() }
    }

    pub(super) fn last_sequence(&self) -> u64 {
        self.sequence_base + self.mutating
    }

    /// # Errors
    /// Where the operation fails without any effect.
    pub(super) fn begin(&mut self, kind: OperationKind, path: &Path) -> io::Result<Turn> {
        if self.crashed {
            return Err(simulated_crash());
        }
        self.log.push((kind, path.to_owned()));
        let sequence = if kind.is_mutating() { self.last_sequence() + 1 } else { 0 };
        if kind.is_mutating() {
            let operation = self.mutating;
            self.mutating += 1;
            if let Some(point) = self.crash_point.filter(|point| point.operation() <= operation) {
                self.crashed = true;
                let effect = match point {
                    CrashPoint::Before(_) => return Err(simulated_crash()),
                    CrashPoint::During(_) => Effect::Half,
                    CrashPoint::After(_) => Effect::Everything,
                };
                return Ok(Turn { sequence, effect, error: Some(simulated_crash()) });
            }
        }
        let mut turn = Turn { sequence, effect: Effect::Everything, error: None };
        for plan in self.plans.iter_mut().filter(|_| !self.suspended) {
            if plan.strikes(kind, path) {
                let errno = match plan.fault {
                    Fault::Io => Some(Errno::IO),
                    Fault::NoSpace => Some(Errno::NOSPC),
                    Fault::Interrupted => Some(Errno::INTR),
                    Fault::Short => None,
                };
                turn.error = errno.map(io::Error::from);
                turn.effect = match errno {
                    Some(_) => plan.effect,
                    None if matches!(kind, OperationKind::Write | OperationKind::Read) => Effect::Half,
                    None => Effect::Everything,
                };
            }
        }
        if turn.effect == Effect::Nothing
            && kind != OperationKind::Sync
            && let Some(error) = turn.error
        {
            return Err(error);
        }
        Ok(turn)
    }

    pub(super) fn log(&self) -> &[(OperationKind, PathBuf)] {
        &self.log
    }

    pub(super) fn is_crashed(&self) -> bool {
        self.crashed
    }

    pub(super) fn crash_at(&mut self, point: CrashPoint) {
        self.crash_point = Some(point);
    }

    pub(super) fn add(&mut self, plan: FaultPlan) {
        self.plans.push(plan);
    }

    pub(super) fn suspend(&mut self, suspended: bool) {
        self.suspended = suspended;
    }

    pub(super) fn clear(&mut self) {
        self.plans.clear();
    }
}

/// The error of every call on a machine that has crashed.
#[derive(Debug)]
struct SimulatedCrash;

impl fmt::Display for SimulatedCrash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulated machine has crashed")
    }
}

impl std::error::Error for SimulatedCrash {}

pub(super) fn simulated_crash() -> io::Error {
    io::Error::other(SimulatedCrash)
}

/// Whether a call failed because the simulated machine is gone.
pub(crate) fn is_simulated_crash(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<SimulatedCrash>())
}
