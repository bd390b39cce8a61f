//! The file system's own notifications, as a hint only: they say *look now*, never *what happened*. The poll is the truth, so
//! whatever goes wrong here costs time and no bytes.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Condvar;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::time::Duration;

use notify::Event;
use notify::EventKind;
use notify::RecommendedWatcher;
use notify::RecursiveMode;
use notify::Watcher;
use notify::event::ModifyKind;

use crate::source::file::Touched;

/// More touched paths than this are one *look at everything*.
const MAX_PATHS: usize = 4096;

/// What the file system said since the last look.
#[derive(Debug, Default)]
pub struct Pending {
    /// Names came, went or moved, or too much happened: look at everything.
    pub all: bool,
    /// Files that were written to.
    pub paths: Touched,
}

/// Collects hints; equal ones count once, so a busy writer costs no memory.
#[derive(Debug, Clone, Default)]
pub struct Hints(Arc<(Mutex<Pending>, Condvar)>);

impl Hints {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what came in.
    pub fn take(&self) -> Pending {
        std::mem::take(&mut self.lock())
    }

    /// Waits for the first hint; `false` when none came in time.
    pub fn wait(&self, timeout: Duration) -> bool {
        let waited =
            self.0.1.wait_timeout_while(self.lock(), timeout, |pending| !pending.all && pending.paths.is_empty());
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Notes what one event says.
    pub fn note(&self, event: &notify::Result<Event>) {
        let mut pending = self.lock();
        match event {
            Ok(event) if event.need_rescan() => pending.all = true,
            Ok(event) => match event.kind {
                // Opening and closing says nothing about content.
                EventKind::Access(_) => return,
                EventKind::Modify(ModifyKind::Data(_)) if pending.paths.len() < MAX_PATHS => {
                    pending.paths.extend(event.paths.iter().cloned());
                }
                _ => pending.all = true,
            },
            Err(_) => pending.all = true,
        }
        self.0.1.notify_one();
    }
}

/// What to do when the kernel's watch limits are reached; `None` for other errors.
pub fn advice(error: &notify::Error) -> Option<&'static str> {
    const EMFILE: i32 = 24;
    const ENOSPC: i32 = 28;
    let errno = match &error.kind {
        notify::ErrorKind::MaxFilesWatch => Some(ENOSPC),
        notify::ErrorKind::Io(error) => error.raw_os_error(),
        _ => None,
    };
    match errno {
        Some(ENOSPC) => Some("raise it on the host: sysctl -w fs.inotify.max_user_watches=524288"),
        Some(EMFILE) => Some(
            "raise it on the host: sysctl -w fs.inotify.max_user_instances=1024 (or the limit of open files: ulimit -n)",
        ),
        _ => None,
    }
}

/// One inotify instance over the directories of interest.
#[derive(Debug)]
pub struct Watch {
    watcher: Option<RecommendedWatcher>,
    /// Directory → its device and inode when the watch was set: a directory made anew needs a new one.
    watched: BTreeMap<PathBuf, (u64, u64)>,
    complained: bool,
}

impl Watch {
    /// Begins to watch, or goes on without when the system cannot.
    pub fn start(hints: &Hints) -> Self {
        let hints = hints.clone();
        let mut watch = Self { watcher: None, watched: BTreeMap::new(), complained: false };
        match notify::recommended_watcher(move |event| hints.note(&event)) {
            Ok(watcher) => watch.watcher = Some(watcher),
            Err(error) => watch.complain(&error),
        }
        watch
    }

    /// Makes the watched directories these.
    pub fn sync(&mut self, directories: &BTreeSet<PathBuf>) {
        let Some(mut watcher) = self.watcher.take() else { return };
        let gone: Vec<PathBuf> = self.watched.keys().filter(|path| !directories.contains(*path)).cloned().collect();
        for path in gone {
            self.watched.remove(&path);
            // Fails when the directory is gone, and the watch with it.
            let _ = watcher.unwatch(&path);
        }
        for path in directories {
            let Ok(metadata) = fs::metadata(path) else {
                self.watched.remove(path);
                continue;
            };
            let identity = (metadata.dev(), metadata.ino());
            let before = self.watched.get(path).copied();
            if before == Some(identity) {
                continue;
            }
            if before.is_some() {
                let _ = watcher.unwatch(path);
            }
            match watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    self.watched.insert(path.clone(), identity);
                }
                Err(error) => self.complain(&error),
            }
        }
        self.watcher = Some(watcher);
    }

    fn complain(&mut self, error: &notify::Error) {
        if std::mem::replace(&mut self.complained, true) {
            return;
        }
        let advice = advice(error).unwrap_or("the file system gives none here, or not to this user");
        tracing::warn!(%error, advice, "no file notifications: files are polled instead");
    }
}
