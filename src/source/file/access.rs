//! Opens files without being trapped: what is no regular file is refused, and errors come with what to do about them.

use std::fs;
use std::fs::File;
use std::fs::FileType;
use std::fs::Metadata;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::path::PathBuf;

use thiserror::Error;

use crate::source::file::identity::FileKey;

/// Opening a FIFO must not wait for a writer: it may have taken the place of a file a moment ago.
const O_NONBLOCK: i32 = if cfg!(target_os = "linux") { 0o4000 } else { 0x4 };

/// Why a path is not read.
#[derive(Debug, Error)]
pub(super) enum AccessError {
    #[error("it is a directory; name the files in it, such as `<directory>/*.log`")]
    Directory,
    #[error("it is a FIFO, which cannot be read again after a restart; pipe it to standard input instead")]
    Fifo,
    #[error("it is a device or a socket; only regular files are followed")]
    Special,
    #[error(
        "{0}; give the user relapse runs as read permission (on the file and search permission on its directories)"
    )]
    Denied(io::Error),
    #[error("{0}; raise the limit of open files (`ulimit -n`, `LimitNOFILE=`)")]
    TooManyOpen(io::Error),
    #[error("it lies in the state directory of relapse; leave it out of the patterns")]
    OwnState,
    #[error("relapse writes its own output to it; leave it out of the patterns or send the output elsewhere")]
    OwnOutput,
    #[error("{0}")]
    Other(io::Error),
}

impl From<io::Error> for AccessError {
    fn from(error: io::Error) -> Self {
        const ENFILE: i32 = 23;
        const EMFILE: i32 = 24;
        match (error.kind(), error.raw_os_error()) {
            (io::ErrorKind::PermissionDenied, _) => Self::Denied(error),
            (_, Some(ENFILE | EMFILE)) => Self::TooManyOpen(error),
            _ => Self::Other(error),
        }
    }
}

impl AccessError {
    /// The path names nothing: to be waited for.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Other(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// What the program writes itself.
#[derive(Debug, Clone, Default)]
pub struct Own {
    /// Directories whose files are refused.
    pub directories: Vec<PathBuf>,
    /// Files that are refused.
    pub files: Vec<FileKey>,
}

impl Own {
    /// `directories`, and the files standard output and standard error lead to.
    pub fn of_this_process(directories: &[PathBuf]) -> Self {
        let outputs = ["/dev/stdout", "/dev/stderr"].iter().filter_map(|path| fs::metadata(path).ok());
        let real = |path: &PathBuf| fs::canonicalize(path).ok();
        Self {
            directories: directories.iter().filter_map(real).collect(),
            files: outputs.filter(Metadata::is_file).map(|metadata| FileKey::of(&metadata)).collect(),
        }
    }

    /// Refuses what the program writes itself: it would follow its own traces.
    pub(super) fn refuse(&self, path: &Path, key: FileKey) -> Result<(), AccessError> {
        let lies_in = |real: PathBuf| self.directories.iter().any(|own| real.starts_with(own));
        if self.files.contains(&key) {
            Err(AccessError::OwnOutput)
        } else if !self.directories.is_empty() && fs::canonicalize(path).is_ok_and(lies_in) {
            Err(AccessError::OwnState)
        } else {
            Ok(())
        }
    }
}

/// Refuses everything that is no regular file.
pub(super) fn regular(kind: FileType) -> Result<(), AccessError> {
    if kind.is_file() {
        Ok(())
    } else if kind.is_dir() {
        Err(AccessError::Directory)
    } else if kind.is_fifo() {
        Err(AccessError::Fifo)
    } else {
        Err(AccessError::Special)
    }
}

/// Opens a regular file, links followed.
pub(super) fn open(path: &Path) -> Result<(File, Metadata), AccessError> {
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)?;
    let metadata = file.metadata()?;
    regular(metadata.file_type())?;
    Ok((file, metadata))
}
