//! The state directory: made when missing, private, held by one relapse at a time.

use std::fs;
use std::fs::DirBuilder;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::TryLockError;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::store::error::StoreError;

/// Name of the file whose lock is the claim to the directory.
pub const LOCK_FILE: &str = "relapse.lock";

/// Makes the directory (0700, with its parents) unless it is there. One that exists keeps its mode: it may be a mount.
pub(in crate::store) fn prepare(dir: &Path) -> Result<(), StoreError> {
    match fs::metadata(dir) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => Err(StoreError::NotADirectory { dir: dir.to_owned() }),
        Err(_) => DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|source| StoreError::Create { dir: dir.to_owned(), source }),
    }
}

/// Claims the directory until the returned file is dropped.
pub(in crate::store) fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join(LOCK_FILE);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|source| StoreError::NotWritable { path: dir.to_owned(), source })?;
    match file.try_lock() {
        Ok(()) => {
            // Only a courtesy to whoever is refused: failing to write it refuses nobody.
            let _ = sign(&mut file);
            Ok(file)
        }
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { dir: dir.to_owned(), pid: holder(&mut file) }),
        Err(TryLockError::Error(source)) => Err(StoreError::Lock { path, source }),
    }
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
