//! One file a subcommand: arguments in, exit code out.

use std::env;
use std::ffi::OsString;

use clap::CommandFactory;
use clap::FromArgMatches;
use clap::Parser;
use clap::Subcommand;
use clap::ValueEnum;

mod ack;
mod check;
mod completions;
mod connect;
mod cost;
mod deploy;
mod exit;
mod explain;
mod history;
mod inputs;
mod jsonl;
mod junit;
mod manifest;
mod mute;
mod open;
mod record_json;
mod replay;
mod run;
mod scan;
mod schema;
mod server;
mod setting;
mod status;
mod table;
mod unpack;
mod walk;
mod wrap;

pub use exit::Exit;
pub use exit::chain;
pub use exit::is_closed_pipe;
pub use jsonl::FIELDS as JSONL_FIELDS;
pub use record_json::FIELDS as RECORD_FIELDS;

/// Tells the moment a fixed incident comes back.
#[derive(Debug, Parser)]
#[command(name = "relapse", version, about, max_term_width = 100, args_override_self = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// When to colour; `auto`: on a terminal, unless `NO_COLOR` is set
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto, env = "RELAPSE_COLOR",
          hide_env_values = true, display_order = 900)]
    color: ColorChoice,
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
Start here:
  relapse scan app.log                 is a fixed incident back in this log?
  relapse run --logs '/var/log/*.log'  follow logs, alert, serve http://127.0.0.1:9464/metrics
  relapse explain 'one log line'       why it matches a signature, or does not

Exit codes:
  0  nothing to report                 3  warnings, with --deny warnings
  1  a regression, or failed tests     4  the catalog or the configuration is invalid
  2  wrong usage                       5  a file, a port or another input failed";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Follow logs, judge what they say, export metrics and alerts: the sidecar
    #[command(after_help = run::AFTER_HELP)]
    Run(Box<run::Args>),
    /// Judge log files or standard input and exit; exit code 1 on a regression
    #[command(after_help = scan::AFTER_HELP)]
    Scan(Box<scan::Args>),
    /// Tell what a sidecar would have made of logs: every state change and notice, on event time
    Replay(Box<replay::Args>),
    /// Show what a running sidecar knows: every incident and live release
    Status(status::Args),
    /// Tell a running sidecar that a release was deployed
    Deploy(deploy::Args),
    /// Deliver nothing about a signature for a while; it goes on being judged and counted
    Mute(mute::Args),
    /// Deliver again
    Unmute(mute::UnmuteArgs),
    /// Say that someone works on an open episode
    Ack(ack::Args),
    /// Lint a catalog and run its tests
    #[command(after_help = check::AFTER_HELP)]
    Check(check::Args),
    /// Say why a line does or does not match, and why the verdict is what it is
    #[command(after_help = explain::AFTER_HELP)]
    Explain(Box<explain::Args>),
    /// Ask git which releases contain which fix, for `--manifest`
    #[command(after_help = manifest::AFTER_HELP)]
    Manifest(manifest::Args),
    /// Print the JSON Schema of the catalog or the configuration, for editors and CI
    Schema(schema::Args),
    /// Print completions for a shell
    #[command(after_help = completions::AFTER_HELP)]
    Completions(completions::Args),
}

impl Cli {
    /// Reads the arguments of the process; on a mistake, or for `--help`, prints and ends it.
    pub fn from_arguments() -> Self {
        let color = match color_asked_for(env::args_os().skip(1)) {
            Some(ColorChoice::Always) => clap::ColorChoice::Always,
            Some(ColorChoice::Never) => clap::ColorChoice::Never,
            Some(ColorChoice::Auto) | None => clap::ColorChoice::Auto,
        };
        let matches = Self::command().color(color).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }

    /// Runs the command.
    pub fn run(self) -> anyhow::Result<Exit> {
        match self.color {
            ColorChoice::Auto => {}
            ColorChoice::Always => anstream::ColorChoice::Always.write_global(),
            ColorChoice::Never => anstream::ColorChoice::Never.write_global(),
        }
        match self.command {
            Command::Run(args) => run::run(*args),
            Command::Scan(args) => scan::run(*args),
            Command::Replay(args) => replay::run(*args),
            Command::Status(args) => status::run(&args),
            Command::Deploy(args) => deploy::run(&args),
            Command::Mute(args) => mute::mute(&args),
            Command::Unmute(args) => mute::unmute(&args),
            Command::Ack(args) => ack::run(&args),
            Command::Check(args) => check::run(&args),
            Command::Explain(args) => explain::run(*args),
            Command::Manifest(args) => manifest::run(&args),
            Command::Schema(args) => schema::run(&args),
            Command::Completions(args) => completions::run(&args),
        }
    }
}

/// `--color` before clap has read it: the help and the usage errors obey it, too.
fn color_asked_for(arguments: impl Iterator<Item = OsString>) -> Option<ColorChoice> {
    let mut asked = env::var("RELAPSE_COLOR").ok();
    let mut follows = false;
    for argument in arguments.filter_map(|argument| argument.into_string().ok()) {
        if follows {
            asked = Some(argument.clone());
        } else if let Some(value) = argument.strip_prefix("--color=") {
            asked = Some(value.to_owned());
        }
        follows = argument == "--color";
    }
    ColorChoice::from_str(&asked?, false).ok()
}
