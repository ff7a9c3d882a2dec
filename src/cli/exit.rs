//! How a command ended, for the shell.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// How a command ended, when it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    /// It did what it was asked.
    Done,
    /// It did part of it, and has said so itself.
    Failed,
    /// It found damage.
    Damage,
    /// Somebody pressed Ctrl-C.
    Interrupted,
}

const WRONG_USAGE: u8 = 2;

impl Exit {
    pub(super) const fn code(self) -> i32 {
        match self {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Damage => 3,
            Exit::Interrupted => 130,
        }
    }
}

/// The command was called in a way that cannot work.
#[derive(Debug)]
pub(super) struct WrongUsage(pub(super) String);

impl fmt::Display for WrongUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUsage {}

/// Says on standard error what went wrong, and gives the exit code.
pub(super) fn report(outcome: anyhow::Result<Exit>) -> ExitCode {
    match outcome {
        Ok(exit) => u8::try_from(exit.code()).map_or(ExitCode::FAILURE, ExitCode::from),
        // Whoever closed the pipe has got what they wanted.
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", explain(&error));
            let usage = error.is::<WrongUsage>();
            if usage { ExitCode::from(WRONG_USAGE) } else { ExitCode::FAILURE }
        }
    }
}

/// The error and its causes, outermost first. Some errors name their cause themselves; it is not said twice.
pub(super) fn explain(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        said if said.ends_with(&cause) => said.to_owned(),
        said => format!("{said}: {cause}"),
    })
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_cause_that_an_error_names_itself_is_said_once() {
        let cause = || io::Error::from(io::ErrorKind::PermissionDenied);
        let named = anyhow::Error::from(crate::disk::DiskError {
            operation: "open",
            path: "data".into(),
            source: cause(),
        });
        assert_eq!(explain(&named), "open data: permission denied");
        let unnamed = Err::<(), _>(cause()).context("cannot open data").unwrap_err();
        assert_eq!(explain(&unnamed), "cannot open data: permission denied");
    }
}
