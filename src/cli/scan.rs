//! `relapse scan`: judge log files or standard input, offline, on event time.

use std::io;
use std::io::BufWriter;
use std::io::IsTerminal;
use std::io::Stdout;
use std::io::Write;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;

use indicatif::ProgressBar;
use indicatif::ProgressStyle;
use jiff::Timestamp;

use crate::app::clock;
use crate::app::offline::Offline;
use crate::app::offline::Outcome;
use crate::app::records as app_records;
use crate::app::scan;
use crate::app::scan::Listener;
use crate::app::scan::Span;
use crate::app::scan::Totals;
use crate::catalog::problem::Problem;
use crate::cli::Exit;
use crate::cli::chain;
use crate::cli::exit;
use crate::cli::inputs;
use crate::cli::jsonl;
use crate::cli::open;
use crate::cli::record_json;
use crate::cli::setting::Setting;
use crate::cli::setting::SettingArgs;
use crate::cli::table::Table;
use crate::matcher::Matcher;
use crate::matcher::scanner::ScannerConfig;
use crate::model::record::Record;
use crate::model::verdict::Verdict;

pub(super) const AFTER_HELP: &str = "\
Examples:
  relapse scan app.log worker.log
  kubectl logs deploy/api --since=1h | relapse scan --service api --environment prod
  relapse scan --since 2025-10-01 --format jsonl '/var/log/app/*.log' | jq .verdict
  relapse scan --show-records app.log | jq '.exceptions[0]'

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
    setting: SettingArgs,
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
    /// Print the records that the input holds, a JSON object each, and judge nothing
    #[arg(long)]
    show_records: bool,
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
    let catalog = &mut args.setting.catalog.catalog;
    if !catalog.is_empty() {
        // `--catalog a.yaml b.yaml`: a catalog is never meant to be read as a log.
        let is_yaml = |path: &mut PathBuf| path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
        catalog.extend(args.files.extract_if(.., is_yaml));
    }
    let Setting { loaded, decode, judging, .. } = match mem::take(&mut args.setting).read()? {
        Ok(setting) => setting,
        Err(exit) => return Ok(exit),
    };
    let multiline = args.multiline == Multiline::Auto;
    let config = ScannerConfig { multiline, decode, ..ScannerConfig::default() };
    if args.show_records {
        return records(&args, &config);
    }
    let now = clock::now();
    let mut judge = Offline::new(&loaded.catalog, judging, now).with_defaults(&config.decode.defaults);
    let opened = open::open_all(&args.files, now)?;
    let mut failed = opened.failed;
    let matcher = Arc::new(Matcher::new(&loaded.catalog));
    let span = Span { since: args.since, until: args.until };
    let mut report = Report::new(args.format, opened.size);
    let scanned = scan::scan(opened.inputs, &matcher, &config, (&mut judge, span), &mut report);
    let regressed = report.regressed;
    let found = if regressed { Exit::Findings } else { Exit::Ok };
    let totals = match scanned {
        Ok(totals) => totals,
        Err(error) => return exit::written(Err(error.into()), found),
    };
    if let Err(error) = report.finish(&totals, now) {
        return exit::written(Err(error.into()), found);
    }
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

/// Prints every record.
fn records(args: &Args, config: &ScannerConfig) -> anyhow::Result<Exit> {
    let opened = open::open_all(&args.files, clock::now())?;
    let span = Span { since: args.since, until: args.until };
    let mut out = BufWriter::with_capacity(OUTPUT, io::stdout());
    let mut tell = |record: &Record| {
        if record.time.is_none_or(|time| span.holds(time)) {
            writeln!(out, "{}", record_json::object(record))
        } else {
            Ok(())
        }
    };
    let failed = app_records::each(opened.inputs, config, &mut tell)?;
    out.flush()?;
    for error in &failed {
        writeln!(anstream::stderr(), "error: {}", chain(error))?;
    }
    Ok(if opened.failed || !failed.is_empty() { Exit::Input } else { Exit::Ok })
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

    /// Prints what is left.
    fn finish(mut self, totals: &Totals, began: Timestamp) -> io::Result<()> {
        self.bar.finish_and_clear();
        self.objects.flush()?;
        if self.format == Format::Human {
            let took = clock::now().duration_since(began);
            self.table.print(&mut anstream::stdout().lock(), totals, took)?;
        }
        Ok(())
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
