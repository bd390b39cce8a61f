//! How a service's releases are ordered, as users write it: a word (`semver`) or, for a counter inside the name, a map
//! (`{ ordinal: '-(\d{5})-' }`). Receives configuration, gives a scheme that cannot be wrong.

use std::borrow::Cow;
use std::fmt;

use regex::Regex;
use schemars::JsonSchema;
use schemars::Schema;
use schemars::SchemaGenerator;
use schemars::json_schema;
use serde::Deserialize;
use serde::Deserializer;
use serde::de;
use serde::de::MapAccess;
use serde::de::Visitor;

const WORDS: &[&str] = &["auto", "semver", "dotted", "calver", "ordinal", "commit", "deploy"];

/// How the releases of a service are ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Scheme {
    /// The narrowest scheme that reads both releases: semver, dotted, calver, ordinal.
    #[default]
    Auto,
    /// `MAJOR.MINOR.PATCH[-pre][+build]`; `v` and `package@` in front are taken off.
    Semver,
    /// Any number of numeric parts, zero padding allowed.
    Dotted,
    /// A date: `2025.09.08`, `2025-09-08`, `20250908`, `25.04`, with numbers, a word or a commit behind it.
    Calver,
    /// One integer that only grows: a build number, Cloud Run's revision counter `-00734-`, or what the pattern captures.
    Ordinal(Option<ReleasePattern>),
    /// Commits: a manifest says which release contains which.
    Commit,
    /// The order in which releases were deployed or first seen.
    Deploy,
}

/// A regular expression over a release name; its first group (or the whole match) is what counts.
#[derive(Debug, Clone)]
pub struct ReleasePattern(Regex);

impl ReleasePattern {
    /// What it finds in `release`.
    pub(crate) fn part_of<'r>(&self, release: &'r str) -> Option<&'r str> {
        let found = self.0.captures(release)?;
        found.get(1).or_else(|| found.get(0)).map(|group| group.as_str())
    }
}

impl PartialEq for ReleasePattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for ReleasePattern {}

impl TryFrom<String> for ReleasePattern {
    type Error = regex::Error;

    fn try_from(pattern: String) -> Result<Self, Self::Error> {
        Regex::new(&pattern).map(Self)
    }
}

impl<'de> Deserialize<'de> for ReleasePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.try_into().map_err(de::Error::custom)
    }
}

impl JsonSchema for ReleasePattern {
    fn schema_name() -> Cow<'static, str> {
        "ReleasePattern".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "regex" })
    }
}

impl<'de> Deserialize<'de> for Scheme {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Words;

        impl<'de> Visitor<'de> for Words {
            type Value = Scheme;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "one of {}, or {{ ordinal: PATTERN }}", WORDS.join(", "))
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Scheme, E> {
                Ok(match word {
                    "auto" => Scheme::Auto,
                    "semver" => Scheme::Semver,
                    "dotted" => Scheme::Dotted,
                    "calver" => Scheme::Calver,
                    "ordinal" => Scheme::Ordinal(None),
                    "commit" => Scheme::Commit,
                    "deploy" => Scheme::Deploy,
                    other => return Err(E::unknown_variant(other, WORDS)),
                })
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scheme, A::Error> {
                let scheme = match map.next_key::<String>()?.as_deref() {
                    Some("ordinal") => Scheme::Ordinal(Some(map.next_value()?)),
                    Some(other) => return Err(de::Error::unknown_field(other, &["ordinal"])),
                    None => return Err(de::Error::missing_field("ordinal")),
                };
                match map.next_key::<String>()? {
                    Some(other) => Err(de::Error::unknown_field(&other, &["ordinal"])),
                    None => Ok(scheme),
                }
            }
        }

        deserializer.deserialize_any(Words)
    }
}

impl JsonSchema for Scheme {
    fn schema_name() -> Cow<'static, str> {
        "Scheme".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "How the releases of a service are ordered.",
            "oneOf": [
                { "enum": WORDS },
                {
                    "type": "object",
                    "properties": { "ordinal": { "type": "string", "format": "regex" } },
                    "required": ["ordinal"],
                    "additionalProperties": false
                }
            ]
        })
    }
}
