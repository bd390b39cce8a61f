//! Words with a fixed choice (`severity: high`): the enums of the model know their own words through serde, so no second list can drift.

use std::fmt;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::StrDeserializer;

/// The error of an unknown word: it only carries the accepted ones.
#[derive(Debug)]
struct Accepted(&'static [&'static str]);

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "accepted: {}", self.0.join(", "))
    }
}

impl std::error::Error for Accepted {}

impl serde::de::Error for Accepted {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self(&[])
    }

    fn unknown_variant(_variant: &str, expected: &'static [&'static str]) -> Self {
        Self(expected)
    }
}

/// The value of a word, or every word there is.
pub(crate) fn parse<'de, T: Deserialize<'de>>(word: &'de str) -> Result<T, &'static [&'static str]> {
    let deserializer: StrDeserializer<'de, Accepted> = word.into_deserializer();
    T::deserialize(deserializer).map_err(|accepted| accepted.0)
}

/// Every word of an enum.
pub(crate) fn words<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    parse::<T>("").err().unwrap_or_default()
}
