//! Prints how a record walked through relapse, for `explain`.

use std::io;
use std::io::Write;

use anstyle::AnsiColor;
use anstyle::Style;

use crate::cli::explain::Found;
use crate::cli::inputs;
use crate::cli::wrap;
use crate::cli::wrap::inert;
use crate::decode;
use crate::incident::verdict::Judgement;
use crate::matcher::Match;
use crate::matcher::explain::Check;
use crate::matcher::explain::Explanation;
use crate::model::record::Exception;
use crate::model::record::Record;
use crate::model::record::Relation;

/// Signatures shown that do not match.
const MAX_NEAR: usize = 3;
/// The part of its questions that must hold for a signature to be near.
const NEAR: f64 = 0.2;
/// Lines of the input shown.
const MAX_LINES: usize = 12;
/// Attributes shown.
const MAX_ATTRIBUTES: usize = 30;
/// Characters of an attribute shown: JSON logs carry whole tracebacks in them.
const MAX_ATTRIBUTE: usize = 120;
/// Characters of a value shown.
const MAX_VALUE: usize = 400;
/// Where the values of the record begin.
const VALUES: usize = 31;
const HEAD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
const BAD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));

/// The form of the input, what each line is to framing, and what had to be forgiven (not UTF-8, broken JSON).
pub(super) fn framing(out: &mut impl Write, found: &Found<'_>) -> io::Result<()> {
    let place = format!("from line {}; choose another with --line N", found.record.origin.line);
    let which = match (found.number, found.of) {
        (_, 1) => String::new(),
        (number, of) => format!("  record {number} of {of}, {place}"),
    };
    let (form, encoding) = found.form;
    writeln!(out, "{HEAD}framing{HEAD:#}{DIM}{which}{DIM:#}")?;
    if found.form != Default::default() {
        writeln!(out, "  {DIM}form{DIM:#}          {}, {encoding:?}", form.name())?;
    }
    let raw = encoding.decode(found.raw);
    let lines: Vec<_> = raw.strip_suffix(b"\n").unwrap_or(&raw).split(|byte| *byte == b'\n').collect();
    let room = wrap::width().map_or(100, |width| width.saturating_sub(16));
    for line in lines.iter().take(MAX_LINES) {
        let class = format!("{:?}", decode::classify(line)).to_lowercase();
        writeln!(out, "  {DIM}{class:<12}{DIM:#}  {}", inert(&String::from_utf8_lossy(line), room))?;
    }
    if lines.len() > MAX_LINES {
        writeln!(out, "  {DIM}… {} more lines{DIM:#}", lines.len() - MAX_LINES)?;
    }
    let header = taken_off(found.record);
    if !header.is_empty() {
        writeln!(out, "  {DIM}header{DIM:#}        {}", inert(header, room))?;
    }
    let alone = found.of == 1;
    if alone && found.tally.ambiguous > 0 {
        writeln!(
            out,
            "  {BAD}ambiguous{BAD:#}: rows of several tracebacks are mixed up, so no exception is read from them"
        )?;
    }
    if alone && found.tally.unread_times > 0 {
        writeln!(out, "  {BAD}a time that cannot be read{BAD:#}: the time of reading counts")?;
    }
    let (invalid_utf8, broken_json) = (alone && found.tally.invalid_utf8 > 0, alone && found.tally.broken_json > 0);
    if invalid_utf8 {
        writeln!(out, "  {BAD}not UTF-8{BAD:#}: the odd bytes are read as U+FFFD")?;
    }
    if broken_json {
        writeln!(out, "  {BAD}not valid JSON{BAD:#}: read as text")?;
    }
    Ok(())
}

/// What stood before the message on the first line: the header. Empty where there is none, and for JSON.
fn taken_off(record: &Record) -> &str {
    let first = record.original.as_deref().and_then(|text| text.lines().next()).unwrap_or_default();
    let said = record.body.lines().next().unwrap_or_default();
    first.strip_suffix(said).unwrap_or_default().trim_end()
}

/// The fields a signature can ask for.
pub(super) fn record(out: &mut impl Write, record: &Record) -> io::Result<()> {
    writeln!(out, "\n{HEAD}record{HEAD:#}")?;
    let resource = &record.resource;
    let time = |time: Option<jiff::Timestamp>| time.map(|time| time.to_string());
    let fields = [
        ("time", time(record.time)),
        ("severity", record.severity.as_ref().map(|severity| format!("{} ({})", severity.text, severity.number))),
        ("service.name", resource.service.clone()),
        ("deployment.environment.name", resource.environment.clone()),
        ("service.version", resource.release.clone()),
        ("vcs.ref.head.revision", resource.commit.clone()),
        ("service.instance.id", resource.instance.clone()),
        ("process.creation.time", time(resource.process_start)),
        ("trace_id", record.trace_id.clone()),
        ("span_id", record.span_id.clone()),
        ("body", record.body.lines().next().map(str::to_owned)),
    ];
    for (name, value) in &fields {
        if let Some(value) = value {
            field(out, name, value)?;
        }
    }
    for (name, value) in resource.attributes.0.iter().chain(&record.attributes.0).take(MAX_ATTRIBUTES) {
        field(out, name, &inert(value, MAX_ATTRIBUTE))?;
    }
    if record.time.is_none() {
        writeln!(out, "  {DIM}it states no time: judged as of now{DIM:#}")?;
    }
    for (index, exception) in record.exceptions.iter().enumerate() {
        self::exception(out, index, exception)?;
    }
    Ok(())
}

fn field(out: &mut impl Write, name: &str, value: &str) -> io::Result<()> {
    let line = format!("  {DIM}{:<28}{DIM:#} {}\n", inert(name, 60), inert(value, MAX_VALUE));
    write!(out, "{}", wrap::wrapped(&line, wrap::width(), |_| VALUES))
}

/// Root first, as it happened.
fn exception(out: &mut impl Write, index: usize, exception: &Exception) -> io::Result<()> {
    let name = if index == 0 { "exception|root" } else { "exception" };
    let kind = inert(&exception.kind, MAX_VALUE);
    let said = if exception.message.is_empty() { kind } else { format!("{kind}: {}", exception.message) };
    field(out, name, &said)?;
    if let Some(frame) = exception.frames.last() {
        let line = frame.line.map_or_else(String::new, |line| format!(":{line}"));
        field(out, "  raised at", &format!("{}{line} in {}", frame.path, frame.function))?;
        if let Some(source) = &frame.source {
            field(out, "  code.line", source)?;
        }
    }
    match exception.relation {
        None => Ok(()),
        Some(Relation::Cause) => field(out, "  led to", "the next one: its direct cause"),
        Some(Relation::Context) => field(out, "  led to", "the next one, raised while this one was handled"),
        Some(Relation::Group) => field(out, "  led to", "the next one: a group it belongs to"),
    }
}

/// Prints signature after signature, the matching ones first.
pub(super) struct Walk<'o, W: Write> {
    out: &'o mut W,
    near: usize,
    catalog: usize,
    matched: bool,
}

impl<'o, W: Write> Walk<'o, W> {
    /// `catalog` is the number of signatures there are.
    pub(super) fn new(out: &'o mut W, matched: bool, catalog: usize) -> io::Result<Self> {
        if matched {
            writeln!(out, "\n{HEAD}matches{HEAD:#}")?;
        }
        Ok(Self { out, near: 0, catalog, matched })
    }

    /// A signature that matches, and the verdict on the record by itself.
    pub(super) fn matching(
        &mut self,
        explanation: &Explanation,
        found: &Match,
        judgement: &Judgement,
    ) -> io::Result<()> {
        self.signature(explanation)?;
        for (name, value) in &found.captures {
            self.line(&format!("      captured {name} = {}", inert(value, MAX_VALUE)))?;
        }
        let Judgement { verdict, basis, why } = judgement;
        self.line(&format!("    → {HEAD}{verdict}{HEAD:#}, by {}: {}", basis.as_str(), inert(why, MAX_VALUE)))
    }

    /// A signature that does not match: in full when it is asked for or the nearest of all, on a line when it is among the nearest.
    pub(super) fn near(&mut self, explanation: &Explanation, asked_for: bool) -> io::Result<()> {
        if !asked_for && (explanation.nearness < NEAR || self.near >= MAX_NEAR) {
            return Ok(());
        }
        if self.near == 0 {
            let head = if asked_for { "does not match" } else { "comes near, and does not match" };
            let more = if asked_for { "" } else { "  --signature ID shows the whole way of one" };
            writeln!(self.out, "\n{HEAD}{head}{HEAD:#}{DIM}{more}{DIM:#}")?;
        }
        self.near += 1;
        let why = why_not(explanation);
        if asked_for || (!self.matched && self.near == 1) {
            self.signature(explanation)?;
            self.line(&format!("    → {HEAD}no match{HEAD:#}: {why}"))
        } else {
            self.line(&format!("  {} {HEAD}{}{HEAD:#}  {why}", tick(false), explanation.signature))
        }
    }

    /// What is left to say when nothing was shown.
    pub(super) fn end(self) -> io::Result<()> {
        if !self.matched && self.near == 0 {
            let all = inputs::counted(self.catalog, "signature", "signatures");
            writeln!(self.out, "\n{HEAD}no match{HEAD:#}: nothing in the catalog ({all}) comes near this record")?;
        }
        Ok(())
    }

    fn signature(&mut self, explanation: &Explanation) -> io::Result<()> {
        let Explanation { signature, title, .. } = explanation;
        self.line(&format!("  {} {HEAD}{signature}{HEAD:#}  {}", tick(explanation.matches), inert(title, MAX_VALUE)))?;
        for check in &explanation.scope {
            let found = check.found.as_deref().map_or_else(
                || "the record names none, which excludes nothing".to_owned(),
                |found| format!("the record's is {}", quoted(found)),
            );
            let accepted = check.accepted.join(" | ");
            self.line(&format!("    {} scope {}: {accepted}; {found}", tick(check.holds), check.attribute))?;
        }
        for selection in &explanation.selections {
            self.line(&format!("    {} {}", tick(selection.holds), selection.name))?;
            for check in &selection.checks {
                self.check(check)?;
            }
        }
        self.line(&format!("    {} condition: {}", tick(explanation.condition_holds), explanation.condition))
    }

    fn check(&mut self, check: &Check) -> io::Result<()> {
        let wanted: Vec<_> = check.wanted.iter().map(|wanted| quoted(wanted)).collect();
        let wanted = wanted.join(if check.all { " and " } else { " or " });
        self.line(&format!("      {} {}|{} {wanted}", tick(check.holds), check.field, check.modifier))?;
        match (&check.found, check.holds) {
            (_, true) => Ok(()),
            (Some(found), false) => self.line(&format!("          {DIM}found{DIM:#} {}", quoted(found))),
            (None, false) => self.line(&format!("          {DIM}the record has no such field{DIM:#}")),
        }
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        let indent = line.len() - line.trim_start().len() + 4;
        writeln!(self.out, "{}", wrap::wrapped(line, wrap::width(), |_| indent))
    }
}

fn why_not(explanation: &Explanation) -> String {
    if let Some(check) = explanation.scope.iter().find(|check| !check.holds) {
        return format!("the record's {} is not in its scope", check.attribute);
    }
    let checks = || explanation.selections.iter().flat_map(|selection| &selection.checks);
    match (checks().filter(|check| check.holds).count(), checks().count()) {
        (held, all) if held == all => "all questions hold, and the condition excludes it".to_owned(),
        (held, all) => format!("{held} of {all} questions hold"),
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", inert(text, MAX_VALUE))
}

fn tick(holds: bool) -> String {
    if holds { format!("{GOOD}✓{GOOD:#}") } else { format!("{BAD}✗{BAD:#}") }
}
