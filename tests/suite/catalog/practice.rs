//! What is only wrong for the services a catalog is about: told by the configuration, never guessed.

use std::fs;

use relapse::app::practice;
use relapse::catalog::problem::Code;
use relapse::catalog::problem::Problem;
use relapse::config::Config;

/// The redactor of a real service: the word before the secret stays.
const REDACTOR: &str =
    r"{ pattern: '(?i)(secret|token|bearer|auth|jwt|password|api_key)[\s:=]+\w+', replacement: '$1=REDACTED' }";

const NOW: &str = "2025-10-01T00:00:00Z";

fn problems(signature: &str, config: &str) -> Vec<Problem> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.yaml");
    fs::write(&path, format!("schema: relapse/v1\nid: some-id\ntitle: t\n{signature}\n")).unwrap();
    let mut config = Config::from_text("relapse.yaml", config).unwrap();
    config.catalog = vec![path];
    let mut found = practice::load(&config, NOW.parse().unwrap()).problems;
    found.retain(|problem| matches!(problem.code, Code::Redacted | Code::ReleaseScheme | Code::FixInFuture));
    found
}

fn is_redacted(detection: &str, scope: &str) -> bool {
    let signature = format!("{scope}\nfixes: [{{ at: 2025-09-08T16:00:00Z }}]\ndetection: {detection}");
    let of_api = REDACTOR.replace("{ pattern", "{ service: api, pattern");
    assert!(problems(&signature, "").is_empty(), "nothing is known without a configuration");
    !problems(&signature, &format!("redactors: [{of_api}]")).is_empty()
}

#[test]
fn a_text_that_its_service_redacts_is_told() {
    let api = "scope: { service.name: api }";
    assert!(is_redacted("{ pattern: 'JWT signature verification failed' }", api));
    assert!(is_redacted("{ a: { body|contains: 'jwt: expired' } }", ""), "no scope: every service");
    assert!(is_redacted(r"{ pattern: '\b(?:JWT|token) expired\b' }", api), "every variant");
    assert!(!is_redacted(r"{ pattern: '\b(?:JWT|cookie) expired\b' }", api), "one variant is left alone");
    assert!(!is_redacted("{ pattern: 'JWT=REDACTED verification failed' }", "scope: { service.name: other }"));
    assert!(!is_redacted("{ pattern: 'JWT signature verification failed' }", "scope: { service.name: other }"));
    assert!(!is_redacted("{ pattern: 'verification failed' }", api));
    let told =
        problems("detection: { pattern: 'JWT signature verification failed' }", &format!("redactors: [{REDACTOR}]"));
    let help = told[0].help.as_deref().unwrap();
    assert!(help.starts_with("it logs `JWT=REDACTED verification failed`; "), "{help}");
}

#[test]
fn a_release_without_a_place_in_the_order_is_told() {
    let of = |release: &str, config: &str| {
        let fix = format!("{{ at: 2025-09-08T16:00:00Z, {release} }}");
        let signature =
            format!("scope: {{ service.name: [api, web] }}\nfixes: [{fix}]\ndetection: {{ pattern: abcdef }}");
        problems(&signature, config).iter().map(|problem| problem.message.clone()).collect::<Vec<_>>()
    };
    let order = |scheme: &str| format!("incident: {{ services: {{ web: {{ order: {scheme} }} }} }}");
    for fine in
        ["release: 2.4.1", "release: v1.2", "release: api-00042-abc", "release: '20250908'", "commit: 05acb20be"]
    {
        assert!(of(fine, "").is_empty(), "{fine}");
    }
    assert_eq!(of("release: blue", ""), ["`blue` has no place in the release order of `api`"]);
    assert_eq!(of("release: web-x", &order("semver")).len(), 1);
    assert_eq!(of("release: '20250908'", &order("semver")), ["`20250908` has no place in the release order of `web`"]);
    assert_eq!(of("release: 2.4.1, lines: { '2.3': none, '2.2': green }", "").len(), 1);
    let everywhere = "incident: { order: deploy }";
    assert!(of("release: blue", everywhere).is_empty(), "declared deployments order any name");
    assert_eq!(of("release: blue, services: [web]", &order("deploy")), Vec::<String>::new());
}

#[test]
fn a_fix_in_the_future_is_told() {
    let told =
        |at: &str| !problems(&format!("fixes: [{{ at: {at} }}]\ndetection: {{ pattern: abcdef }}"), "").is_empty();
    assert!(told("2125-09-08T16:00:00Z") && told("2025-10-02T00:00:01Z"));
    assert!(!told("2025-10-01T20:00:00Z") && !told("2025-09-08T16:00:00Z"), "today's release may be written down");
}
