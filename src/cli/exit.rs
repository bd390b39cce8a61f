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
