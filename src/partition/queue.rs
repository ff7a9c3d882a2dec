//! The only queue on the way of an append, and who may work on it.
//!
//! It is bounded by what is let in: appends by the bytes of their permits, maintenance by a slot per kind.
//! A job of the commit pool empties it; the queue knows whether there is one, so that there is never a second.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    Append, AppendFailure, AppendPermit, Appended, DeleteRecordsError, MaintenanceError, StoreFailure,
    Unavailable,
};
use crate::types::Offset;

/// What a partition can be told to do, in the order in which it is told.
#[derive(Debug)]
pub(super) enum Command {
    Append(QueuedAppend),
    Maintain(Maintenance),
}

#[derive(Debug)]
pub(super) struct QueuedAppend {
    pub(super) append: Append,
    pub(super) reply: oneshot::Sender<Result<Appended, AppendFailure>>,
    pub(super) permit: AppendPermit,
}

/// Changes of the store that are not appends. Those that callers ask for hold the partition's one maintenance
/// slot, even when the caller has gone; the others are queued once at a time.
#[derive(Debug)]
pub(super) enum Maintenance {
    DeleteRecords {
        before: Offset,
        reply: oneshot::Sender<Result<Offset, DeleteRecordsError>>,
        slot: OwnedSemaphorePermit,
    },
    Upkeep {
        now_ms: i64,
        reply: oneshot::Sender<Result<(), MaintenanceError>>,
        slot: OwnedSemaphorePermit,
    },
    Close {
        reply: oneshot::Sender<Result<(), MaintenanceError>>,
        slot: OwnedSemaphorePermit,
    },
    Vouch,
    /// Ask the store for background work again: the last one is done.
    AskForBackgroundJob,
}

impl Command {
    /// Tells the caller that nothing was done, and why. Where nobody waits, that is fine.
    fn refuse<E>(self, why: E)
    where
        E: Into<AppendFailure> + Into<DeleteRecordsError> + Into<MaintenanceError>,
    {
        match self {
            Command::Append(QueuedAppend { reply, .. }) => {
                let _ = reply.send(Err(why.into()));
            }
            Command::Maintain(Maintenance::DeleteRecords { reply, .. }) => {
                let _ = reply.send(Err(why.into()));
            }
            Command::Maintain(Maintenance::Upkeep { reply, .. } | Maintenance::Close { reply, .. }) => {
                let _ = reply.send(Err(why.into()));
            }
            Command::Maintain(Maintenance::Vouch | Maintenance::AskForBackgroundJob) => {}
        }
    }
}

/// Whether the one who queued a command has to start a job for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Queued {
    StartJob,
    JobIsThere,
    Refused,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct CommitQueue(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    commands: VecDeque<Command>,
    has_job: bool,
    entry: Entry,
    background: Background,
}

/// Who is let in.
#[derive(Clone, Copy, Debug, Default)]
enum Entry {
    #[default]
    Open,
    /// Nobody but [`Maintenance::Close`].
    Refused(Unavailable),
    /// Nobody: the commit job died, and the store is in an unknown state.
    Broken,
}

/// The store's background job: at most one at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Background {
    #[default]
    None,
    Running,
    /// Meanwhile the store has changed: it may have another one.
    RunningAndMissed,
}

impl CommitQueue {
    /// Queues a command, or answers it where nobody is let in any more.
    pub(super) fn push(&self, command: Command) -> Queued {
        let mut state = self.0.lock();
        let closing = matches!(command, Command::Maintain(Maintenance::Close { .. }));
        match state.entry {
            Entry::Refused(why) if !closing => {
                drop(state);
                command.refuse(why);
                return Queued::Refused;
            }
            Entry::Broken => {
                drop(state);
                command.refuse(StoreFailure::Latched);
                return Queued::Refused;
            }
            Entry::Open | Entry::Refused(_) => {}
        }
        state.commands.push_back(command);
        if state.has_job {
            return Queued::JobIsThere;
        }
        state.has_job = true;
        Queued::StartJob
    }

    /// Hands over what has gathered to the job, in exchange for its emptied queue. False where there is
    /// nothing: the job ends then, and the next command starts another.
    pub(super) fn take(&self, emptied: &mut VecDeque<Command>) -> bool {
        let mut state = self.0.lock();
        std::mem::swap(&mut state.commands, emptied);
        state.has_job = !emptied.is_empty();
        state.has_job
    }

    /// From now on, only [`Maintenance::Close`] is let in. What is queued will still be done.
    pub(super) fn refuse(&self, why: Unavailable) {
        let mut state = self.0.lock();
        match state.entry {
            Entry::Open | Entry::Refused(Unavailable::Closed) => state.entry = Entry::Refused(why),
            Entry::Refused(Unavailable::Deleted) | Entry::Broken => {}
        }
    }

    /// The commit job died: nobody is let in, and who is in the queue is told.
    pub(super) fn fail_for_good(&self) {
        let mut state = self.0.lock();
        state.entry = Entry::Broken;
        let commands = std::mem::take(&mut state.commands);
        drop(state);
        for command in commands {
            command.refuse(StoreFailure::Latched);
        }
    }

    /// Whether the store may be asked for a background job now. If not, it will be when the current one ends.
    pub(super) fn begin_background(&self) -> bool {
        let mut state = self.0.lock();
        let free = state.background == Background::None;
        state.background = if free { Background::Running } else { Background::RunningAndMissed };
        free
    }

    /// The background job is done, or there was none. True: the store is to be asked again.
    pub(super) fn end_background(&self) -> bool {
        let mut state = self.0.lock();
        std::mem::take(&mut state.background) == Background::RunningAndMissed
    }
}
