//! Bugs that tests plant on purpose, to show that the crash tests would catch them. In a build that is not a
//! test, [`planted`] is the constant `false`, and the branches behind it are gone.

/// A bug that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Acknowledge without syncing the commit.
    SkipCommitSync,
    /// Create, rename and remove without syncing the directory.
    SkipDirectorySync,
    /// Raise the durable offset when the frames are written, before they are synced.
    AcknowledgeEarly,
    /// Take what recovery can read for durable, without writing it again.
    TrustPageCache,
    /// Cut a torn tail one byte too late.
    CutOffByOne,
    /// Read payloads without checking their CRC.
    SkipPayloadCrc,
    /// Chain frames without looking at the CRC of the one before.
    SkipChain,
    /// Go on after a failed sync as if it had worked.
    IgnoreFailedSync,
    /// Unlink segments before the new log start is durable.
    UnlinkBeforeLogStart,
    /// Sync nothing of what recovery has cut and written again.
    SkipRecoverySync,
    /// Seal a segment without syncing its frames first.
    SealBeforeSync,
    /// Rename new files to their names before their bytes are synced.
    SkipNewFileSync,
    /// Leave what a failed write has written, and say that it is gone.
    KeepFailedWrite,
    /// Move the log start in memory only.
    ForgetLogStart,
    /// Treat damage in the middle of a log as its end.
    CutAtFirstDamage,
}

#[cfg(test)]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Whether `bug` is planted on this thread.
#[cfg(test)]
pub(crate) fn planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Whether `bug` is planted: never, outside tests.
#[cfg(not(test))]
pub(crate) const fn planted(_bug: Bug) -> bool {
    false
}

/// Runs `body` with `bug` planted on this thread.
#[cfg(test)]
pub(crate) fn with_planted<T>(bug: Option<Bug>, body: impl FnOnce() -> T) -> T {
    struct Uproot(Option<Bug>);
    impl Drop for Uproot {
        fn drop(&mut self) {
            PLANTED.set(self.0);
        }
    }
    let _uproot = Uproot(PLANTED.replace(bug));
    body()
}
