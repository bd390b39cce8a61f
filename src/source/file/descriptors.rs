//! More files than descriptors: those written to least recently are closed, and opened again when there is something to read. Their
//! names are looked at as before, so nothing is lost.

use std::fs;
use std::fs::File;
use std::fs::Metadata;
use std::path::Path;

use crate::source::file::access;
use crate::source::file::access::AccessError;
use crate::source::file::identity::FileKey;
use crate::source::file::sibling::Listings;
use crate::source::file::tail::Tailer;
use crate::source::stream::RecordStream;

/// Descriptors left to the rest of the program: store, listener and its connections, sinks, directory listings.
const RESERVE: usize = 192;
/// Whatever the limit, so many files are open.
const LEAST: usize = 16;
/// What Linux gives a process when nobody says otherwise.
const USUAL: usize = 1024;

/// How many files may be open, by the limit of the process.
pub(super) fn budget() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft = limits.lines().find_map(|line| line.strip_prefix("Max open files")?.split_whitespace().next());
    let limit = match soft {
        Some("unlimited") => usize::MAX,
        Some(number) => number.parse().unwrap_or(USUAL),
        None => USUAL,
    };
    limit.saturating_sub(RESERVE).max(LEAST)
}

impl<S: RecordStream> Tailer<S> {
    /// Opens a file, another one may be closed for it.
    pub(super) fn open_within_limit(&mut self, path: &Path) -> Result<(File, Metadata), AccessError> {
        // Counted only when as many were opened as there was room for.
        if self.room == 0 {
            let open = self.count_open();
            if open >= self.descriptors {
                self.let_go(open);
            }
            self.room = self.descriptors.saturating_sub(self.count_open()).max(1);
        }
        self.room -= 1;
        match access::open(path) {
            Err(AccessError::TooManyOpen(error)) => {
                let open = self.count_open();
                if self.let_go(open) {
                    self.descriptors = open.saturating_sub(LEAST).max(LEAST);
                    self.room = 0;
                    access::open(path)
                } else {
                    Err(AccessError::TooManyOpen(error))
                }
            }
            opened => opened,
        }
    }

    fn count_open(&self) -> usize {
        self.files.values().filter(|file| file.file.is_some()).count()
    }

    /// Closes those of `open` files that were written to least recently. A file that no path leads to stays: it could not be found again.
    fn let_go(&mut self, open: usize) -> bool {
        let mut idle: Vec<_> = self
            .files
            .values()
            .filter(|file| file.file.is_some() && file.gone_since.is_none())
            .map(|file| (file.last_data, file.key))
            .collect();
        idle.sort_unstable();
        idle.truncate((open / 8).max(1));
        if !idle.is_empty() && !std::mem::replace(&mut self.told_descriptors, true) {
            tracing::warn!(
                files = self.files.len(),
                open = self.descriptors,
                "more files than descriptors: those written to least recently are opened when needed; raise the limit of open files (`ulimit -n`, `LimitNOFILE=`)"
            );
        }
        for (_, key) in &idle {
            if let Some(file) = self.files.get_mut(key) {
                file.file = None;
            }
        }
        !idle.is_empty()
    }

    /// Makes sure that a file is open; `false` when it is not found any more.
    pub(super) fn reopen(&mut self, key: FileKey) -> bool {
        let Some(file) = self.files.get(&key).filter(|file| file.file.is_none()) else { return true };
        let path = file.path.clone();
        let opened = match self.open_within_limit(&path) {
            Ok((opened, found)) if FileKey::of(&found) == key => Some(opened),
            _ => {
                let renamed = Listings::default().renamed(&path, key).ok().flatten();
                let opened = renamed.and_then(|renamed| self.open_within_limit(&renamed).ok());
                opened.filter(|(_, found)| FileKey::of(found) == key).map(|(opened, _)| opened)
            }
        };
        let found = opened.is_some();
        if let Some(file) = self.files.get_mut(&key) {
            file.file = opened;
        }
        found
    }
}
