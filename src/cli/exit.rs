//! The exit codes: one table for every command; and how an error is written on the last line.

use std::error::Error;
use std::process::ExitCode;

/// How a command ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Nothing to report.
    Ok,
    /// A regression, findings or failed tests.
    Findings,
    /// The arguments contradict each other or name what is not there; clap ends with the same code.
    Usage,
    /// Warnings, and `--deny warnings` was given.
    Denied,
    /// The catalog or the configuration is invalid.
    Invalid,
    /// A file, a port or another input failed.
    Input,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Findings => 1,
            Exit::Usage => 2,
            Exit::Denied => 3,
            Exit::Invalid => 4,
            Exit::Input => 5,
        })
    }
}

/// An error and its causes on one line; a cause that the error quotes already is not said twice.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

/// `relapse scan … | head`: the reader has seen enough, and that is no failure.
pub fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let json = || cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or_else(json)
    };
    error.chain().find_map(kind) == Some(std::io::ErrorKind::BrokenPipe)
}

/// How a command ends that has written its output, or as much of it as the reader wanted: what was found stands.
pub(super) fn written(output: anyhow::Result<()>, exit: Exit) -> anyhow::Result<Exit> {
    match output {
        Err(error) if !is_closed_pipe(&error) => Err(error),
        Ok(()) | Err(_) => Ok(exit),
    }
}
