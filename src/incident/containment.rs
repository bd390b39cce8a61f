//! Does the event contain the fix? yes, no or unknown, and what that rests on (verdicts.md, section 3). The first rule that
//! answers wins; there is no silent fall-back from a release to a date.

use std::cmp::Ordering;

use jiff::Timestamp;

use crate::incident::config::IncidentConfig;
use crate::incident::order::NoOrder;
use crate::incident::order::Scheme;
use crate::incident::order::same_commit;
use crate::incident::population::Population;
use crate::model::fix::Fix;
use crate::model::fix::FixKind;
use crate::model::record::Resource;
use crate::model::verdict::Basis;

/// The answer, its basis and the sentence fragment that explains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Containment {
    pub(crate) answer: Answer,
    pub(crate) basis: Basis,
    pub(crate) why: String,
}

/// Yes, no, or not to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    Unknown,
}

/// A fix seen from one service and environment: when it took effect there and when its rollout ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FixInForce<'a> {
    pub(crate) fix: &'a Fix,
    /// min(fix.at, first sight of a release that contains it).
    pub(crate) effective_at: Timestamp,
    /// `None` while the fixed release has not been seen.
    pub(crate) rollout_end: Option<Timestamp>,
}

impl<'a> FixInForce<'a> {
    /// Looks at `fix` from the place that `population` describes, at event time `time`.
    pub(crate) fn new(
        fix: &'a Fix,
        population: &Population,
        scheme: &Scheme,
        time: Timestamp,
        config: &IncidentConfig,
    ) -> Self {
        let travels = fix.kind == FixKind::Code && (fix.release.is_some() || !fix.lines.is_empty());
        let contains = |release: &str| release_contains(fix, release, scheme);
        let first_sight = travels.then(|| population.first_sight(contains)).flatten();
        let effective_at = first_sight.map_or(fix.at, |seen| seen.min(fix.at));
        let rollout_end = if travels {
            first_sight.map(|seen| {
                let latest = later(seen, config.rollout_max);
                population.all_instances_since(time, contains).map_or(latest, |all| all.min(latest))
            })
        } else {
            Some(later(fix.at, config.rollout_max))
        };
        Self { fix, effective_at, rollout_end }
    }
}

/// Whether `release` (or a commit in its place) contains the fix beyond doubt.
pub(crate) fn release_contains(fix: &Fix, release: &str, scheme: &Scheme) -> bool {
    judge_release(fix, release, scheme).is_some_and(|containment| containment.answer == Answer::Yes)
}

/// What else is known where the event happened.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) population: &'a Population,
    pub(crate) scheme: &'a Scheme,
    pub(crate) config: &'a IncidentConfig,
}

/// Whether the event contains the fix.
pub(crate) fn contains(
    in_force: &FixInForce<'_>,
    resource: &Resource,
    time: Timestamp,
    around: Surroundings<'_>,
) -> Containment {
    let Surroundings { population, scheme, config } = around;
    let fix = in_force.fix;
    if fix.kind != FixKind::Code {
        return by_time(fix, time, config);
    }
    if let Some(started) = resource.process_start
        && later(started, config.boot) < in_force.effective_at
    {
        let why = format!("the process started at {started}, before the fix took effect at {}", in_force.effective_at);
        return Containment { answer: Answer::No, basis: Basis::ProcessStart, why };
    }
    if let (Some(ours), Some(theirs)) = (resource.commit.as_deref(), fix.commit.as_deref())
        && same_commit(ours, theirs)
    {
        let why = format!("it runs the fix's own commit {theirs}");
        return Containment { answer: Answer::Yes, basis: Basis::Manifest, why };
    }
    let release = resource.release.as_deref().filter(|release| !population.is_constant(release, config.pending));
    let by_release = release.or(resource.commit.as_deref()).and_then(|release| {
        let by_order = judge_release(fix, release, scheme)?;
        Some(by_deploy(&by_order, fix, release, population).unwrap_or(by_order))
    });
    if let Some(found) = by_release
        && (found.answer != Answer::Unknown || release.is_some())
    {
        return found;
    }
    let names_release = fix.release.is_some() || !fix.lines.is_empty();
    if !(release.is_some() && names_release)
        && let (Some(started), Some(end)) = (resource.process_start, in_force.rollout_end)
        && started >= end
    {
        let why =
            format!("the process started at {started}, after the rollout ended at {end} (low confidence: no release)");
        return Containment { answer: Answer::Yes, basis: Basis::ProcessStart, why };
    }
    if !names_release && fix.commit.is_none() {
        return by_time(fix, time, config);
    }
    let why = match (&resource.release, release) {
        (Some(constant), None) => format!("service.version is always {constant}: a constant tells nothing"),
        _ => missing(fix, names_release),
    };
    Containment { answer: Answer::Unknown, basis: Basis::NoRelease, why }
}

/// Declared deployments order what names cannot: releases without an order, and counters, which start anew when a service is
/// created again.
fn by_deploy(by_order: &Containment, fix: &Fix, release: &str, population: &Population) -> Option<Containment> {
    let fixed = fix.release.as_deref()?;
    let counter = by_order.basis == Basis::Order && Scheme::Ordinal.compare(release, fixed).is_ok();
    if by_order.answer != Answer::Unknown && !counter || release == fixed {
        return None;
    }
    let (ours, theirs) = (population.declared_at(release)?, population.declared_at(fixed)?);
    let (answer, order) = if ours >= theirs { (Answer::Yes, "after") } else { (Answer::No, "before") };
    let why = format!("{release} was deployed at {ours}, {order} {fixed} at {theirs}");
    Some(Containment { answer, basis: Basis::Deploy, why })
}

/// Names what would decide: the 3 a.m. reader must know which field to add.
fn missing(fix: &Fix, names_release: bool) -> String {
    if names_release {
        return "the record carries no service.version".to_owned();
    }
    let commit = fix.commit.as_deref().unwrap_or("?");
    format!(
        "the fix names only the commit {commit}, and the record carries neither vcs.ref.head.revision nor a process start"
    )
}

/// By branch line, then by release order. `None` when the fix names no release at all.
fn judge_release(fix: &Fix, release: &str, scheme: &Scheme) -> Option<Containment> {
    if !fix.lines.is_empty() {
        return Some(by_line(&fix.lines, release, scheme));
    }
    let fixed = fix.release.as_deref()?;
    Some(match scheme.compare(release, fixed) {
        Ok(compared) if compared.ordering == Ordering::Less => Containment {
            answer: Answer::No,
            basis: Basis::Order,
            why: format!("{release} < {fixed} by {}", compared.scheme),
        },
        Ok(compared) if compared.ordering == Ordering::Equal => {
            Containment { answer: Answer::Yes, basis: Basis::Order, why: format!("{release} is the fixed release") }
        }
        Ok(compared) => Containment {
            answer: Answer::Yes,
            basis: Basis::Order,
            why: format!("{release} ≥ {fixed} by {}", compared.scheme),
        },
        Err(NoOrder::Unparsed) => Containment {
            answer: Answer::Unknown,
            basis: Basis::Unparsed,
            why: format!("service.version `{release}` does not parse as a release"),
        },
        Err(NoOrder::Incomparable) => Containment {
            answer: Answer::Unknown,
            basis: Basis::Incomparable,
            why: format!("{release} and the fixed release {fixed} have no order"),
        },
    })
}

/// The branch map: `3.1` → first fixed release of that line. An unlisted line above all has the fix, below all has not.
fn by_line(lines: &[(String, Option<String>)], release: &str, scheme: &Scheme) -> Containment {
    let answer = |answer, why| Containment { answer, basis: Basis::Line, why };
    if let Some((line, fixed)) = lines.iter().find(|(line, _)| is_of_line(release, line)) {
        let Some(fixed) = fixed else {
            return answer(Answer::No, format!("the line {line} never gets the fix"));
        };
        return match scheme.compare(release, fixed) {
            Ok(compared) if compared.ordering.is_ge() => {
                answer(Answer::Yes, format!("{release} ≥ {fixed} on line {line}"))
            }
            Ok(_) => answer(Answer::No, format!("{release} < {fixed} on line {line}")),
            Err(_) => unordered(release, fixed),
        };
    }
    let mut sides = Vec::new();
    for (line, fixed) in lines {
        match scheme.compare(release, fixed.as_deref().unwrap_or(line)) {
            Ok(compared) => sides.push(compared.ordering),
            Err(_) => return unordered(release, line),
        }
    }
    if sides.iter().all(|side| side.is_gt()) {
        answer(Answer::Yes, format!("{release} is above every listed line"))
    } else if sides.iter().all(|side| side.is_lt()) {
        answer(Answer::No, format!("{release} is below every listed line"))
    } else {
        let why = format!("{release} lies between the listed branch lines");
        Containment { answer: Answer::Unknown, basis: Basis::LineGap, why }
    }
}

fn unordered(release: &str, other: &str) -> Containment {
    let why = format!("{release} and {other} have no order");
    Containment { answer: Answer::Unknown, basis: Basis::Incomparable, why }
}

/// `3.1.7` and `v3.1` are of line `3.1`, `3.10.1` is not.
fn is_of_line(release: &str, line: &str) -> bool {
    let bare = |text: &str| -> String {
        let text = text.rsplit_once('@').map_or(text, |(_, version)| version);
        text.strip_prefix(['v', 'V']).unwrap_or(text).to_owned()
    };
    let (release, line) = (bare(release), bare(line));
    release.strip_prefix(&line).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '+']))
}

fn by_time(fix: &Fix, time: Timestamp, config: &IncidentConfig) -> Containment {
    let end = later(fix.at, config.rollout_max);
    let (answer, why) = if time >= end {
        let confidence = if fix.kind == FixKind::Code { " (low confidence: the fix names no release)" } else { "" };
        (Answer::Yes, format!("{time} is after the fix of {} and its rollout{confidence}", fix.at))
    } else {
        (Answer::No, format!("{time} is before the rollout of the fix of {} ended", fix.at))
    };
    Containment { answer, basis: Basis::Time, why }
}

/// `time + by`, at the end of time at the latest.
pub(crate) fn later(time: Timestamp, by: jiff::SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}
