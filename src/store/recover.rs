//! Opens the database, whatever is found in its place: a healthy one, none, or one that must be moved aside.
//!
//! Starting with an empty state costs a second reading of the logs; refusing to start, or trusting a damaged offset, costs a
//! missed incident. So damage never stops the program, and it is always told.

use std::fmt;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::ErrorCode;
use rusqlite::OpenFlags;

use crate::store::error::StoreError;
use crate::store::load;
use crate::store::row::Fault;
use crate::store::schema;

/// Name of the database in the state directory.
pub const DATABASE: &str = "relapse.db";
/// How many unusable databases are kept for whoever wants to look at them.
const KEPT: u32 = 3;
/// `SQLite`'s companions of a database file.
const COMPANIONS: [&str; 3] = ["", "-wal", "-shm"];

/// An unusable database was replaced by an empty one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Where the old one lies now.
    pub moved_to: PathBuf,
    /// What was wrong with it.
    pub reason: Damage,
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the state database was unusable ({}); it was moved to {} and every log is read again from its start",
            self.reason,
            self.moved_to.display()
        )
    }
}

/// What was wrong with a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Damage {
    /// A file of no bytes.
    Empty,
    /// Not a `SQLite` database.
    NotADatabase,
    /// A database, but of another program (or its header is damaged).
    Foreign,
    /// Written by a newer relapse: the version found, the newest one known here.
    Future(i64, i64),
    /// A table or an index is missing or not as this version makes it.
    Schema,
    /// `SQLite`'s integrity check found this.
    Integrity(String),
    /// A value does not belong to its checksum, or cannot be read as what it should be.
    Value,
    /// The write-ahead log of a database that is gone.
    Orphaned,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::NotADatabase => f.write_str("it is not a SQLite database"),
            Self::Foreign => f.write_str("it was not written by relapse"),
            Self::Future(found, known) => {
                write!(f, "it has schema version {found}, written by a newer relapse; this one knows {known}")
            }
            Self::Schema => f.write_str("its tables are not the ones of its version"),
            Self::Integrity(finding) => write!(f, "integrity check: {finding}"),
            Self::Value => f.write_str("a stored value is damaged"),
            Self::Orphaned => f.write_str("a write-ahead log without its database"),
        }
    }
}

/// Why the database could not be taken as it is.
enum Refusal {
    /// Replace it.
    Damaged(Damage),
    /// Tell the user.
    Failed(StoreError),
}

/// Opens `relapse.db` in `dir`; the caller holds the directory's lock.
pub(in crate::store) fn open(dir: &Path) -> Result<(Connection, Option<Recovered>), StoreError> {
    let path = dir.join(DATABASE);
    let damage = if fs::symlink_metadata(&path).is_ok() {
        match inspect(&path) {
            Ok(connection) => return Ok((connection, None)),
            Err(Refusal::Damaged(damage)) => Some(damage),
            Err(Refusal::Failed(error)) => return Err(error),
        }
    } else if fs::symlink_metadata(with_suffix(&path, "-wal")).is_ok() {
        // SQLite would replay it into whatever database is put beside it.
        Some(Damage::Orphaned)
    } else {
        None
    };
    let recovered =
        damage.map(|reason| move_aside(&path).map(|moved_to| Recovered { moved_to, reason })).transpose()?;
    create(&path)?;
    match inspect(&path) {
        Ok(connection) => Ok((connection, recovered)),
        Err(Refusal::Failed(error)) => Err(error),
        Err(Refusal::Damaged(_)) => Err(StoreError::Damaged { dir: dir.to_owned(), source: None }),
    }
}

/// Opens an existing database and looks at all of it.
fn inspect(path: &Path) -> Result<Connection, Refusal> {
    let dir = path.parent().unwrap_or(path);
    let found = fs::metadata(path)
        .map_err(|source| Refusal::Failed(StoreError::NotWritable { path: path.to_owned(), source }))?;
    if found.is_file() && found.len() == 0 {
        return Err(Refusal::Damaged(Damage::Empty));
    }
    let examine = || -> Result<Result<Connection, Damage>, Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        if connection.is_readonly("main")? {
            // SQLite silently falls back to reading; the first commit would be too late to find out.
            return Err(Fault::Sqlite(read_only()));
        }
        if let Some(damage) = header(&connection)? {
            return Ok(Err(damage));
        }
        configure(&connection)?;
        schema::migrate(&mut connection)?;
        if !schema::is_complete(&connection)? {
            return Ok(Err(Damage::Schema));
        }
        let finding: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if finding != "ok" {
            return Ok(Err(Damage::Integrity(finding.chars().take(200).collect())));
        }
        load::verify(&connection)?;
        Ok(Ok(connection))
    };
    match examine() {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(damage)) => Err(Refusal::Damaged(damage)),
        Err(fault) => Err(judge(fault, dir)),
    }
}

fn read_only() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY), None)
}

/// What the header says, before anything of the content is believed.
pub(in crate::store) fn header(connection: &Connection) -> rusqlite::Result<Option<Damage>> {
    let (application, version) = (schema::application(connection)?, schema::version(connection)?);
    Ok(if application != schema::APPLICATION_ID {
        Some(Damage::Foreign)
    } else if version > schema::current() {
        Some(Damage::Future(version, schema::current()))
    } else if version < 1 {
        Some(Damage::Foreign)
    } else {
        None
    })
}

/// Damage is replaced; what the operator can change (rights, space, the disk) is told.
fn judge(fault: Fault, dir: &Path) -> Refusal {
    let Fault::Sqlite(error) = &fault else { return Refusal::Damaged(Damage::Value) };
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => Refusal::Damaged(Damage::NotADatabase),
        Some(
            ErrorCode::ReadOnly
            | ErrorCode::PermissionDenied
            | ErrorCode::CannotOpen
            | ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseBusy
            | ErrorCode::OutOfMemory,
        ) => Refusal::Failed(fault.at(dir)),
        // No such table, no such column, wrong type: a healthy file of ours has none of these.
        _ => Refusal::Damaged(Damage::Integrity(error.to_string().chars().take(200).collect())),
    }
}

/// Settings of the connection. Write-ahead logging lets a commit be one append; the log is cut back after a checkpoint.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "journal_size_limit", 4 * 1024 * 1024)?;
    connection.pragma_update(None, "cache_size", -2048)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)
}

/// Makes an empty database under another name and moves it into place: a crash never leaves half of one behind.
fn create(path: &Path) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(path);
    let fresh = with_suffix(path, ".new");
    for suffix in COMPANIONS {
        let _ = fs::remove_file(with_suffix(&fresh, suffix));
    }
    let not_writable = |source| StoreError::NotWritable { path: dir.to_owned(), source };
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh).map_err(not_writable)?;
    let build = || -> rusqlite::Result<()> {
        let mut connection = Connection::open(&fresh)?;
        configure(&connection)?;
        schema::migrate(&mut connection)?;
        connection.close().map_err(|(_, error)| error)
    };
    build().map_err(|error| StoreError::database(dir, error))?;
    let publish = || -> io::Result<()> {
        File::open(&fresh)?.sync_all()?;
        fs::rename(&fresh, path)?;
        File::open(dir)?.sync_all()
    };
    publish().map_err(not_writable)
}

/// Renames the database and its companions to the next free `relapse.db.corrupt-<n>` and forgets the oldest ones.
fn move_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let number = 1 + newest_aside(path);
    let target = with_suffix(path, &format!(".corrupt-{number}"));
    for suffix in COMPANIONS {
        let from = with_suffix(path, suffix);
        if fs::symlink_metadata(&from).is_ok() {
            fs::rename(&from, with_suffix(&target, suffix))
                .map_err(|source| StoreError::MoveAside { path: from.clone(), source })?;
        }
    }
    if let Some(stale) = number.checked_sub(KEPT) {
        for suffix in COMPANIONS {
            let _ = fs::remove_file(with_suffix(path, &format!(".corrupt-{stale}{suffix}")));
        }
    }
    Ok(target)
}

fn newest_aside(path: &Path) -> u32 {
    let prefix = format!("{DATABASE}.corrupt-");
    let Some(entries) = path.parent().and_then(|dir| fs::read_dir(dir).ok()) else { return 0 };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.strip_prefix(&prefix)?.split('-').next()?.parse().ok())
        .max()
        .unwrap_or(0)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
