//! Fix records: a time or a bare date, a release that must be text, branch lines.

use jiff::Timestamp;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::catalog::problem::Code;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::spec::FixSpec;
use crate::catalog::yaml::At;
use crate::model::fix::Fix;

/// Every fix that says when, oldest first.
pub(super) fn fixes(specs: &[FixSpec], report: &mut Report) -> Vec<Fix> {
    let mut fixes: Vec<Fix> = specs.iter().filter_map(|spec| fix(spec, report)).collect();
    fixes.sort_by_key(|fix| fix.at);
    fixes
}

fn fix(spec: &FixSpec, report: &mut Report) -> Option<Fix> {
    let (at, day_start) = moment(&spec.at, report)?;
    let text = |text: &Option<At<String>>| text.as_ref().map(|text| text.value.clone());
    let texts = |texts: &[At<String>]| texts.iter().map(|text| text.value.clone()).collect();
    Some(Fix {
        at,
        day_start,
        release: text(&spec.release),
        commit: text(&spec.commit),
        lines: spec.lines.iter().map(|(line, fixed)| (line.value.clone(), first_fixed(fixed))).collect(),
        kind: spec.kind.as_ref().map(|kind| kind.value).unwrap_or_default(),
        services: texts(&spec.services),
        environments: texts(&spec.environments),
        report: text(&spec.report),
        by: text(&spec.by),
    })
}

fn first_fixed(text: &At<String>) -> Option<String> {
    (text.value != "none").then(|| text.value.clone())
}

/// When the fix counts from, and the day's beginning when only a date was given.
fn moment(text: &At<String>, report: &mut Report) -> Option<(Timestamp, Option<Timestamp>)> {
    if text.value.is_empty() {
        return None;
    }
    if let Ok(at) = text.value.parse::<Timestamp>() {
        return Some((at, None));
    }
    let day = day(&text.value);
    if day.is_none() {
        let message = format!("{} is no time", quoted(&text.value));
        let help = "RFC 3339 with a zone: `2025-09-08T16:00:00Z`, `2025-09-08T14:08:00+05:30`";
        report.add_with_help(Code::FixTime, &text.span, message, help);
    }
    day.map(|(start, end)| (end, Some(start)))
}

/// First moment of a bare date and of the day after, in UTC.
fn day(text: &str) -> Option<(Timestamp, Timestamp)> {
    // jiff also reads the date of a date and time without zone: that is no bare date.
    let date: Date = (text.len() == "2025-09-08".len()).then(|| text.parse().ok())??;
    let next = date.checked_add(1.day()).ok()?;
    let moment = |date: Date| date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    Some((moment(date)?, moment(next)?))
}
