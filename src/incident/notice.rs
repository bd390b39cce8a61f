//! Builds the facts of a notice from what the judge knows. Rendering is `alert`'s.

use std::cmp::Ordering;

use jiff::Timestamp;

use crate::catalog::signature::Signature;
use crate::incident::containment::Surroundings;
use crate::incident::track::News;
use crate::incident::track::Over;
use crate::incident::track::Step;
use crate::model::alert::Notice;
use crate::model::alert::NoticeKind;
use crate::model::fix::Fix;
use crate::model::incident::Episode;
use crate::model::incident::EpisodeKind;
use crate::model::incident::Evidence;
use crate::model::incident::Track;
use crate::model::verdict::Basis;
use crate::model::verdict::Verdict;

/// What a notice is built from.
pub(crate) struct Facts<'a> {
    /// `None` when it left the catalog.
    pub(crate) signature: Option<&'a Signature>,
    pub(crate) around: Surroundings<'a>,
    /// Event time of the transition.
    pub(crate) time: Timestamp,
    /// The record that caused it; `None` where time did.
    pub(crate) cause: Option<Cause<'a>>,
}

/// The judged record behind a notice.
#[derive(Clone, Copy)]
pub(crate) struct Cause<'a> {
    pub(crate) verdict: Verdict,
    pub(crate) basis: Basis,
    pub(crate) why: &'a str,
    pub(crate) evidence: &'a Evidence,
}

/// The notice for one step of `track`.
pub(crate) fn build(track: &Track, step: &Step, facts: &Facts<'_>) -> Notice {
    let episode = track.episode.as_deref();
    let signature = facts.signature;
    let fix = signature.and_then(|signature| newest_fix(signature, track));
    let (kind, name) = match step {
        Step::Page => (NoticeKind::Page, "page"),
        Step::Warn | Step::Unsatisfiable(_) => (NoticeKind::Warning, "warning"),
        Step::Update(_) => (NoticeKind::Update, "update"),
        Step::Resolve(_) => (NoticeKind::Resolved, "resolved"),
    };
    // An episode is paged and resolved once; warnings and news are told apart by their time.
    let subject = match (episode, step) {
        (Some(episode), Step::Page | Step::Resolve(_)) => episode.id.clone(),
        (Some(episode), _) => format!("{}@{}", episode.id, facts.time),
        (None, _) => format!("{}@{}", track.key, facts.time),
    };
    let older_live = fix.map_or_else(Vec::new, |fix| older_releases(fix, facts));
    let alive = facts.around.population.instance_count();
    let failed = episode.map_or(0, |episode| episode.instances.len());
    Notice {
        id: format!("{name}:{subject}"),
        kind,
        key: track.key.clone(),
        title: signature.map_or_else(|| track.key.signature.to_string(), |signature| signature.title.clone()),
        severity: signature.map(|signature| signature.severity).unwrap_or_default(),
        owner: signature.and_then(|signature| signature.owner.clone()),
        runbook_url: signature.and_then(|signature| signature.runbook_url.clone()),
        reference: fix.and_then(|fix| fix.report.clone()).or_else(|| signature?.references.first().cloned()),
        episode: episode.map(|episode| episode.id.clone()),
        episode_kind: episode.map(|episode| episode.kind).or_else(|| warned_of(step, facts)),
        verdict: facts.cause.map(|cause| cause.verdict).or(track.last_verdict).unwrap_or(Verdict::UnknownRelease),
        basis: facts.cause.map(|cause| cause.basis).or_else(|| episode?.evidence.basis).unwrap_or(Basis::NoRelease),
        why: why(step, facts),
        starts_at: episode.map_or(facts.time, |episode| episode.opened_at),
        ends_at: (kind == NoticeKind::Resolved).then_some(facts.time),
        fix: fix.cloned(),
        occurrences: episode.map_or(track.occurrences, |episode| episode.occurrences),
        first_seen: episode.map_or_else(|| track.first_seen.unwrap_or(facts.time), |episode| episode.opened_at),
        instances: (failed, alive.max(failed)),
        older_live,
        group: episode.map(|episode| episode.group.clone()),
        together: episode.map_or_else(Vec::new, |episode| episode.together.clone()),
        previous_episodes: track.episodes.saturating_sub(u64::from(episode.is_some())),
        evidence: evidence(episode, facts),
    }
}

/// What a warning is about: a warning opens no episode.
fn warned_of(step: &Step, facts: &Facts<'_>) -> Option<EpisodeKind> {
    match (step, facts.cause.map(|cause| cause.verdict)) {
        (Step::Warn, Some(Verdict::StaleBuild | Verdict::StaleRuntime)) => Some(EpisodeKind::Stale),
        (Step::Warn | Step::Unsatisfiable(_), _) => Some(EpisodeKind::Unverifiable),
        _ => None,
    }
}

fn evidence(episode: Option<&Episode>, facts: &Facts<'_>) -> Evidence {
    match (facts.cause, episode) {
        (Some(cause), _) => Evidence { basis: Some(cause.basis), ..cause.evidence.clone() },
        (None, Some(episode)) => episode.evidence.clone(),
        (None, None) => Evidence::default(),
    }
}

fn why(step: &Step, facts: &Facts<'_>) -> String {
    match step {
        Step::Page | Step::Warn => facts.cause.map_or_else(String::new, |cause| cause.why.to_owned()),
        Step::Unsatisfiable(reason) => format!("this fix can never be judged here: {reason}"),
        Step::Update(News::Release) => "another release fails, too".to_owned(),
        Step::Update(News::Share(100)) => "it has reached every instance".to_owned(),
        Step::Update(News::Share(share)) => format!("it has reached {share} % of the instances"),
        Step::Update(News::Flapping) => {
            "it goes back and forth between calm and failing; from now on a digest".to_owned()
        }
        Step::Update(News::Repeat) => "it is still there".to_owned(),
        Step::Resolve(Over::Calm) => "records go on and it has not been seen again".to_owned(),
        Step::Resolve(Over::Refixed) => "a newer fix is in the catalog: judged by that one from now on".to_owned(),
        Step::Resolve(Over::Retired) => "the signature left the catalog".to_owned(),
        Step::Resolve(Over::Unconfirmed) => "nothing more was heard of it".to_owned(),
        Step::Resolve(Over::Judgeable) => "the fix can be judged after all".to_owned(),
    }
}

fn newest_fix<'a>(signature: &'a Signature, track: &Track) -> Option<&'a Fix> {
    let applicable = signature.fixes.iter().filter(|fix| fix.applies_to(&track.key.service, &track.key.environment));
    // The fix in force when the track was judged; a newer one in the catalog has not been judged by yet.
    applicable.max_by_key(|fix| (track.fix_at.is_none_or(|at| fix.at <= at), fix.at))
}

/// Live releases known not to contain `fix`, newest first.
fn older_releases(fix: &Fix, facts: &Facts<'_>) -> Vec<String> {
    let Some(fixed) = fix.release.as_deref() else {
        return Vec::new();
    };
    let mut older: Vec<&str> = facts
        .around
        .population
        .releases()
        .map(|live| live.release.as_str())
        .filter(|release| !facts.around.has_fix(fix, release))
        .filter(|release| facts.around.compare(release, fixed).is_ok_and(|compared| compared.ordering.is_lt()))
        .collect();
    older.sort_by(|a, b| facts.around.compare(b, a).map_or(Ordering::Equal, |compared| compared.ordering));
    older.into_iter().map(str::to_owned).collect()
}
