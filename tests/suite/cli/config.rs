//! The configuration file: read by the published schema, and every mistake told at once with its place.

use insta::assert_snapshot;
use proptest::prelude::*;
use relapse::catalog::problem::Problem;
use relapse::config::Config;
use relapse::config::Invalid;
use relapse::incident::scheme::Scheme;
use relapse::source::file::StartFrom;

fn problems(text: &str) -> Vec<(usize, String)> {
    let place = |problem: &Problem| problem.span.as_ref().map_or(0, |span| span.line);
    let said = |problem: &Problem| format!("{} {}", problem.message, problem.help.clone().unwrap_or_default());
    let Err(Invalid { problems, .. }) = Config::from_text("relapse.yaml", text) else { return Vec::new() };
    problems.iter().map(|problem| (place(problem), said(problem).trim().to_owned())).collect()
}

#[test]
fn what_is_right_is_read() {
    let text = "logs: { include: ['*.log'], from: end, idle_flush: 250ms }\nresource: { release: 2.10, service: ~ }\ncatalog: [a.yaml]\n\
                incident: { confirm_count: 3, services: { api: { order: semver } } }\nhttp: { allow_public: true, listen: 127.0.0.1:0 }\n\
                alerts: { webhooks: [{ url: http://a/b }], alertmanager: { urls: [http://b:9093] } }\nstate: kept\ntracing:\n";
    let config = Config::from_text("relapse.yaml", text).unwrap();
    assert_eq!(config.logs.from, StartFrom::End);
    assert_eq!(config.resource.release.as_deref(), Some("2.10"), "a release is a text, whatever YAML makes of it");
    assert_eq!((config.incident.confirm_count, config.http.allow_public), (3, true));
    assert_eq!(config.alerts.webhooks.len(), 1);
    for empty in ["", "---\n", "# nothing\n", "logs:\n"] {
        assert!(Config::from_text("relapse.yaml", empty).is_ok(), "{empty:?}");
    }
}

#[test]
fn an_order_is_a_word_or_a_map() {
    let text = "incident:\n  order: { ordinal: 'r(\\d+)' }\n  services: { a: { order: { ordinal: '-(\\d{5})-' } }, b: { order: ordinal } }\n";
    let incident = Config::from_text("relapse.yaml", text).unwrap().incident;
    assert!(matches!(incident.order, Scheme::Ordinal(Some(_))), "{:?}", incident.order);
    assert!(matches!(incident.services["a"].order, Some(Scheme::Ordinal(Some(_)))));
    assert_eq!(incident.services["b"].order, Some(Scheme::Ordinal(None)));
    let told = problems(
        "incident:\n  order: { ordnal: x }\n  services: { a: { order: { ordinal: '(' } }, b: { order: [x] } }\n",
    );
    assert!(told.iter().any(|(line, said)| *line == 2 && said.contains("did you mean `ordinal`?")), "{told:#?}");
    assert_eq!(told.iter().filter(|(line, _)| *line == 3).count(), 2, "{told:#?}");
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let told = problems(
        "logs:\n  includ: [a]\n  from: ned\n  poll_interval: 5x\n  exclude: no-list\nhttp: { allow_public: maybe }\n\
         incident:\n  confirm_count: many\n  quiet: [1]\n  services: { api: { ordr: semver } }\nalert: {}\ntracing: debug\n",
    );
    let lines: Vec<usize> = told.iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 8, 9, 10, 11, 12], "{told:#?}");
    for (_, near) in [(2, "`include`"), (3, "`end`"), (10, "`order`"), (11, "`alerts`")] {
        assert!(told.iter().any(|(_, said)| said.contains(&format!("did you mean {near}?"))), "{near}: {told:#?}");
    }
}

#[test]
fn a_list_with_a_mistake_keeps_its_places() {
    let told = problems("alerts:\n  webhooks:\n    - url: http://fine/x\n    - {}\n    - ulr: http://b/x\n");
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].0 == 4 && told[0].1.contains("missing field `url`"), "{told:#?}");
    assert!(told[1].0 == 5 && told[1].1.contains("did you mean `url`?"), "{told:#?}");
}

#[test]
fn syntax_and_shape() {
    assert_snapshot!(Config::from_text("c.yaml", "logs: [a\nhttp: 1\n").unwrap_err().to_string(), @r"
    error[R010]: illegal placement of ':' indicator
     --> c.yaml:2:5
      |
    2 | http: 1
      |     ^
    ");
    assert_snapshot!(Config::from_text("c.yaml", "- a\n").unwrap_err().to_string(), @r"
    error[R015]: a configuration must be a map, not a list
     --> c.yaml:1:3
      |
    1 | - a
      |   ^
    ");
    assert_eq!(problems("logs: {}\nlogs: {}\n").len(), 1);
    assert_eq!(problems("logs: {}\n---\nhttp: {}\n").len(), 1);
}

#[test]
fn urls_may_be_secret() {
    let said = Config::from_text(
        "c.yaml",
        "alerts:\n  webhooks: [{ url: 'ftp://hooks.example/T0/secret' }]\n  urls: https://u:pass@x/secret\n",
    )
    .unwrap_err()
    .render(true);
    assert!(said.contains("hooks.example") && !said.contains("secret") && !said.contains("pass"), "{said}");
}

proptest! {
    #[test]
    fn no_text_is_too_odd(text in "(?s:.{0,60})|(logs|http|alerts|incident|catalog|webhooks|url|[-:{}\\[\\], \n'\"&*!|>#0-9a-z~]){0,40}") {
        if let Err(invalid) = Config::from_text("c.yaml", &text) {
            prop_assert!(!invalid.problems.is_empty());
            prop_assert!(!invalid.render(false).is_empty());
        }
    }
}
