//! Values as the pipeline would hand them over.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::Timestamp;
use relapse::model::alert::Level;
use relapse::model::alert::Notice;
use relapse::model::alert::NoticeKind;
use relapse::model::correlation::OpenOccurrence;
use relapse::model::correlation::OpenPart;
use relapse::model::correlation::OpenWindow;
use relapse::model::correlation::WindowKey;
use relapse::model::fix::Fix;
use relapse::model::fix::FixKind;
use relapse::model::incident::Evidence;
use relapse::model::incident::Heard;
use relapse::model::incident::LiveRelease;
use relapse::model::incident::Past;
use relapse::model::incident::Track;
use relapse::model::incident::TrackKey;
use relapse::model::incident::TrackState;
use relapse::model::position::Position;
use relapse::model::record::Resource;
use relapse::model::verdict::Basis;
use relapse::model::verdict::Verdict;

/// Seconds after a fixed moment.
pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_757_318_400).unwrap() + SignedDuration::from_secs(seconds)
}

pub(crate) fn key(signature: &str) -> TrackKey {
    TrackKey { signature: signature.into(), service: "backend".into(), environment: "staging".into() }
}

pub(crate) fn position(file_id: &str, offset: u64) -> Position {
    Position {
        file_id: file_id.to_owned(),
        path: "/var/log/app.log".to_owned(),
        offset,
        line: 3,
        ..Position::default()
    }
}

pub(crate) fn live(service: &str, release: &str, seen: i64) -> LiveRelease {
    LiveRelease {
        service: service.into(),
        environment: "prod".into(),
        release: release.to_owned(),
        first_seen: at(0),
        last_seen: at(seen),
        longest_gap: SignedDuration::ZERO,
        current: true,
        was_current: true,
        declared_at: None,
        heard: true,
        challenge: None,
        instances: BTreeMap::from([("pod-1".to_owned(), Heard { first: at(0), last: at(seen) })]),
    }
}

pub(crate) fn track(signature: &str, service: &str, occurrences: u64) -> Track {
    Track {
        key: TrackKey { signature: signature.into(), service: service.into(), environment: "prod".into() },
        state: TrackState::Relapsed,
        since: at(1),
        before_suspect: None,
        occurrences,
        verdicts: BTreeMap::from([(Verdict::Regression, occurrences)]).into(),
        first_seen: Some(at(1)),
        last_seen: Some(at(2)),
        last_verdict: Some(Verdict::Regression),
        last_alarm: Some(at(2)),
        unconfirmed: vec![at(1)],
        episode: None,
        episodes: 1,
        fix_at: Some(at(-3600)),
        stale: None,
        past: Past::default(),
        stale_builds: 0,
        soaked: true,
        returns: Vec::new(),
        flapping: None,
        unsatisfiable: None,
        muted_until: None,
        acknowledged_by: None,
    }
}

pub(crate) fn fix() -> Fix {
    Fix {
        at: at(-86_400),
        day_start: None,
        release: Some("1.42.0".to_owned()),
        commit: None,
        lines: Vec::new(),
        kind: FixKind::Code,
        services: Vec::new(),
        environments: Vec::new(),
        report: Some("https://tracker.example/1234".to_owned()),
        by: Some("ana".to_owned()),
    }
}

pub(crate) fn evidence() -> Evidence {
    Evidence {
        time: Some(at(0)),
        message: "WebSocket error: create_user_context() got an unexpected keyword argument 'websocket_connection_id'"
            .to_owned(),
        exception: Some("TypeError: create_user_context() got an unexpected keyword argument".to_owned()),
        raised_at: Some("app/websocket/manager.py:214 in connect".to_owned()),
        release: Some("1.43.1".to_owned()),
        instance: Some("pod-7".to_owned()),
        trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
        basis: Some(Basis::Order),
        file: "/var/log/app/backend.log".to_owned(),
        line: 4711,
        captures: BTreeMap::from([("callee".to_owned(), "create_user_context".to_owned())]),
        advice: None,
    }
}

pub(crate) fn notice(id: &str, signature: &str, kind: NoticeKind) -> Notice {
    Notice {
        id: id.to_owned(),
        kind,
        key: key(signature),
        title: "WebSocket context created with a removed argument".to_owned(),
        severity: Level::Critical,
        owner: Some("team-realtime".to_owned()),
        runbook_url: Some("https://runbooks.example/ws".to_owned()),
        reference: Some("docs/incidents/001.md".to_owned()),
        episode: (kind != NoticeKind::Warning).then(|| "e-1".to_owned()),
        episode_kind: None,
        verdict: if kind == NoticeKind::Warning { Verdict::UnknownRelease } else { Verdict::Regression },
        basis: if kind == NoticeKind::Warning { Basis::NoRelease } else { Basis::Order },
        why: "1.43.1 ≥ 1.42.0 by semver".to_owned(),
        starts_at: at(0),
        ends_at: (kind == NoticeKind::Resolved).then(|| at(5400)),
        fix: Some(fix()),
        occurrences: 17,
        first_seen: at(0),
        instances: (3, 12),
        older_live: vec!["1.41.0".to_owned()],
        previous_episodes: 2,
        group: None,
        together: Vec::new(),
        evidence: Evidence { release: (kind != NoticeKind::Warning).then(|| "1.43.1".to_owned()), ..evidence() },
    }
}

pub(crate) fn window(signature: &str) -> OpenWindow {
    let key = WindowKey {
        signature: signature.into(),
        environment: "prod".into(),
        service: None,
        keys: vec!["4bf92f3577b34da6a3ce929d0e0e4736".to_owned()],
        alone: None,
    };
    let part = OpenPart {
        selections: vec!["surface".to_owned()],
        time: at(5),
        value: None,
        deadline: at(95),
        occurrence: Some(OpenOccurrence {
            resource: Resource { release: Some("1.43.0".to_owned()), ..Resource::default() },
            time: Some(at(5)),
            diagnosis: None,
            evidence: Evidence::default(),
        }),
    };
    OpenWindow { key, parts: vec![part], served: None }
}
