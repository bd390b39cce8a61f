//! A tailer on real files in a temporary directory, a clock that is set by hand, and a store that remembers what was committed.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;
use relapse::matcher::Matcher;
use relapse::matcher::Observation;
use relapse::matcher::Sighting;
use relapse::matcher::scanner::Tally;
use relapse::model::position::Position;
use relapse::model::record::Origin;
use relapse::model::record::Record;
use relapse::source::Batch;
use relapse::source::file::FileConfig;
use relapse::source::file::discover::Discovery;
use relapse::source::file::tail::Tailer;
use relapse::source::status::SourceStatus;
use relapse::source::stream::RecordStream;
use tempfile::TempDir;

/// A record stream that reports every line.
#[derive(Debug)]
pub(super) struct Lines {
    file: Arc<str>,
    pending: Vec<u8>,
    offset: u64,
    line: u64,
    unflushed: bool,
    tally: Tally,
}

impl Lines {
    pub(super) fn new(file: Arc<str>, offset: u64, line: u64) -> Self {
        Self { file, pending: Vec::new(), offset, line, unflushed: false, tally: Tally::default() }
    }

    fn report(&self, bytes: &[u8], out: &mut Vec<Observation>) {
        let origin = Origin { file: Arc::clone(&self.file), line: self.line, offset: self.offset };
        let body = String::from_utf8_lossy(bytes).trim_end_matches('\n').to_owned();
        let record = Arc::new(Record { body, origin, ..Record::default() });
        out.push(Observation::Sighting(Sighting { record }));
    }

    fn complete(&mut self, line: &[u8], out: &mut Vec<Observation>) {
        let count = line.len();
        self.report(line, out);
        self.offset += count as u64;
        self.line += 1;
        self.tally.bytes += count as u64;
        self.tally.lines += 1;
    }
}

impl RecordStream for Lines {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<Observation>) {
        self.pending.extend_from_slice(bytes);
        let pending = std::mem::take(&mut self.pending);
        for line in pending.split_inclusive(|byte| *byte == b'\n') {
            if line.ends_with(b"\n") {
                self.complete(line, out);
            } else {
                self.pending = line.to_vec();
            }
        }
        self.unflushed = !self.pending.is_empty();
    }

    fn flush(&mut self, out: &mut Vec<Observation>) {
        if std::mem::take(&mut self.unflushed) {
            self.report(&self.pending, out);
        }
    }

    fn finish(&mut self, out: &mut Vec<Observation>) {
        if !self.pending.is_empty() {
            let pending = std::mem::take(&mut self.pending);
            self.complete(&pending, out);
        }
        self.unflushed = false;
    }

    fn position(&self) -> (u64, u64) {
        (self.offset, self.line)
    }

    fn has_unflushed(&self) -> bool {
        self.unflushed
    }

    fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    fn set_matcher(&mut self, _matcher: Arc<Matcher>) {}
}

/// What the program keeps: positions, and records under their event ids.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) positions: BTreeMap<String, Position>,
    /// (stream, generation, offset) → text. Half a line and the whole one are one event, whichever is reported first.
    pub(super) judged: BTreeMap<(String, u64, u64), String>,
    /// Every report, in order.
    pub(super) reports: Vec<String>,
    pub(super) lines_at: Vec<(u64, u64)>,
    pub(super) bytes: u64,
    pub(super) batches: usize,
    /// Offsets at which the account of a file's generation begins.
    pub(super) starts: Vec<u64>,
}

impl Store {
    pub(super) fn commit(&mut self, batch: Batch) {
        self.batches += 1;
        self.bytes += batch.tally.bytes;
        for observation in batch.observations {
            let Observation::Sighting(Sighting { record }) = observation else { panic!("only lines are reported") };
            let scope = &batch.event_scope;
            let id = (scope.stream.to_string(), scope.generation, record.origin.offset);
            self.reports.push(record.body.clone());
            self.lines_at.push((record.origin.line, record.origin.offset));
            let known = self.judged.entry(id).or_default();
            if record.body.len() > known.len() {
                known.clone_from(&record.body);
            }
        }
        if let Some(position) = batch.position {
            let scope = if position.scope.is_empty() { &position.file_id } else { &position.scope };
            assert_eq!(*scope, *batch.event_scope.stream);
            self.account(&position, batch.tally.bytes);
            if batch.closed {
                self.positions.remove(&position.file_id);
            } else {
                self.positions.insert(position.file_id.clone(), position);
            }
        }
    }

    /// G1: the bytes that went through are those between the position before and this one, without a gap.
    pub(super) fn account(&mut self, position: &Position, bytes: u64) {
        let same = |before: &&Position| (before.generation, &before.scope) == (position.generation, &position.scope);
        let before = self.positions.get(&position.file_id).filter(same);
        let start = position.offset.checked_sub(bytes).expect("no more than there is");
        match before {
            Some(before) => assert_eq!(start, before.offset, "every byte is accounted for: {position:?}"),
            // A copy begins where the original was left.
            None => self.starts.extend(position.scope.is_empty().then_some(start)),
        }
    }

    /// What a new process finds: the positions as they were written down.
    pub(super) fn load(&self) -> Vec<Position> {
        let text = serde_json::to_string(&self.positions.values().collect::<Vec<_>>()).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// Every judged record once, sorted.
    pub(super) fn sorted(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.judged.values().cloned().collect();
        lines.sort();
        lines
    }
}

pub(super) struct Rig {
    pub(super) dir: TempDir,
    pub(super) config: FileConfig,
    pub(super) now: Timestamp,
    pub(super) store: Store,
    tailer: Option<Tailer<Lines>>,
}

impl Rig {
    /// Follows `patterns` below a new directory.
    pub(super) fn new(patterns: &[&str]) -> Self {
        Self::with(patterns, |_| {})
    }

    pub(super) fn with(patterns: &[&str], change: impl FnOnce(&mut FileConfig)) -> Self {
        let dir = TempDir::new().unwrap();
        let include = patterns.iter().map(|pattern| format!("{}/{pattern}", dir.path().display())).collect();
        let mut config = FileConfig { include, ..FileConfig::default() };
        change(&mut config);
        let now = "2025-09-01T00:00:00Z".parse().unwrap();
        let mut rig = Self { dir, config, now, store: Store::default(), tailer: None };
        rig.start();
        rig
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn start(&mut self) {
        self.start_with(|tailer| tailer);
    }

    /// Starts a tailer that is changed before.
    pub(super) fn start_with(&mut self, change: impl FnOnce(Tailer<Lines>) -> Tailer<Lines>) {
        let discovery = Discovery::new(&self.config.include, &self.config.exclude).unwrap();
        let tailer = Tailer::new(self.config.clone(), discovery, self.store.load(), Lines::new);
        self.tailer = Some(change(tailer));
    }

    /// The end by SIGKILL: what was not committed is forgotten.
    pub(super) fn kill(&mut self) {
        self.tailer = None;
    }

    /// The end by SIGTERM.
    pub(super) fn stop(&mut self) {
        let mut tailer = self.tailer.take().unwrap();
        tailer
            .stop(self.now, &mut |batch| {
                self.store.commit(batch);
                Ok(())
            })
            .unwrap();
    }

    pub(super) fn restart(&mut self) {
        self.stop();
        self.start();
    }

    pub(super) fn is_running(&self) -> bool {
        self.tailer.is_some()
    }

    /// One look and everything that follows from it.
    pub(super) fn tick(&mut self) {
        let store = &mut self.store;
        if let Some(tailer) = &mut self.tailer {
            tailer
                .tick(self.now, &mut |batch| {
                    store.commit(batch);
                    Ok(())
                })
                .unwrap();
        }
    }

    /// A tick after `seconds`.
    pub(super) fn tick_after(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        self.tick();
    }

    /// What is due after `seconds`, without a look: reading was held up.
    pub(super) fn held_up(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
        let store = &mut self.store;
        if let Some(tailer) = &mut self.tailer {
            tailer
                .flush_idle(self.now, &mut |batch| {
                    store.commit(batch);
                    Ok(())
                })
                .unwrap();
        }
    }

    pub(super) fn status(&self) -> SourceStatus {
        self.tailer.as_ref().unwrap().status()
    }

    /// Takes the reports so far.
    pub(super) fn reports(&mut self) -> Vec<String> {
        std::mem::take(&mut self.store.reports)
    }

    pub(super) fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        append(&mut self.writer(name), text);
    }

    /// An open descriptor that appends, as a logging program holds it.
    pub(super) fn writer(&self, name: &str) -> File {
        OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap()
    }

    pub(super) fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// What `copytruncate` does.
    pub(super) fn copy_truncate(&self, name: &str, to: Option<&str>) {
        if let Some(to) = to {
            fs::copy(self.path(name), self.path(to)).unwrap();
        }
        self.truncate(name);
    }

    pub(super) fn truncate(&self, name: &str) {
        OpenOptions::new().write(true).truncate(true).open(self.path(name)).unwrap();
    }
}

pub(super) fn append(file: &mut File, text: impl AsRef<[u8]>) {
    file.write_all(text.as_ref()).unwrap();
}
