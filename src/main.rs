//! Arguments → subscriber → cli → exit code.

use std::io::Write;
use std::process::ExitCode;

use relapse::cli::Cli;
use relapse::cli::Exit;
use relapse::cli::chain;

fn main() -> ExitCode {
    match Cli::from_arguments().run() {
        Ok(exit) => exit.into(),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // Nothing is left to do if standard error is closed, too.
            drop(writeln!(anstream::stderr(), "error: {}", chain(error.as_ref())));
            Exit::Input.into()
        }
    }
}

/// `relapse scan … | head`: the reader has seen enough.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let kind = |cause: &(dyn std::error::Error + 'static)| {
        let json = || cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or_else(json)
    };
    error.chain().find_map(kind) == Some(std::io::ErrorKind::BrokenPipe)
}
