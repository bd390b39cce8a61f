//! Arguments → subscriber → cli → exit code.

use std::io::Write;
use std::process::ExitCode;

use relapse::cli::Cli;
use relapse::cli::Exit;
use relapse::cli::chain;
use relapse::cli::is_closed_pipe;

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
