//! A notice as one line of text: what a person reads at three in the morning, in any sink.
//!
//! Every fact may be missing; what is not known is left out, or named where its absence is the news.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::alert::redact::SafeNotice;
use crate::model::alert::NoticeKind;
use crate::model::fix::Fix;
use crate::model::incident::EpisodeKind;
use crate::model::verdict::Basis;
use crate::model::verdict::Verdict;

/// The word a notice opens with.
pub fn headline(notice: &SafeNotice) -> &'static str {
    match (notice.kind, notice.verdict) {
        (NoticeKind::Page, Verdict::Rollback) => "FIX UN-SHIPPED",
        (NoticeKind::Page, _) => "RELAPSED",
        (NoticeKind::Update, _) => "STILL FAILING",
        (NoticeKind::Warning, Verdict::UnknownRelease) => "POSSIBLE RELAPSE",
        (NoticeKind::Warning, Verdict::StaleBuild) => "OLD BUILD STILL RUNS",
        (NoticeKind::Warning, Verdict::StaleRuntime) => "STALE PROCESS",
        (NoticeKind::Warning, _) => "NEEDS A LOOK",
        (NoticeKind::Resolved, _) => "RESOLVED",
    }
}

/// The whole notice on one line.
pub fn text(notice: &SafeNotice) -> String {
    let mut parts = vec![opening(notice)];
    if notice.kind == NoticeKind::Resolved {
        parts.push(notice.why.clone());
    } else {
        parts.push(if notice.older_live.is_empty() {
            "older builds live: none".to_owned()
        } else {
            format!("older builds live: {}", notice.older_live.join(", "))
        });
        if !notice.together.is_empty() {
            parts.push(format!("together with {}", notice.together.join(", ")));
        }
        if notice.episode_kind == Some(EpisodeKind::IneffectiveFix) {
            parts.push("the fix looks ineffective: no calm since it took effect".to_owned());
        }
        parts.push(format!("previous relapses: {}", notice.previous_episodes));
        if let Some(advice) = advice(notice) {
            parts.push(format!("advice: {advice}"));
        }
    }
    if let Some(runbook) = &notice.runbook_url {
        parts.push(format!("runbook {runbook}"));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("; ")
}

fn opening(notice: &SafeNotice) -> String {
    let key = &notice.key;
    let name =
        format!("{} {} \"{}\" in {}/{}", headline(notice), key.signature, notice.title, key.service, key.environment);
    let count = count(notice);
    match notice.kind {
        NoticeKind::Resolved => {
            let calm = notice.ends_at.map(|end| format!("calm since {}, ", moment(end))).unwrap_or_default();
            format!("{name}: {calm}{count}")
        }
        NoticeKind::Warning => match missing(notice) {
            Some(missing) => format!("{name}: {missing}; {}, {}, {count}", fixed(notice), seen(notice)),
            None => format!("{name}: {}; {}, {}, {count}", notice.why, fixed(notice), seen(notice)),
        },
        NoticeKind::Page if notice.verdict == Verdict::Rollback => {
            format!("{name}: {}, the fix was live and was taken back: {}, {count}", fixed(notice), seen(notice))
        }
        NoticeKind::Page => format!("{name}: {}, {}, {count}", fixed(notice), seen(notice)),
        NoticeKind::Update => format!("{name}: {}; {}, {}, {count}", notice.why, fixed(notice), seen(notice)),
    }
}

/// `fixed in 1.42.0 on 2025-09-07 by ana (https://…)`.
pub fn fixed(notice: &SafeNotice) -> String {
    let Some(fix) = &notice.fix else { return "no fix on record".to_owned() };
    let what = match (&fix.release, &fix.commit) {
        (Some(release), _) => format!(" in {release}"),
        (None, Some(commit)) => format!(" in commit {}", commit.get(..12).unwrap_or(commit)),
        (None, None) => String::new(),
    };
    let by = fix.by.as_ref().or(notice.owner.as_ref()).map(|by| format!(" by {by}")).unwrap_or_default();
    let report = fix.report.as_ref().or(notice.reference.as_ref());
    let report = report.map(|report| format!(" ({report})")).unwrap_or_default();
    format!("fixed{what} on {}{by}{report}", day_of(fix))
}

/// `seen again in 1.43.1 (release order) on 3/12 instances`.
pub fn seen(notice: &SafeNotice) -> String {
    let release = match (notice.evidence.release.as_deref(), notice.basis) {
        (None, Basis::NoRelease) => "an unknown release".to_owned(),
        (None, basis) => format!("an unknown release ({})", basis_words(basis)),
        (Some(release), basis) => format!("{release} ({})", basis_words(basis)),
    };
    let instances = match notice.instances {
        (0, _) => String::new(),
        (1, 0 | 1) => " on 1 instance".to_owned(),
        (failed, known) if known < failed => format!(" on {failed} instances"),
        (failed, known) => format!(" on {failed}/{known} instances"),
    };
    format!("seen again in {release}{instances}")
}

/// `17 times since 2025-09-08 08:00:00Z`.
pub fn count(notice: &SafeNotice) -> String {
    match notice.occurrences {
        0 | 1 => format!("once, at {}", moment(notice.first_seen)),
        more => format!("{more} times since {}", moment(notice.first_seen)),
    }
}

/// What a warning needs to become a verdict, and where it would come from; `None` where nothing is missing.
pub fn missing(notice: &SafeNotice) -> Option<String> {
    let release = notice.evidence.release.as_deref().unwrap_or("?");
    let fixed = notice.fix.as_ref().and_then(|fix| fix.release.as_deref()).unwrap_or("?");
    Some(match notice.basis {
        Basis::NoRelease => "cannot be judged, the record names no release (set service.version)".to_owned(),
        Basis::Incomparable => {
            format!("cannot be judged, release {release} cannot be compared with {fixed} (set the release scheme)")
        }
        Basis::Unparsed => {
            format!("cannot be judged, release {release} does not fit the release scheme (set the scheme)")
        }
        Basis::LineGap => {
            format!("cannot be judged, release {release} lies between two branch lines of the fix (add its line)")
        }
        Basis::AmbiguousFixTime => {
            "cannot be judged, only the day of the fix is known (give it a time or a release)".to_owned()
        }
        _ => return None,
    })
}

/// What the signature's diagnosis advises, unless that is the reason already given.
pub fn advice(notice: &SafeNotice) -> Option<&str> {
    notice.evidence.advice.as_deref().filter(|advice| *advice != notice.why)
}

/// A Cloud Logging filter that shows more of the same.
pub fn filter(notice: &SafeNotice) -> String {
    let mut terms = vec![format!("timestamp>=\"{}\"", notice.first_seen)];
    if let Some(id) = trace_id(notice) {
        terms.push(format!("(trace:\"{id}\" OR {})", phrase(notice)));
    } else {
        terms.push(phrase(notice));
    }
    terms.join(" AND ")
}

/// The longest part of the message that is text as it was written, quoted.
fn phrase(notice: &SafeNotice) -> String {
    let evidence = &notice.evidence;
    let text = evidence.exception.as_deref().unwrap_or(&evidence.message);
    let part =
        text.split(['\u{fffd}', '⏎', '…', '[', ']']).map(str::trim).max_by_key(|part| part.len()).unwrap_or_default();
    let cut: String = part.chars().take(120).collect();
    format!("\"{}\"", cut.replace('\\', "\\\\").replace('"', "\\\""))
}

/// The trace id, if it looks like one.
pub fn trace_id(notice: &SafeNotice) -> Option<&str> {
    let id = notice.evidence.trace_id.as_deref()?;
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// A basis in words.
pub const fn basis_words(basis: Basis) -> &'static str {
    match basis {
        Basis::Diagnosis => "by a diagnosis rule",
        Basis::ProcessStart => "by process start",
        Basis::Manifest => "by manifest",
        Basis::Line => "by branch line",
        Basis::Order => "by release order",
        Basis::Deploy => "by order of deploys",
        Basis::FirstSeen => "by first sight",
        Basis::Time => "by time alone",
        Basis::NoFix => "no fix applies",
        Basis::NoRelease => "no release",
        Basis::Incomparable => "not comparable",
        Basis::Unparsed => "not understood",
        Basis::LineGap => "between branch lines",
        Basis::AmbiguousFixTime => "time of the fix unknown",
        Basis::Partial => "only a part was seen",
    }
}

/// `2025-09-08 08:00:00Z`.
pub fn moment(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// The day of a fix; a bare date counts from its end, which is not the day people know.
pub fn day_of(fix: &Fix) -> String {
    fix.day_start.unwrap_or(fix.at).to_zoned(TimeZone::UTC).strftime("%Y-%m-%d").to_string()
}
