//! How a service's release order is written, and what a mistake in it says.

use relapse::incident::config::Build;
use relapse::incident::config::IncidentConfig;
use relapse::incident::scheme::Scheme;

fn read(text: &str) -> Result<IncidentConfig, String> {
    serde_yaml::from_str(text).map_err(|error| error.to_string())
}

#[test]
fn orders_are_words_or_a_pattern() {
    let config = read("order: calver\nservices: { api: { order: semver, build: ignored }, web: { order: { ordinal: '-(\\d{5})-' } } }")
        .unwrap();
    assert_eq!(config.order, Scheme::Calver);
    assert_eq!(config.services["api"].order, Some(Scheme::Semver));
    assert_eq!(config.services["api"].build, Build::Ignored);
    assert!(matches!(config.services["web"].order, Some(Scheme::Ordinal(Some(_)))));
    for word in ["auto", "semver", "dotted", "calver", "ordinal", "commit", "deploy"] {
        assert!(read(&format!("order: {word}")).is_ok(), "{word}");
    }
}

#[test]
fn a_mistake_names_what_is_allowed() {
    for (text, wanted) in [
        ("order: semvar", "semver"),
        ("order: { counter: x }", "ordinal"),
        ("order: { ordinal: '(' }", "unclosed group"),
        ("services: { api: { channel: '[' } }", "unclosed character class"),
        ("services: { api: { ordering: semver } }", "order"),
        ("services: { api: { build: maybe } }", "ignored"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.contains(wanted), "{text}: {error}");
    }
}
