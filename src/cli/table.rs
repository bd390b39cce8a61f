//! The human report of a scan: what would have been alerted, then a table of everything found, then one line of totals.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::io;
use std::io::Write;

use anstyle::AnsiColor;
use anstyle::Style;
use comfy_table::Attribute;
use comfy_table::Cell;
use comfy_table::Color;
use comfy_table::ContentArrangement;
use comfy_table::presets;
use indicatif::HumanBytes;
use indicatif::HumanCount;
use jiff::SignedDuration;
use jiff::Timestamp;

use crate::app::offline::Finding;
use crate::app::scan::Totals;
use crate::app::tell;
use crate::cli::wrap;
use crate::model::alert::Notice;
use crate::model::alert::NoticeKind;
use crate::model::incident::TrackKey;
use crate::model::verdict::Verdict;

/// Notices printed in full; the table has the rest.
const MAX_NOTICES: usize = 20;
/// Fewer bytes say nothing about speed.
const RATED: u64 = 8 << 20;
/// Where the facts of a notice begin.
const FACTS: usize = 14;

/// Findings gathered by track and verdict.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: BTreeMap<(Verdict, TrackKey), Row>,
    /// What a sidecar would have said: the first ones.
    notices: Vec<Notice>,
    /// And how many more.
    more_notices: usize,
    /// What a notice was kept or counted for.
    told: BTreeSet<(TrackKey, Verdict)>,
}

#[derive(Debug)]
struct Row {
    count: u64,
    first: Timestamp,
    last: Timestamp,
    place: String,
}

impl Table {
    /// Counts one finding.
    pub(super) fn add(&mut self, finding: &Finding) {
        let row = self.rows.entry((finding.judgement.verdict, finding.key.clone())).or_insert_with(|| Row {
            count: 0,
            first: finding.time,
            last: finding.time,
            place: format!("{}:{}", finding.found.record.origin.file, finding.found.record.origin.line),
        });
        row.count += 1;
        row.first = row.first.min(finding.time);
        row.last = row.last.max(finding.time);
    }

    /// Keeps what is to be printed. A scan is about what came back: that it went on or went away again, the table's times and
    /// counts say; one notice a track and verdict is news.
    pub(super) fn tell(&mut self, notices: Vec<Notice>) {
        for notice in notices {
            if notice.kind == NoticeKind::Resolved || !self.told.insert((notice.key.clone(), notice.verdict)) {
                continue;
            }
            if self.notices.len() < MAX_NOTICES {
                self.notices.push(notice);
            } else {
                self.more_notices += 1;
            }
        }
    }

    /// Prints the report.
    pub(super) fn print(&self, out: &mut dyn Write, totals: &Totals, took: SignedDuration) -> io::Result<()> {
        let indent = |line: &str| if line.starts_with(' ') { FACTS } else { 2 };
        for notice in &self.notices {
            writeln!(out, "{}", wrap::wrapped(&tell::terminal(notice), wrap::width(), indent))?;
        }
        if self.more_notices > 0 {
            writeln!(out, "… and {} more alerts: the table has them all\n", self.more_notices)?;
        }
        if !self.rows.is_empty() {
            writeln!(out, "{}\n", self.table())?;
        }
        self.totals(out, totals, took)
    }

    /// A line a row where the terminal has room for it, else two.
    fn table(&self) -> String {
        let wide = self.wide();
        let columns = wide.lines().map(wrap::columns).max().unwrap_or_default();
        if wrap::width().is_none_or(|width| columns <= width) { wide } else { self.narrow() }
    }

    fn wide(&self) -> String {
        let mut table =
            empty(["verdict", "count", "signature", "service / environment", "first", "last", "first seen at"]);
        for ((verdict, key), row) in &self.rows {
            table.add_row([
                coloured(*verdict),
                Cell::new(HumanCount(row.count)),
                Cell::new(&key.signature),
                Cell::new(place(key)),
                Cell::new(minute(row.first)),
                Cell::new(minute(row.last)),
                Cell::new(inert(&row.place)),
            ]);
        }
        table.trim_fmt()
    }

    fn narrow(&self) -> String {
        let mut table = empty(["verdict", "count", "what, where and when"]);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        if let Some(width) = wrap::width().and_then(|width| u16::try_from(width).ok()) {
            table.set_width(width);
        }
        for ((verdict, key), row) in &self.rows {
            let (first, last) = (minute(row.first), minute(row.last));
            let day = "2025-10-01 ".len();
            let when = match (first.get(..day), last.get(..day), last.get(day..)) {
                _ if first == last => first,
                (Some(one), Some(other), Some(time)) if one == other => format!("{first} to {time}"),
                _ => format!("{first} to {last}"),
            };
            let what = format!("{}  {}\n{}  {when}", key.signature, place(key), inert(&row.place));
            table.add_row([coloured(*verdict), Cell::new(HumanCount(row.count)), Cell::new(what)]);
        }
        table.trim_fmt()
    }

    fn totals(&self, out: &mut dyn Write, totals: &Totals, took: SignedDuration) -> io::Result<()> {
        let seconds = took.as_secs_f64().max(0.001);
        let bytes = totals.tally.bytes;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rate for people"
        )]
        let rate = (bytes as f64 / seconds) as u64;
        let rate = if bytes < RATED { String::new() } else { format!(" ({}/s)", HumanBytes(rate)) };
        let matches: u64 = self.rows.values().map(|row| row.count).sum();
        let returned: u64 = self
            .rows
            .iter()
            .filter(|((verdict, _), _)| matches!(verdict, Verdict::Regression | Verdict::Rollback))
            .map(|(_, row)| row.count)
            .sum();
        let style = if returned > 0 { Style::new().fg_color(Some(AnsiColor::Red.into())) } else { Style::new() }.bold();
        writeln!(
            out,
            "{style}{}{style:#} in {} · {} · {} in {seconds:.1} s{rate}",
            counted(returned, "regression", "regressions"),
            counted(matches, "match", "matches"),
            counted(totals.tally.lines, "line", "lines"),
            HumanBytes(bytes),
        )
    }
}

/// A table with a header; the stream takes the colours out again where none are wanted.
fn empty<const N: usize>(header: [&str; N]) -> comfy_table::Table {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled).enforce_styling();
    table.set_header(header.map(|name| Cell::new(name).add_attribute(Attribute::Dim)));
    table
}

fn place(key: &TrackKey) -> String {
    format!("{} / {}", inert(&key.service), inert(&key.environment))
}

/// Red: it is back. Yellow: somebody must look. Dim: known and expected.
fn coloured(verdict: Verdict) -> Cell {
    let cell = Cell::new(verdict.as_str());
    match verdict {
        Verdict::Regression | Verdict::Rollback => cell.fg(Color::Red).add_attribute(Attribute::Bold),
        Verdict::StaleRuntime | Verdict::StaleBuild | Verdict::UnknownRelease => cell.fg(Color::Yellow),
        Verdict::Rollout | Verdict::AwaitingDeploy | Verdict::PreFix | Verdict::KnownOpen => {
            cell.add_attribute(Attribute::Dim)
        }
    }
}

/// A name from a log, for one cell.
fn inert(name: &str) -> String {
    wrap::inert(name, 200)
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", HumanCount(count), if count == 1 { one } else { many })
}

/// `2025-10-01 08:47Z`: enough for a table.
fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%MZ").to_string()
}
