//! What can go wrong with the state, sorted by what the program must do; every message ends in advice.

use std::io;
use std::path::Path;
use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::store::recover::Damage;

/// Why the state could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Stop: the directory cannot be made.
    #[error(
        "create the state directory {}: name one this user may write with --state DIR or RELAPSE_STATE",
        dir.display()
    )]
    Create {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Stop: something else is in its place.
    #[error("use {} as state directory: it is not a directory; name another one with --state DIR or RELAPSE_STATE", dir.display())]
    NotADirectory {
        /// The path.
        dir: PathBuf,
    },
    /// Stop: the directory or the database in it may not be written.
    #[error(
        "write {}: mount it writable, give it to the user relapse runs as, or name another state directory with --state DIR or RELAPSE_STATE",
        path.display()
    )]
    NotWritable {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Stop: another relapse holds it.
    #[error(
        "use the state directory {}: another relapse{} holds it; stop that one, or give this one a directory of its own with --state DIR or RELAPSE_STATE",
        dir.display(),
        pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
    )]
    InUse {
        /// The directory.
        dir: PathBuf,
        /// The holder, as it wrote itself down; absent when it could not be read.
        pid: Option<u32>,
    },
    /// Stop: the file system knows no locks.
    #[error(
        "lock {}: the file system may not support locks (some network mounts do not); put the state on a local disk with --state DIR",
        path.display()
    )]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Stop: an unusable database is in the way.
    #[error("move the unusable database {} aside: move or delete it by hand, then start again", path.display())]
    MoveAside {
        /// The database.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Tell the user: no relapse has ever kept its state there.
    #[error("read the state in {}: there is none; name the directory that `relapse run --state` uses", dir.display())]
    Missing {
        /// The directory.
        dir: PathBuf,
    },
    /// Tell the user: it cannot be read without changing it.
    #[error("read the state in {}: {damage}; name the state directory of a relapse of this version", dir.display())]
    Unusable {
        /// The directory.
        dir: PathBuf,
        /// What is wrong with it.
        damage: Damage,
    },
    /// Keep the batch and try again: nothing of it was written.
    #[error("write the state in {}: the disk is full; free space and relapse goes on by itself", dir.display())]
    Full {
        /// The state directory.
        dir: PathBuf,
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
    /// Open again: the damage is then found and the database replaced.
    #[error("read the state in {}: the database is damaged; restart relapse, which moves it aside and reads the logs again", dir.display())]
    Damaged {
        /// The state directory.
        dir: PathBuf,
        /// What `SQLite` said, if it was `SQLite` that found out.
        source: Option<rusqlite::Error>,
    },
    /// A defect of relapse: a value that has no JSON form.
    #[error("encode the state for {}", dir.display())]
    Encode {
        /// The state directory.
        dir: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Keep the batch and try again: reading or writing failed for another reason.
    #[error("use the database in {}: look at the disk and the mount", dir.display())]
    Database {
        /// The state directory.
        dir: PathBuf,
        /// What `SQLite` said.
        source: rusqlite::Error,
    },
}

impl StoreError {
    /// Whether the same call may succeed later without a restart (full disk, an I/O error that may pass).
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Full { .. } | Self::Database { .. })
    }

    /// Sorts what `SQLite` said.
    pub(in crate::store) fn database(dir: &Path, source: rusqlite::Error) -> Self {
        let dir = dir.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { dir, source },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged { dir, source: Some(source) },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::NotWritable { path: dir, source: io::Error::other(source) }
            }
            _ => Self::Database { dir, source },
        }
    }
}
