//! `relapse explain`: how one record walks: framing → record → each selection ✓/✗ → verdict and why.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;

use crate::app::clock;
use crate::app::offline::Finding;
use crate::app::offline::Offline;
use crate::app::pin;
use crate::catalog::signature::Catalog;
use crate::catalog::suggest;
use crate::cli::Exit;
use crate::cli::history;
use crate::cli::open;
use crate::cli::setting::Setting;
use crate::cli::setting::SettingArgs;
use crate::cli::walk;
use crate::cli::walk::Walk;
use crate::decode::transport::Encoding;
use crate::decode::transport::Form;
use crate::incident::config::IncidentConfig;
use crate::incident::engine::judge_alone;
use crate::matcher::Matcher;
use crate::matcher::scanner::ScannerConfig;
use crate::matcher::scanner::Tally;
use crate::matcher::streams::FileScanner;
use crate::model::record::Record;

/// Input read at most, in bytes.
const MAX_INPUT: u64 = 4 << 20;
/// Bytes of a file read at most.
const MAX_FILE: u64 = 512 << 20;

pub(super) const AFTER_HELP: &str = "\
Examples:
  relapse explain '2025-10-01 08:47:01,122 - app - ERROR - it broke again'
  relapse explain --file app.log --line 192
  relapse explain --signature websocket-manager-context-kwarg < traceback.txt

With --file the verdict is the one that `scan` gives: the records around it tell which releases and processes were alive. A \
     line given by itself is judged by itself.";

/// Arguments of `relapse explain`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The record, one line or several; none: standard input
    #[arg(value_name = "LINE")]
    text: Option<String>,
    /// Read the input from this file instead
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    file: Option<PathBuf>,
    /// Explain the record that holds this line of the input, counted from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    line: Option<u64>,
    /// Explain this signature only, however far it is from a match
    #[arg(long, value_name = "ID")]
    signature: Option<String>,
    #[command(flatten)]
    setting: SettingArgs,
}

/// Explains and prints.
pub(super) fn run(mut args: Args) -> anyhow::Result<Exit> {
    let Setting { loaded, decode, judging, .. } = match mem::take(&mut args.setting).read()? {
        Ok(setting) => setting,
        Err(exit) => return Ok(exit),
    };
    if let Some(id) = args.signature.as_deref().filter(|id| loaded.catalog.get(id).is_none()) {
        let help = suggest::help(id, loaded.catalog.signatures.iter().map(|signature| &*signature.id));
        writeln!(anstream::stderr(), "error: no signature is called `{id}`; {help}")?;
        return Ok(Exit::Usage);
    }
    let matcher = Arc::new(Matcher::new(&loaded.catalog));
    let config = ScannerConfig { decode, ..ScannerConfig::default() };
    let input = input(&args)?;
    let records = Records::of(&input, config.clone());
    let Some(found) = chosen(&args, &records, &matcher)? else {
        writeln!(anstream::stderr(), "error: the input is empty: there is nothing to explain")?;
        return Ok(Exit::Usage);
    };
    let record = Record::clone(found.record);
    let heard = match &args.file {
        Some(path) => {
            let defaults = &config.decode.defaults;
            let judge = Offline::new(&loaded.catalog, judging.clone(), clock::now()).with_defaults(defaults);
            history::findings_at((path, record.origin.line), &matcher, &config, judge)?
        }
        None => Vec::new(),
    };
    let mut out = anstream::stdout().lock();
    walk::framing(&mut out, &found)?;
    walk::record(&mut out, &record)?;
    signatures(&mut out, args.signature.as_deref(), (&matcher, &judging), (record, &heard))?;
    Ok(Exit::Ok)
}

/// Which signatures match and with which verdict, and which come near.
fn signatures(
    out: &mut impl Write,
    only: Option<&str>,
    (matcher, judging): (&Matcher, &IncidentConfig),
    (record, heard): (Record, &[Finding]),
) -> anyhow::Result<()> {
    let record = Arc::new(record);
    let mut explanations = matcher.explain(&record);
    explanations.retain(|explanation| only.is_none_or(|id| *explanation.signature == *id));
    let verified = matcher.verify(&record);
    let mut walk =
        Walk::new(out, explanations.iter().any(|explanation| explanation.matches), matcher.signatures().len())?;
    for explanation in explanations {
        let time = record.time.unwrap_or_else(clock::now);
        // A part of a correlation is no occurrence by itself.
        let by_itself = || {
            verified.iter().find(|found| found.signature.id == explanation.signature).and_then(|found| {
                let occurrence = pin::occurrence(found, record.resource.clone());
                Some((found, judge_alone(&occurrence, time, judging)?))
            })
        };
        let in_file = heard.iter().find(|finding| finding.found.signature.id == explanation.signature);
        let judged = in_file.map(|finding| (&finding.found, finding.judgement.clone())).or_else(by_itself);
        match judged {
            Some((found, judgement)) => walk.matching(&explanation, found, &judgement)?,
            None => walk.near(&explanation, only.is_some())?,
        }
    }
    walk.end()?;
    Ok(())
}

/// One record of the input.
#[derive(Debug)]
pub(super) struct Found<'a> {
    /// What it says.
    pub(super) record: &'a Record,
    /// The lines of the input from its first one up to the next record.
    pub(super) raw: &'a [u8],
    /// Form and encoding of the input.
    pub(super) form: (Form, Encoding),
    /// Which record of the input it is, from 1.
    pub(super) number: usize,
    /// Records of the input.
    pub(super) of: usize,
    /// What had to be forgiven in the whole input.
    pub(super) tally: &'a Tally,
}

/// The records of an input, as a scan finds them.
struct Records<'a> {
    input: &'a [u8],
    all: Vec<Arc<Record>>,
    form: (Form, Encoding),
    tally: Tally,
}

impl<'a> Records<'a> {
    fn of(input: &'a [u8], config: ScannerConfig) -> Self {
        let nothing = Arc::new(Matcher::new(&Catalog::default()));
        let config = ScannerConfig { every_record: true, release_watch: false, ..config };
        let mut scanner = FileScanner::new(nothing, config, Arc::from(""), 0, 1);
        let mut found = Vec::new();
        scanner.push(input, &mut found);
        scanner.finish(&mut found);
        let mut all: Vec<_> = found.iter().map(|observation| Arc::clone(observation.record())).collect();
        all.sort_by_key(|record| record.origin.offset);
        Self { input, all, form: scanner.form().unwrap_or_default(), tally: scanner.take_tally() }
    }

    fn get(&self, at: usize) -> Option<Found<'_>> {
        let record = self.all.get(at)?;
        let place = |record: &Record| usize::try_from(record.origin.offset).unwrap_or(self.input.len());
        let end = self.all.get(at + 1).map_or(self.input.len(), |next| place(next));
        let raw = self.input.get(place(record)..end).unwrap_or_default();
        Some(Found { record, raw, form: self.form, number: at + 1, of: self.all.len(), tally: &self.tally })
    }
}

/// The record to explain: the one with line N, else the first that matches, else the first.
fn chosen<'a>(args: &Args, records: &'a Records<'_>, matcher: &Matcher) -> anyhow::Result<Option<Found<'a>>> {
    let Some(line) = args.line else {
        let matching = records.all.iter().position(|record| !matcher.verify(record).is_empty());
        return Ok(records.get(matching.unwrap_or(0)));
    };
    let lines = records.tally.lines;
    if line > lines {
        let name = args.file.as_ref().map_or_else(|| "the input".to_owned(), |path| path.display().to_string());
        anyhow::bail!("{name} has no line {line}: it has {lines}");
    }
    let behind = records.all.partition_point(|record| record.origin.line <= line);
    Ok(records.get(behind.saturating_sub(1)))
}

fn input(args: &Args) -> anyhow::Result<Vec<u8>> {
    let mut input = Vec::new();
    match (&args.text, &args.file) {
        (Some(text), _) => input.extend_from_slice(text.as_bytes()),
        (None, Some(path)) => {
            let read = File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut input));
            read.with_context(|| format!("failed to read {}", path.display()))?;
        }
        (None, None) => {
            open::announce_stdin("a record")?;
            io::stdin().take(MAX_INPUT).read_to_end(&mut input).context("failed to read the input")?;
        }
    }
    Ok(input)
}
