//! Does the event contain the fix? yes, no or unknown, and what that rests on (verdicts.md, section 3). The first rule that
//! answers wins; there is no silent fall-back from a release to a date.

use std::cmp::Ordering;

use jiff::Timestamp;

use crate::incident::config::IncidentConfig;
use crate::incident::order::Compared;
use crate::incident::order::NoOrder;
use crate::incident::order::Rules;
use crate::incident::order::same_commit;
use crate::incident::outlook::View;
use crate::incident::population::Population;
use crate::incident::reason::Reason;
use crate::incident::scheme::Scheme;
use crate::model::fix::Fix;
use crate::model::fix::FixKind;
use crate::model::record::Resource;
use crate::model::verdict::Basis;

/// The answer, its basis and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Containment<'a> {
    pub(crate) answer: Answer,
    pub(crate) basis: Basis,
    pub(crate) reason: Reason<'a>,
}

/// Yes, no, or not to be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
    Unknown,
}

/// What is known where the event happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) population: &'a Population,
    pub(crate) rules: Rules<'a>,
    pub(crate) config: &'a IncidentConfig,
}

impl Surroundings<'_> {
    /// Whether `release` (or a commit in its place) contains the fix beyond doubt.
    pub(crate) fn has_fix(&self, fix: &Fix, release: &str) -> bool {
        self.answer(fix, release) == Answer::Yes
    }

    /// Whether `release` (or a commit in its place) contains the fix, as far as it can tell.
    pub(crate) fn answer(&self, fix: &Fix, release: &str) -> Answer {
        judge_release(fix, release, self).map_or(Answer::Unknown, |found| found.answer)
    }

    /// Compares two releases by the rules of the service.
    pub(crate) fn compare(&self, release: &str, other: &str) -> Result<Compared, NoOrder> {
        self.rules.compare(release, other, self.population.has_commits())
    }
}

/// Whether the fix is named by a release.
pub(crate) fn names_release(fix: &Fix) -> bool {
    fix.release.is_some() || !fix.lines.is_empty()
}

/// Whether a release can tell that it contains the fix: then its rollout begins with the first sight of such a release.
pub(crate) fn travels(fix: &Fix, rules: &Rules<'_>) -> bool {
    let in_manifest = || fix.commit.as_deref().is_some_and(|commit| rules.manifests.know(rules.service, commit));
    fix.kind == FixKind::Code && (names_release(fix) || rules.first_seen || in_manifest())
}

/// Whether the event contains the fix.
pub(crate) fn contains<'a>(
    (fix, view): (&'a Fix, &View),
    resource: &'a Resource,
    time: Timestamp,
    around: &Surroundings<'a>,
) -> Containment<'a> {
    if fix.kind != FixKind::Code {
        return by_time(fix, time, around.config);
    }
    if let Some(started) = resource.process_start
        && later(started, around.config.boot) < view.effective_at
    {
        let reason = Reason::StartedBefore { started, effective: view.effective_at };
        return Containment { answer: Answer::No, basis: Basis::ProcessStart, reason };
    }
    let told = resource.release.as_deref();
    let release = told.filter(|release| !around.population.is_constant(release, around.config.pending));
    let commit = resource.commit.as_deref();
    let by_release = by_commit(fix, release, commit, around)
        .or_else(|| release.or(commit).and_then(|release| judge_release(fix, release, around)));
    if let Some(found) = by_release
        && (found.answer != Answer::Unknown || release.is_some())
    {
        return found;
    }
    if !(release.is_some() && names_release(fix))
        && let (Some(started), Some(end)) = (resource.process_start, view.rollout_end)
        && started >= end
    {
        let reason = Reason::StartedAfter { started, end };
        return Containment { answer: Answer::Yes, basis: Basis::ProcessStart, reason };
    }
    let reason = match (told, release, &fix.commit) {
        (_, _, None) if !names_release(fix) => return by_time(fix, time, around.config),
        (Some(constant), None, _) => Reason::ConstantRelease(constant),
        (_, _, Some(commit)) if !names_release(fix) => Reason::OnlyCommit(commit),
        _ => Reason::NoRelease,
    };
    Containment { answer: Answer::Unknown, basis: Basis::NoRelease, reason }
}

/// The commit the record carries, against the fix's.
fn by_commit<'a>(
    fix: &'a Fix,
    release: Option<&'a str>,
    commit: Option<&'a str>,
    around: &Surroundings<'a>,
) -> Option<Containment<'a>> {
    let (theirs, ours) = (fix.commit.as_deref()?, commit?);
    if same_commit(ours, theirs) {
        return Some(Containment { answer: Answer::Yes, basis: Basis::Manifest, reason: Reason::OwnCommit(theirs) });
    }
    release.and_then(|release| by_manifest(fix, release, around)).or_else(|| by_manifest(fix, ours, around))
}

fn by_manifest<'a>(fix: &'a Fix, release: &'a str, around: &Surroundings<'a>) -> Option<Containment<'a>> {
    let commit = fix.commit.as_deref()?;
    let contained = around.rules.manifests.contains(around.rules.service, commit, release)?;
    let answer = if contained { Answer::Yes } else { Answer::No };
    Some(Containment { answer, basis: Basis::Manifest, reason: Reason::Listed { release, commit, contained } })
}

/// By manifest, branch line, release order, declared deployments and, if asked for, first sight. `None` where a release cannot
/// tell whether it contains the fix.
fn judge_release<'a>(fix: &'a Fix, release: &'a str, around: &Surroundings<'a>) -> Option<Containment<'a>> {
    if let Some(found) = by_manifest(fix, release, around) {
        return Some(found);
    }
    if let Some(commit) = fix.commit.as_deref().filter(|commit| same_commit(release, commit)) {
        return Some(Containment { answer: Answer::Yes, basis: Basis::Manifest, reason: Reason::OwnCommit(commit) });
    }
    let by_name = match fix.release.as_deref() {
        _ if !fix.lines.is_empty() => Some(by_line(&fix.lines, release, around)),
        Some(fixed) => Some(by_order(release, fixed, around)),
        None => None,
    };
    let open = by_name.is_none_or(|found| found.answer == Answer::Unknown);
    let by_deploy = by_name.and_then(|found| by_deploy(&found, fix, release, around.population));
    let by_sight = || by_first_sight(fix, release, around).filter(|_| open);
    by_deploy.or_else(by_sight).or(by_name)
}

fn by_order<'a>(release: &'a str, fixed: &'a str, around: &Surroundings<'a>) -> Containment<'a> {
    let (answer, basis, reason) = match around.compare(release, fixed) {
        Ok(compared) if compared.ordering == Ordering::Equal => (Answer::Yes, Basis::Order, Reason::IsFixed(release)),
        Ok(compared) => {
            let answer = if compared.ordering.is_ge() { Answer::Yes } else { Answer::No };
            let (ordering, scheme) = (compared.ordering, compared.scheme);
            (answer, Basis::Order, Reason::Ordered { release, fixed, ordering, scheme })
        }
        Err(NoOrder::Unparsed) => (Answer::Unknown, Basis::Unparsed, Reason::Unparsed(release)),
        Err(NoOrder::Incomparable) => (Answer::Unknown, Basis::Incomparable, Reason::NoOrder { release, fixed }),
    };
    Containment { answer, basis, reason }
}

/// Declared deployments order what names cannot: releases without an order, and counters, which start anew when a service is
/// created again.
fn by_deploy<'a>(
    by_order: &Containment<'a>,
    fix: &'a Fix,
    release: &'a str,
    population: &Population,
) -> Option<Containment<'a>> {
    let fixed = fix.release.as_deref()?;
    let counter = matches!(by_order.reason, Reason::Ordered { scheme: "ordinal", .. });
    if by_order.answer != Answer::Unknown && !counter || release == fixed {
        return None;
    }
    let (ours, theirs) = (population.declared_at(release)?, population.declared_at(fixed)?);
    let answer = if ours >= theirs { Answer::Yes } else { Answer::No };
    let reason = Reason::Deployed { release: (release, ours), fixed: (fixed, theirs) };
    Some(Containment { answer, basis: Basis::Deploy, reason })
}

/// Opt-in: what was seen later is newer. Without the fixed release at hand, a release seen before the fix was made has not got it;
/// one seen after it has, if the fix names no release and the release is known to be a new one.
fn by_first_sight<'a>(fix: &'a Fix, release: &'a str, around: &Surroundings<'a>) -> Option<Containment<'a>> {
    if !around.rules.first_seen {
        return None;
    }
    let population = around.population;
    let ours = population.first_seen(release)?;
    let fixed = fix.release.as_deref().and_then(|fixed| Some((fixed, population.first_seen(fixed)?)));
    let (contained, reason) = match fixed {
        Some((fixed, theirs)) => {
            (ours >= theirs, Reason::FirstSeen { release: (release, ours), fixed: (fixed, theirs) })
        }
        None if ours < fix.day_start.unwrap_or(fix.at) => {
            (false, Reason::FirstSeenAfter { release: (release, ours), fix: fix.at, contained: false })
        }
        None if !names_release(fix) && ours >= fix.at && population.began().is_some_and(|began| began < ours) => {
            (true, Reason::FirstSeenAfter { release: (release, ours), fix: fix.at, contained: true })
        }
        None => return None,
    };
    let answer = if contained { Answer::Yes } else { Answer::No };
    Some(Containment { answer, basis: Basis::FirstSeen, reason })
}

/// The branch map: `3.1` → first fixed release of that line. An unlisted line above all has the fix, below all has not.
fn by_line<'a>(lines: &'a [(String, Option<String>)], release: &'a str, around: &Surroundings<'a>) -> Containment<'a> {
    let give = |answer, reason| Containment { answer, basis: Basis::Line, reason };
    let unordered = |line| {
        let reason = Reason::NoLineOrder { release, line };
        Containment { answer: Answer::Unknown, basis: Basis::Incomparable, reason }
    };
    if let Some((line, fixed)) = lines.iter().find(|(line, _)| is_of_line(release, line)) {
        let Some(fixed) = fixed.as_deref() else {
            return give(Answer::No, Reason::LineWithoutFix(line));
        };
        let Ok(compared) = around.compare(release, fixed) else { return unordered(fixed) };
        let contained = compared.ordering.is_ge();
        let answer = if contained { Answer::Yes } else { Answer::No };
        return give(answer, Reason::OnLine { release, fixed, line, contained });
    }
    let (mut above, mut below) = (true, true);
    for (line, fixed) in lines {
        let Ok(compared) = around.compare(release, fixed.as_deref().unwrap_or(line)) else { return unordered(line) };
        above &= compared.ordering.is_gt();
        below &= compared.ordering.is_lt();
    }
    match (above, below) {
        (true, _) => give(Answer::Yes, Reason::AboveLines(release)),
        (_, true) => give(Answer::No, Reason::BelowLines(release)),
        _ => Containment { basis: Basis::LineGap, ..give(Answer::Unknown, Reason::BetweenLines(release)) },
    }
}

/// `3.1.7` and `v3.1` are of line `3.1`, `3.10.1` is not.
fn is_of_line(release: &str, line: &str) -> bool {
    fn bare(text: &str) -> &str {
        let text = text.rsplit_once('@').map_or(text, |(_, version)| version);
        text.strip_prefix(['v', 'V']).unwrap_or(text)
    }
    bare(release).strip_prefix(bare(line)).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '+']))
}

fn by_time<'a>(fix: &Fix, time: Timestamp, config: &IncidentConfig) -> Containment<'a> {
    let (answer, reason) = if time >= later(fix.at, config.rollout_max) {
        (Answer::Yes, Reason::AfterFix { time, fix: fix.at, code: fix.kind == FixKind::Code })
    } else {
        (Answer::No, Reason::BeforeRollout { time, fix: fix.at })
    };
    Containment { answer, basis: Basis::Time, reason }
}

/// Whether names, declarations, first sight or a manifest order at least one live release against the fix.
pub(crate) fn is_comparable(fix: &Fix, around: &Surroundings<'_>) -> bool {
    let Some(fixed) = fix.release.as_deref().filter(|_| fix.lines.is_empty()) else { return true };
    let Surroundings { population, rules, .. } = around;
    let by_other = rules.first_seen || population.is_declared() || matches!(rules.scheme, Scheme::Commit);
    let mut live = population.releases().map(|live| live.release.as_str()).peekable();
    by_other
        || live.peek().is_none()
        || live.any(|release| around.compare(release, fixed).is_ok() || by_manifest(fix, release, around).is_some())
}

/// `time + by`, at the end of time at the latest.
pub(crate) fn later(time: Timestamp, by: jiff::SignedDuration) -> Timestamp {
    time.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// `time - by`, at the beginning of time at the earliest.
pub(crate) fn earlier(time: Timestamp, by: jiff::SignedDuration) -> Timestamp {
    time.saturating_sub(by).unwrap_or(Timestamp::MIN)
}
