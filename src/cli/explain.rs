//! `relapse explain`: how one record walks: framing → record → each selection ✓/✗ → verdict and why.

use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
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
use crate::catalog::suggest;
use crate::cli::Exit;
use crate::cli::history;
use crate::cli::open;
use crate::cli::setting::Setting;
use crate::cli::setting::SettingArgs;
use crate::cli::walk;
use crate::cli::walk::Walk;
use crate::decode;
use crate::decode::DecodeConfig;
use crate::decode::Decoded;
use crate::decode::LineClass;
use crate::incident::config::IncidentConfig;
use crate::incident::engine::judge_alone;
use crate::matcher::Matcher;
use crate::matcher::scanner::ScannerConfig;
use crate::model::record::Record;

/// Input read at most, in bytes.
const MAX_INPUT: u64 = 4 << 20;

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
    let Setting { loaded, resource, judging, .. } = match mem::take(&mut args.setting).read()? {
        Ok(setting) => setting,
        Err(exit) => return Ok(exit),
    };
    if let Some(id) = args.signature.as_deref().filter(|id| loaded.catalog.get(id).is_none()) {
        let help = suggest::help(id, loaded.catalog.signatures.iter().map(|signature| &*signature.id));
        writeln!(anstream::stderr(), "error: no signature is called `{id}`; {help}")?;
        return Ok(Exit::Usage);
    }
    let matcher = Arc::new(Matcher::new(&loaded.catalog));
    let config = DecodeConfig { defaults: resource.clone(), ..DecodeConfig::default() };
    let input = input(&args)?;
    let read = |found: &Found| decode::decode(&found.raw, &config);
    let Some((found, Decoded { record, invalid_utf8, broken_json, .. })) = chosen(&args, input, &matcher, read)? else {
        writeln!(anstream::stderr(), "error: the input is empty: there is nothing to explain")?;
        return Ok(Exit::Usage);
    };
    let heard = match &args.file {
        Some(path) => {
            let judge = Offline::new(&loaded.catalog, judging.clone(), clock::now()).with_defaults(&resource);
            let config = ScannerConfig { decode: config.clone(), ..ScannerConfig::default() };
            history::findings_at((path, found.line), &matcher, &config, judge)?
        }
        None => Vec::new(),
    };
    let mut out = anstream::stdout().lock();
    walk::framing(&mut out, &found, (invalid_utf8, broken_json))?;
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
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Its lines.
    pub(super) raw: Vec<u8>,
    /// Number of its first line.
    pub(super) line: u64,
    /// Which record of the input it is, from 1.
    pub(super) number: usize,
    /// Records of the input; 0 when nobody counted.
    pub(super) of: usize,
}

/// The record to explain: the one with line N, else the first that matches, else the first.
fn chosen(
    args: &Args,
    input: Box<dyn Read>,
    matcher: &Matcher,
    read: impl Fn(&Found) -> Decoded,
) -> anyhow::Result<Option<(Found, Decoded)>> {
    let name = args.file.as_ref().map_or_else(|| "the input".to_owned(), |path| path.display().to_string());
    let mut records = Records { reader: BufReader::new(input), pending: Vec::new(), line: 0, number: 0 };
    let mut first = None;
    loop {
        let Some(found) = records.next().with_context(|| format!("failed to read {name}"))? else { break };
        let lines = memchr::memchr_iter(b'\n', &found.raw).count() as u64;
        let holds = args.line.is_some_and(|line| (found.line..found.line + lines.max(1)).contains(&line));
        if args.line.is_some() && !holds {
            continue;
        }
        let decoded = read(&found);
        if holds || !matcher.verify(&Arc::new(decoded.record.clone())).is_empty() {
            return Ok(Some((found, decoded)));
        }
        first = first.or(Some((found, decoded)));
    }
    if let Some(line) = args.line {
        anyhow::bail!("{name} has no line {line}: it has {}", records.line);
    }
    Ok(first.map(|(found, decoded)| (Found { of: records.number, ..found }, decoded)))
}

fn input(args: &Args) -> anyhow::Result<Box<dyn Read>> {
    Ok(match (&args.text, &args.file) {
        (Some(text), _) => Box::new(io::Cursor::new(text.clone().into_bytes())),
        (None, Some(path)) => Box::new(File::open(path).with_context(|| format!("failed to open {}", path.display()))?),
        (None, None) => {
            open::announce_stdin("a record")?;
            Box::new(io::stdin().take(MAX_INPUT))
        }
    })
}

/// Parts a text into records: a header starts one, anything else continues it.
struct Records<R> {
    reader: R,
    /// The first line of the next record.
    pending: Vec<u8>,
    /// Lines read.
    line: u64,
    number: usize,
}

impl<R: BufRead> Records<R> {
    fn next(&mut self) -> io::Result<Option<Found>> {
        let mut raw = mem::take(&mut self.pending);
        let mut first = self.line;
        let mut line = Vec::new();
        while self.reader.by_ref().take(MAX_INPUT).read_until(b'\n', &mut line)? > 0 {
            self.line += 1;
            let bare = line.strip_suffix(b"\n").unwrap_or(&line);
            if decode::classify(bare) == LineClass::Header && !raw.is_empty() {
                self.pending = line;
                break;
            }
            if raw.is_empty() {
                first = self.line;
            }
            if raw.len() as u64 <= MAX_INPUT {
                raw.append(&mut line);
            }
            line.clear();
        }
        if raw.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        Ok(Some(Found { raw, line: first, number: self.number, of: 0 }))
    }
}
