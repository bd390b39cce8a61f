//! `relapse completions`: shell completions on standard output.

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::cli::Exit;

pub(super) const AFTER_HELP: &str = "\
Examples:
  relapse completions bash > ~/.local/share/bash-completion/completions/relapse
  relapse completions zsh > ~/.zfunc/_relapse
  relapse completions fish > ~/.config/fish/completions/relapse.fish";

/// Arguments of `relapse completions`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The shell to complete for
    shell: Shell,
}

/// Prints the completions.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    // The generator panics when a write fails; memory takes everything.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "relapse", &mut script);
    anstream::stdout().lock().write_all(&script)?;
    Ok(Exit::Ok)
}
