//! `relapse scan`: judge log files or standard input, offline, on event time.

use std::io;
use std::io::BufWriter;
use std::io::IsTerminal;
use std::io::Stdout;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use indicatif::ProgressBar;
use indicatif::ProgressStyle;
use jiff::Timestamp;

use crate::app::clock;
use crate::app::offline::Offline;
use crate::app::offline::Outcome;
use crate::app::scan;
use crate::app::scan::Listener;
use crate::app::scan::Span;
use crate::app::scan::Totals;
use crate::catalog::problem::Problem;
use crate::cli::Exit;
use crate::cli::chain;
use crate::cli::inputs;
use crate::cli::inputs::CatalogArgs;
use crate::cli::inputs::ResourceArgs;
use crate::cli::jsonl;
use crate::cli::manifest::ManifestArgs;
use crate::cli::open;
use crate::cli::table::Table;
use crate::decode::DecodeConfig;
use crate::incident::config::IncidentConfig;
use crate::matcher::Matcher;
use crate::matcher::scanner::ScannerConfig;
use crate::model::verdict::Verdict;

pub(super) const AFTER_HELP: &str = "\
Examples:
  relapse scan app.log worker.log
  kubectl logs deploy/api --since=1h | relapse scan --service api --environment prod
  relapse scan --since 2025-10-01 --format jsonl '/var/log/app/*.log' | jq .verdict

Exit codes:
  1  a regression or rollback was found, even where a file could not be read
  5  none was found, and a file could not be read";

/// Bytes of jsonl output written at a time.
const OUTPUT: usize = 64 * 1024;

/// Arguments of `relapse scan`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Log files and globs, gzip and Zstandard too; `-` or none: standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    catalog: CatalogArgs,
    #[command(flatten)]
    resource: ResourceArgs,
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Leave out records before this time: RFC 3339, a day, or how long ago (`2h`)
    #[arg(long, value_name = "TIME", value_parser = inputs::since)]
    since: Option<Timestamp>,
    /// Leave out records after this time; a day counts to its end
    #[arg(long, value_name = "TIME", value_parser = inputs::until)]
    until: Option<Timestamp>,
    /// `human`: alerts and a table; `jsonl`: one JSON object a match, a stable interface
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// `auto`: tracebacks join the line that announced them; `off`: every line is a record
    #[arg(long, value_enum, value_name = "HOW", default_value_t = Multiline::Auto)]
    multiline: Multiline,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Human,
    Jsonl,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Multiline {
    Auto,
    Off,
}

/// Scans and prints.
pub(super) fn run(mut args: Args) -> anyhow::Result<Exit> {
    if args.since.zip(args.until).is_some_and(|(since, until)| since > until) {
        writeln!(anstream::stderr(), "error: --since is later than --until: nothing lies between them")?;
        return Ok(Exit::Usage);
    }
    let mut catalog = args.catalog.catalog;
    if !catalog.is_empty() {
        // `--catalog a.yaml b.yaml`: a catalog is never meant to be read as a log.
        let is_yaml = |path: &mut PathBuf| path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        catalog.extend(args.files.extract_if(.., is_yaml));
    }
    let loaded = inputs::load_paths(&catalog);
    if let Some(exit) = inputs::report(&loaded)? {
        return Ok(exit);
    }
    let config = ScannerConfig {
        multiline: args.multiline == Multiline::Auto,
        decode: DecodeConfig { defaults: args.resource.into(), ..DecodeConfig::default() },
        ..ScannerConfig::default()
    };
    let now = clock::now();
    let opened = open::open_all(&args.files, now)?;
    let mut failed = opened.failed;
    let matcher = Arc::new(Matcher::new(&loaded.catalog));
    let judging = IncidentConfig { manifests: args.manifest.read_or(&[])?, ..IncidentConfig::default() };
    let mut judge = Offline::new(&loaded.catalog, judging, now);
    let span = Span { since: args.since, until: args.until };
    let mut report = Report::new(args.format, opened.size);
    let totals = scan::scan(opened.inputs, &matcher, &config, (&mut judge, span), &mut report)?;
    let regressed = report.finish(&totals, now)?;
    for error in &totals.failed {
        failed = true;
        writeln!(anstream::stderr(), "error: {}", chain(error))?;
    }
    Ok(match (regressed, failed, loaded.problems.iter().any(Problem::blocks)) {
        (true, ..) => Exit::Findings,
        (false, true, _) => Exit::Input,
        (false, false, true) => inputs::unusable(&loaded.problems),
        (false, false, false) => Exit::Ok,
    })
}

/// Prints findings as they come (jsonl) or at the end (human).
struct Report {
    format: Format,
    bar: ProgressBar,
    /// Objects hold no escape sequences, so nothing needs to take them out; a storm must not write line by line.
    objects: BufWriter<Stdout>,
    table: Table,
    regressed: bool,
}

impl Report {
    fn new(format: Format, total_bytes: Option<u64>) -> Self {
        let shown = format == Format::Human && io::stderr().is_terminal() && total_bytes != Some(0);
        let bar = match (shown, total_bytes) {
            (false, _) => ProgressBar::hidden(),
            (true, Some(bytes)) => ProgressBar::new(bytes),
            (true, None) => ProgressBar::new_spinner(),
        };
        let coloured = anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never;
        let template = match (total_bytes, coloured) {
            (Some(_), true) => "{bar:30.cyan} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
            (Some(_), false) => "{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left",
            (None, _) => "{spinner} {bytes}  {bytes_per_sec}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let objects = BufWriter::with_capacity(OUTPUT, io::stdout());
        Self { format, bar, objects, table: Table::default(), regressed: false }
    }

    /// Prints what is left; says whether a regression was found.
    fn finish(mut self, totals: &Totals, began: Timestamp) -> io::Result<bool> {
        self.bar.finish_and_clear();
        self.objects.flush()?;
        if self.format == Format::Human {
            let took = clock::now().duration_since(began);
            self.table.print(&mut anstream::stdout().lock(), totals, took)?;
        }
        Ok(self.regressed)
    }
}

impl Listener for Report {
    fn read(&mut self, bytes: u64) {
        self.bar.inc(bytes);
    }

    fn waits(&mut self) -> io::Result<()> {
        self.objects.flush()
    }

    fn judged(&mut self, outcome: Outcome) -> io::Result<()> {
        for finding in outcome.findings {
            self.regressed |= matches!(finding.judgement.verdict, Verdict::Regression | Verdict::Rollback);
            match self.format {
                Format::Human => self.table.add(&finding),
                Format::Jsonl => {
                    // In one piece: a program that is killed leaves whole lines behind.
                    writeln!(self.objects, "{}", jsonl::object(&finding))?;
                }
            }
        }
        if self.format == Format::Human {
            self.table.tell(outcome.notices);
        }
        Ok(())
    }
}
