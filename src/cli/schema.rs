//! `relapse schema`: the JSON Schemas of what users write, for editors and CI.

use std::io::Write;

use crate::catalog::schema;
use crate::cli::Exit;
use crate::config::Config;

/// Arguments of `relapse schema`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// `catalog`: one signature document; `config`: the file of `run --config`
    #[arg(value_enum, value_name = "WHAT", default_value_t = What::Catalog)]
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    Catalog,
    Config,
}

/// Prints the schema.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let schema = match args.what {
        What::Catalog => schema::json_schema(),
        What::Config => Config::json_schema(),
    };
    let mut out = anstream::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &schema)?;
    writeln!(out)?;
    Ok(Exit::Ok)
}
