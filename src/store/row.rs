//! One stored value: the model's JSON and the checksum that finds a flipped bit.

use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Digest;
use sha2::Sha256;

use crate::store::error::StoreError;

/// What reading or writing rows can run into; becomes a [`StoreError`] where the directory is known.
#[derive(Debug)]
pub(in crate::store) enum Fault {
    /// `SQLite`'s own.
    Sqlite(rusqlite::Error),
    /// The body does not belong to its checksum, or is not the JSON of its type.
    Body,
    /// The value has no JSON form.
    Encode(serde_json::Error),
}

/// Result of work on rows.
pub(in crate::store) type Read<T> = Result<T, Fault>;

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Fault {
    /// The error as the caller of the store sees it.
    pub(in crate::store) fn at(self, dir: &Path) -> StoreError {
        match self {
            Self::Sqlite(source) => StoreError::database(dir, source),
            Self::Body => StoreError::Damaged { dir: dir.to_owned(), source: None },
            Self::Encode(source) => StoreError::Encode { dir: dir.to_owned(), source },
        }
    }
}

/// A value ready to be stored. `place` is whatever key column the body does not contain.
pub(in crate::store) struct Body {
    pub(in crate::store) text: String,
    pub(in crate::store) sum: i64,
}

impl Body {
    /// Encodes `value`.
    pub(in crate::store) fn of<T: Serialize>(value: &T, place: &str) -> Read<Self> {
        let text = serde_json::to_string(value).map_err(Fault::Encode)?;
        let sum = checksum(&text, place);
        Ok(Self { text, sum })
    }

    /// Decodes what was stored.
    pub(in crate::store) fn read<T: DeserializeOwned>(text: &str, sum: i64, place: &str) -> Read<T> {
        if checksum(text, place) != sum {
            return Err(Fault::Body);
        }
        serde_json::from_str(text).map_err(|_| Fault::Body)
    }
}

fn checksum(text: &str, place: &str) -> i64 {
    let mut hash = Sha256::new();
    hash.update(place.as_bytes());
    hash.update([0]);
    hash.update(text.as_bytes());
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |sum, byte| (sum << 8) | i64::from(*byte))
}

/// Times are stored in microseconds since the epoch.
pub(in crate::store) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}

/// The time of stored microseconds; the column cannot hold more than a [`Timestamp`] can unless it was damaged.
pub(in crate::store) fn time(micros: i64) -> Read<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|_| Fault::Body)
}
