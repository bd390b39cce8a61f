//! `relapse check`: every problem of a catalog at once, and its own tests.

use std::io::Write;
use std::path::PathBuf;

use anstyle::AnsiColor;
use anstyle::Color;
use anstyle::Style;

use crate::app;
use crate::app::clock;
use crate::app::connect::Probe;
use crate::app::practice;
use crate::app::proof;
use crate::app::proof::Proof;
use crate::catalog::load::Loaded;
use crate::catalog::problem;
use crate::catalog::problem::Level;
use crate::catalog::problem::Problem;
use crate::cli::Exit;
use crate::cli::connect;
use crate::cli::cost;
use crate::cli::exit;
use crate::cli::inputs;
use crate::cli::inputs::CatalogArgs;
use crate::cli::inputs::counted;
use crate::cli::junit;
use crate::cli::setting;
use crate::cli::wrap;
use crate::matcher::cost::Cost;

const BOLD: Style = Style::new().bold();
const PLACE: Style = BOLD.fg_color(Some(Color::Ansi(AnsiColor::BrightBlue)));
const FAILED: Style = BOLD.fg_color(Some(Color::Ansi(AnsiColor::BrightRed)));
const WARNING: Style = BOLD.fg_color(Some(Color::Ansi(AnsiColor::Yellow)));
const GOOD: Style = BOLD.fg_color(Some(Color::Ansi(AnsiColor::Green)));

/// Samples without a time are judged here: after any fix a catalog can name.
const AFTER_EVERY_FIX: &str = "2199-01-01T00:00:00Z";

pub(super) const AFTER_HELP: &str = "\
Examples:
  relapse check signatures/
  relapse check --deny warnings --format junit signatures/ > check.xml
  relapse check --cost /var/log/app.log signatures/
  relapse check --config relapse.yaml --connect

Exit codes:
  0  clean                                       3  warnings, with --deny warnings
  1  failed tests, or errors loading forgives    4  a signature does not load
                                                 5  a path or a source cannot be read";

/// Arguments of `relapse check`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Catalog files and directories; without them the embedded catalog
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    catalog: CatalogArgs,
    /// The sidecar's configuration file: its catalog if none is named, its release orders, and what its services redact
    #[arg(long, value_name = "FILE", env = "RELAPSE_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Also try every source that the configuration names, and say what it would read
    #[arg(long, requires = "config")]
    connect: bool,
    /// `human`: snippets with carets; `json`: one object; `junit`: XML for CI
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// What each signature costs on logs like this one: the literals it is looked for by, and how often they call in vain
    #[arg(long, value_name = "SAMPLE", num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "clap's form of an option whose value may be left out")]
    cost: Option<Option<PathBuf>>,
    /// Fail on warnings too
    #[arg(long, value_name = "LEVEL", value_enum)]
    deny: Option<Deny>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Human,
    Json,
    Junit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Deny {
    Warnings,
}

/// Checks and prints.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    // Paths that are typed win over `RELAPSE_CATALOG`; typed both ways, both count.
    let from_environment = std::env::var_os("RELAPSE_CATALOG").is_some();
    let more = if args.paths.is_empty() || !from_environment { args.catalog.catalog.as_slice() } else { &[] };
    let paths: Vec<PathBuf> = args.paths.iter().chain(more).cloned().collect();
    let Some(mut config) = setting::config(args.config.as_deref())? else { return Ok(Exit::Invalid) };
    if !connect::is_valid(&config)? {
        return Ok(Exit::Invalid);
    }
    if !paths.is_empty() {
        config.catalog = paths;
    }
    let loaded = practice::load(&config, clock::now());
    let proofs = proof::run(&loaded.catalog, &config.incident, AFTER_EVERY_FIX.parse()?);
    let costs = match &args.cost {
        Some(sample) => match cost::measure(&loaded.catalog, sample.as_deref()) {
            Ok(costs) => Some(costs),
            Err(error) => {
                writeln!(anstream::stderr(), "error: {error}")?;
                return Ok(Exit::Input);
            }
        },
        None => None,
    };
    let probes = if args.connect { Some(app::connect::connect(&config)?) } else { None };
    let mut out = anstream::stdout().lock();
    let output = match args.format {
        Format::Human => {
            let told = costs.map_or(Ok(()), |(rows, sampled)| cost::print(&mut out, &rows, sampled));
            let told = told.and_then(|()| probes.iter().try_for_each(|probes| connect::print(&mut out, probes)));
            told.map_err(Into::into).and_then(|()| human(&mut out, &loaded, &proofs))
        }
        Format::Json => json(&mut out, (&loaded, &proofs), costs.map(|(rows, _)| rows), probes.as_deref()),
        Format::Junit => junit::write(&mut out, &loaded.problems, &proofs).map_err(Into::into),
    };
    let reached = probes.is_none_or(|probes| probes.iter().all(|probe| probe.failures.is_empty()));
    let exit = match exit(&loaded, &proofs, args.deny) {
        Exit::Ok if !reached => Exit::Input,
        exit => exit,
    };
    exit::written(output, exit)
}

fn exit(loaded: &Loaded, proofs: &[Proof], deny: Option<Deny>) -> Exit {
    let problems = loaded.problems.as_slice();
    let mut errors = problems.iter().filter(|problem| problem.level == Level::Error);
    let warned = problems.iter().any(|problem| problem.level == Level::Warning)
        || proofs.iter().any(|proof| !proof.also.is_empty());
    if problems.iter().any(Problem::blocks) || loaded.catalog.signatures.is_empty() {
        // Without a signature the sidecar does not start.
        inputs::unusable(problems)
    } else if errors.next().is_some() || proofs.iter().any(|proof| proof.failure.is_some()) {
        Exit::Findings
    } else if warned && deny.is_some() {
        Exit::Denied
    } else {
        Exit::Ok
    }
}

fn human(out: &mut impl Write, loaded: &Loaded, proofs: &[Proof]) -> anyhow::Result<()> {
    write!(out, "{}", problem::render_human(&loaded.problems, &loaded.sources, true))?;
    for proof in proofs {
        let Some(case) = proof.case() else { continue };
        let name = format!("{} › {}", proof.signature.id, wrap::inert(&case.name, 200));
        let place = format!("{}:{}", proof.signature.place.file, case.line);
        if let Some(failure) = &proof.failure {
            writeln!(
                out,
                "{FAILED}failed test{FAILED:#}{BOLD}: {name}: {failure}{BOLD:#}\n  {PLACE}-->{PLACE:#} {place}\n"
            )?;
        }
        if !proof.also.is_empty() {
            let others = proof.also.join("`, `");
            writeln!(
                out,
                "{WARNING}warning{WARNING:#}{BOLD}: {name}: `{others}` matches this sample too{BOLD:#}\n  {PLACE}-->{PLACE:#} {place}\n  \
                 {PLACE}={PLACE:#} help: narrow one of them, or name it under `related`\n"
            )?;
        }
    }
    let count = |level| loaded.problems.iter().filter(|problem| problem.level == level).count();
    let failed = proofs.iter().filter(|proof| proof.failure.is_some()).count();
    let conflicts = proofs.iter().filter(|proof| !proof.also.is_empty()).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning) + conflicts);
    let style = match (errors + failed, warnings) {
        (0, 0) => GOOD,
        (0, _) => WARNING,
        _ => FAILED,
    };
    writeln!(
        out,
        "{style}{} · {} · {} · {}, {failed} failed{style:#}",
        counted(loaded.catalog.signatures.len(), "signature", "signatures"),
        counted(errors, "error", "errors"),
        counted(warnings, "warning", "warnings"),
        counted(proofs.len() - failed, "test passed", "tests passed"),
    )?;
    Ok(())
}

fn json(
    out: &mut impl Write,
    (loaded, proofs): (&Loaded, &[Proof]),
    costs: Option<Vec<Cost>>,
    probes: Option<&[Probe]>,
) -> anyhow::Result<()> {
    let problems: serde_json::Value = serde_json::from_str(&problem::render_json(&loaded.problems))?;
    let tests: Vec<_> = proofs
        .iter()
        .filter_map(|proof| {
            let case = proof.case()?;
            Some(serde_json::json!({
                "signature": &*proof.signature.id,
                "name": case.name,
                "file": &*proof.signature.place.file,
                "line": case.line,
                "passed": proof.failure.is_none(),
                "failure": proof.failure,
                "also_matched_by": proof.also,
            }))
        })
        .collect();
    let mut report = serde_json::json!({
        "schema": "relapse.check/v1",
        "signatures": loaded.catalog.signatures.len(),
        "problems": problems,
        "tests": tests,
    });
    if let (Some(costs), Some(report)) = (costs, report.as_object_mut()) {
        report.insert("cost".to_owned(), serde_json::to_value(costs)?);
    }
    if let (Some(probes), Some(report)) = (probes, report.as_object_mut()) {
        report.insert("sources".to_owned(), serde_json::to_value(probes)?);
    }
    serde_json::to_writer_pretty(&mut *out, &report)?;
    writeln!(out)?;
    Ok(())
}
