//! The texts people read. A change of wording is a change of these.

use std::io;
use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;

use relapse::alert::config::AlertConfig;
use relapse::alert::config::StdoutFormat;
use relapse::alert::redact;
use relapse::alert::redact::SafeNotice;
use relapse::alert::render;
use relapse::alert::sink::Sink;
use relapse::alert::sink::StdoutIs;
use relapse::alert::stdout::json_line;
use relapse::alert::terminal;
use relapse::alert::webhook;
use relapse::model::alert::Notice;
use relapse::model::alert::NoticeKind;
use relapse::model::incident::Evidence;
use relapse::model::verdict::Basis;
use relapse::model::verdict::Verdict;

use super::desk::Desk;
use super::desk::Memory;
use super::desk::State;
use crate::store::sample::at;
use crate::store::sample::notice;

fn text(notice: &Notice) -> String {
    render::text(&SafeNotice::of(notice))
}

/// A notice of which nothing is known but that it happened.
fn bare(kind: NoticeKind) -> Notice {
    Notice {
        owner: None,
        runbook_url: None,
        reference: None,
        fix: None,
        occurrences: 1,
        instances: (0, 0),
        older_live: Vec::new(),
        previous_episodes: 0,
        group: None,
        together: Vec::new(),
        evidence: Evidence::default(),
        ..notice("n1", "WS-1", kind)
    }
}

#[test]
fn a_page_says_it_all_on_one_line() {
    insta::assert_snapshot!(text(&notice("n1", "WS-1", NoticeKind::Page)), @r#"RELAPSED WS-1 "WebSocket context created with a removed argument" in backend/staging: fixed in 1.42.0 on 2025-09-07 by ana (https://tracker.example/1234), seen again in 1.43.1 (by release order) on 3/12 instances, 17 times since 2025-09-08 08:00:00Z; older builds live: 1.41.0; previous relapses: 2; runbook https://runbooks.example/ws"#);
    insta::assert_snapshot!(text(&bare(NoticeKind::Page)), @r#"RELAPSED WS-1 "WebSocket context created with a removed argument" in backend/staging: no fix on record, seen again in an unknown release (by release order), once, at 2025-09-08 08:00:00Z; older builds live: none; previous relapses: 0"#);
    let rollback = Notice { verdict: Verdict::Rollback, ..notice("n1", "WS-1", NoticeKind::Page) };
    insta::assert_snapshot!(text(&rollback), @r#"FIX UN-SHIPPED WS-1 "WebSocket context created with a removed argument" in backend/staging: fixed in 1.42.0 on 2025-09-07 by ana (https://tracker.example/1234), the fix was live and was taken back: seen again in 1.43.1 (by release order) on 3/12 instances, 17 times since 2025-09-08 08:00:00Z; older builds live: 1.41.0; previous relapses: 2; runbook https://runbooks.example/ws"#);
}

#[test]
fn a_warning_names_what_is_missing() {
    let warning = notice("n1", "WS-1", NoticeKind::Warning);
    insta::assert_snapshot!(text(&warning), @r#"POSSIBLE RELAPSE WS-1 "WebSocket context created with a removed argument" in backend/staging: cannot be judged, the record names no release (set service.version); fixed in 1.42.0 on 2025-09-07 by ana (https://tracker.example/1234), seen again in an unknown release on 3/12 instances, 17 times since 2025-09-08 08:00:00Z; older builds live: 1.41.0; previous relapses: 2; runbook https://runbooks.example/ws"#);
    let bases = [Basis::NoRelease, Basis::Incomparable, Basis::Unparsed, Basis::LineGap, Basis::AmbiguousFixTime];
    let missing =
        bases.map(|basis| render::missing(&SafeNotice::of(&Notice { basis, ..warning.clone() })).unwrap()).join("\n");
    insta::assert_snapshot!(missing, @r#"
    cannot be judged, the record names no release (set service.version)
    cannot be judged, release ? cannot be compared with 1.42.0 (set the release scheme)
    cannot be judged, release ? does not fit the release scheme (set the scheme)
    cannot be judged, release ? lies between two branch lines of the fix (add its line)
    cannot be judged, only the day of the fix is known (give it a time or a release)
    "#);
    let mut stale = Notice { verdict: Verdict::StaleRuntime, basis: Basis::Diagnosis, ..warning };
    stale.why = "the source is fixed, the process runs old bytecode".to_owned();
    stale.evidence.advice = Some("restart the process, delete __pycache__".to_owned());
    insta::assert_snapshot!(text(&stale), @r#"STALE PROCESS WS-1 "WebSocket context created with a removed argument" in backend/staging: the source is fixed, the process runs old bytecode; fixed in 1.42.0 on 2025-09-07 by ana (https://tracker.example/1234), seen again in an unknown release (by a diagnosis rule) on 3/12 instances, 17 times since 2025-09-08 08:00:00Z; older builds live: 1.41.0; previous relapses: 2; advice: restart the process, delete __pycache__; runbook https://runbooks.example/ws"#);
}

#[test]
fn a_resolution_is_short() {
    let mut resolved = notice("n1", "WS-1", NoticeKind::Resolved);
    resolved.why = "no regression for 1h15m, the service goes on logging".to_owned();
    insta::assert_snapshot!(text(&resolved), @r#"RESOLVED WS-1 "WebSocket context created with a removed argument" in backend/staging: calm since 2025-09-08 09:30:00Z, 17 times since 2025-09-08 08:00:00Z; no regression for 1h15m, the service goes on logging; runbook https://runbooks.example/ws"#);
}

#[test]
fn a_terminal_shows_facts_one_under_the_other() {
    insta::assert_snapshot!(terminal::text(&SafeNotice::of(&notice("n1", "WS-1", NoticeKind::Page)), false), @r#"
    RELAPSED  WS-1  WebSocket context created with a removed argument
      where       backend/staging   critical   owner team-realtime
      why         1.43.1 ≥ 1.42.0 by semver
      fixed       in 1.42.0 on 2025-09-07 by ana (https://tracker.example/1234)
      seen        in 1.43.1 (by release order) on 3/12 instances, 17 times since 2025-09-08 08:00:00Z
      also live   1.41.0
      evidence    /var/log/app/backend.log:4711
                  WebSocket error: create_user_context() got an unexpected keyword argument 'websocket_connection_id'
      exception   TypeError: create_user_context() got an unexpected keyword argument
      raised at   app/websocket/manager.py:214 in connect
      instance    pod-7
      trace       4bf92f3577b34da6a3ce929d0e0e4736
      before      2 earlier relapses
      runbook     https://runbooks.example/ws
    "#);
    insta::assert_snapshot!(terminal::text(&SafeNotice::of(&notice("n1", "WS-1", NoticeKind::Resolved)), false), @r#"
    RESOLVED  WS-1  WebSocket context created with a removed argument
      where       backend/staging   critical   owner team-realtime
      why         1.43.1 ≥ 1.42.0 by semver
      calm since  2025-09-08 09:30:00Z
      was         17 times since 2025-09-08 08:00:00Z
      runbook     https://runbooks.example/ws
    "#);
    insta::assert_snapshot!(terminal::text(&SafeNotice::of(&bare(NoticeKind::Warning)), false), @r#"
    POSSIBLE RELAPSE  WS-1  WebSocket context created with a removed argument
      where       backend/staging   critical
      why         1.43.1 ≥ 1.42.0 by semver
      missing     cannot be judged, the record names no release (set service.version)
      fixed       no fix on record
      seen        in an unknown release, once, at 2025-09-08 08:00:00Z
    "#);
}

#[test]
fn advice_that_is_the_reason_is_said_once() {
    let mut stale = notice("n1", "WS-1", NoticeKind::Warning);
    (stale.verdict, stale.basis) = (Verdict::StaleRuntime, Basis::Diagnosis);
    stale.why = "clear __pycache__ and restart".to_owned();
    stale.evidence.advice = Some(stale.why.clone());
    let said = |stale: &Notice| {
        let safe = SafeNotice::of(stale);
        [render::text(&safe), terminal::text(&safe, false)].map(|text| text.matches("__pycache__").count())
    };
    assert_eq!(said(&stale), [1, 1]);
    stale.why = "the process runs old bytecode".to_owned();
    assert_eq!(said(&stale), [1, 1], "other advice is kept");
}

#[test]
fn colour_is_only_there_when_asked_for() {
    let page = SafeNotice::of(&notice("n1", "WS-1", NoticeKind::Page));
    let coloured = terminal::text(&page, true);
    assert!(coloured.starts_with("\u{1b}[1m\u{1b}[31mRELAPSED"), "{coloured:?}");
    assert!(!terminal::text(&page, false).contains('\u{1b}'));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), terminal::text(&page, false));
}

#[test]
fn a_json_line_is_what_cloud_logging_reads() {
    let mut page = notice("n1", "WS-1", NoticeKind::Page);
    page.evidence.message = "Traceback (most recent call last):\n  File \"app.py\", line 1".to_owned();
    let line = json_line(&SafeNotice::of(&page), at(9), Some("my-project")).unwrap();
    assert_eq!(line.matches('\n').count(), 1);
    assert!(!line.contains("Traceback (most recent call last)"), "Error Reporting would count a second error");
    let value: serde_json::Value = serde_json::from_str(&line).unwrap();
    for key in ["exception", "stack_trace", "@type"] {
        assert!(value.get(key).is_none(), "{key} at the top is Error Reporting's");
    }
    insta::assert_json_snapshot!(value, { ".notice" => "[notice]" });
    let severity = |kind, trace: Option<&str>| {
        let mut other = notice("n1", "WS-1", kind);
        other.evidence.trace_id = trace.map(str::to_owned);
        let line = json_line(&SafeNotice::of(&other), at(9), None).unwrap();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        (value["severity"].clone(), value.get("logging.googleapis.com/trace").is_some())
    };
    assert_eq!(severity(NoticeKind::Warning, None), ("WARNING".into(), false));
    assert_eq!(severity(NoticeKind::Resolved, Some("not a trace")), ("NOTICE".into(), false));
}

/// Whatever a log line holds: one line, nothing that acts, no secret, in every form that leaves.
#[test]
fn hostile_evidence_is_inert_in_every_form() {
    let mut hostile = notice("n1", "WS-1", NoticeKind::Page);
    hostile.evidence = Evidence {
        message: "\u{1b}[2J\u{202e}evil\r\nSet-Cookie: sid=topsecret\u{0} pass\u{1b}[0mword=topsecret".to_owned(),
        exception: Some("OperationalError: postgres://app:topsecret@db/x ana@corp.example".to_owned()),
        raised_at: Some("a\nb.py:1".to_owned()),
        release: Some("1.0\u{1b}]0;title\u{7}".to_owned()),
        captures: [("password".to_owned(), "topsecret".to_owned())].into(),
        ..hostile.evidence
    };
    hostile.key.service = "svc\u{1b}[31m\n".into();
    hostile.older_live = vec!["x\u{202e}".to_owned()];
    let safe = SafeNotice::of(&hostile);
    let forms = [
        render::text(&safe),
        terminal::text(&safe, false),
        json_line(&safe, at(9), None).unwrap(),
        String::from_utf8(webhook::body(&safe).unwrap()).unwrap(),
    ];
    for form in forms {
        assert!(!form.contains("topsecret") && !form.contains("ana@corp"), "{form}");
        let acts = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!form.contains(acts) && !form.contains("\\u001b"), "{form:?}");
    }
    let mut stored = hostile.evidence.clone();
    redact::evidence(&mut stored);
    assert!(!format!("{stored:?}").contains("topsecret"), "{stored:?}");
    let once = stored.clone();
    redact::evidence(&mut stored);
    assert_eq!(stored, once);
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn standard_output_is_text_on_a_terminal_and_json_elsewhere() {
    for (terminal, format, opening) in [
        (true, StdoutFormat::Auto, "RELAPSED  A"),
        (false, StdoutFormat::Auto, "{\"severity\":\"CRITICAL\""),
        (true, StdoutFormat::Json, "{\"severity\":\"CRITICAL\""),
        (false, StdoutFormat::Human, "RELAPSED  A"),
    ] {
        let written = Shared::default();
        let mut config = AlertConfig::default();
        config.stdout.format = format;
        let stdout = StdoutIs { writer: Box::new(written.clone()), terminal, color: false };
        let memory = Memory::default();
        memory.owe(notice("n1", "A", NoticeKind::Page));
        let desk = Desk::start(Sink::build(&config, stdout).unwrap().remove(0), Arc::new(memory));
        desk.until(|memory| memory.states() == [State::Delivered]).await;
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(text.starts_with(opening) && text.ends_with('\n'), "{text}");
        desk.stop().await;
    }
}
