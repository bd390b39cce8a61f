//! Random histories of a log against the plainest expectation: every line that was written is judged exactly once.
//!
//! What a history may do is what rotation and restarts really do; what would lose lines for every reader (a truncation of lines that
//! nobody had a chance to read) is preceded by a look. The same histories are run against readers with one defence taken out, which
//! must fail: the model would notice.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use proptest::prelude::*;
use proptest::test_runner::Config;
use proptest::test_runner::TestRunner;
use tempfile::TempDir;

use super::rig::Rig;
use super::rig::append;

/// One event in the life of a log.
#[derive(Debug, Clone)]
enum Step {
    /// So many lines are appended.
    Append(usize),
    /// Half a line is appended; the next append completes it.
    Half,
    /// rename/create: `app.log` → `app.log.1` → `app.log.2` …
    Rotate,
    /// The writer still holds the renamed file and appends to it.
    Late,
    /// copytruncate, the copy is out of the way.
    Truncate,
    /// copytruncate, the copy is `app.log.1`, and nobody looked before.
    CopyTruncate,
    /// Deleted and made anew.
    Delete,
    /// A look after so many seconds.
    Tick(i64),
    /// SIGTERM, some time, a new process.
    Stop,
    Start,
    /// SIGKILL and a new process at once.
    Kill,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (1..40usize).prop_map(Step::Append),
        2 => Just(Step::Half),
        2 => Just(Step::Rotate),
        2 => Just(Step::Late),
        1 => Just(Step::Truncate),
        2 => Just(Step::CopyTruncate),
        1 => Just(Step::Delete),
        6 => (0..4i64).prop_map(Step::Tick),
        1 => (300..400i64).prop_map(Step::Tick),
        1 => Just(Step::Stop),
        1 => Just(Step::Start),
        1 => Just(Step::Kill),
    ];
    prop::collection::vec(step, 1..60)
}

/// A reader of `app.log`.
trait Reader {
    fn path(&self, name: &str) -> PathBuf;
    fn append(&mut self, name: &str, text: &str);
    fn tick(&mut self, seconds: i64);
    fn stop(&mut self);
    fn start(&mut self);
    fn kill(&mut self);
    fn is_running(&self) -> bool;
    /// Everything judged, sorted.
    fn judged(&self) -> Vec<String>;
}

impl Reader for Rig {
    fn path(&self, name: &str) -> PathBuf {
        Self::path(self, name)
    }

    fn append(&mut self, name: &str, text: &str) {
        Self::append(self, name, text);
    }

    fn tick(&mut self, seconds: i64) {
        self.tick_after(seconds);
    }

    fn stop(&mut self) {
        Self::stop(self);
    }

    fn start(&mut self) {
        Self::start(self);
    }

    fn kill(&mut self) {
        Self::kill(self);
    }

    fn is_running(&self) -> bool {
        Self::is_running(self)
    }

    fn judged(&self) -> Vec<String> {
        assert!(self.store.starts.iter().all(|start| *start == 0), "nothing is begun in its middle");
        self.store.sorted()
    }
}

/// Plays a history and gives what was written, sorted.
fn play(reader: &mut dyn Reader, steps: &[Step]) -> Vec<String> {
    let mut life = Life { reader, written: Vec::new(), half: None, rotated: false, look: Look::default() };
    for step in steps {
        life.step(step);
    }
    life.all_seen();
    life.reader.tick(400);
    life.reader.tick(400);
    life.written.sort();
    life.written
}

struct Life<'a> {
    reader: &'a mut dyn Reader,
    written: Vec<String>,
    /// Index of the line that has no newline yet.
    half: Option<usize>,
    /// The writer still holds `app.log.1`.
    rotated: bool,
    look: Look,
}

/// What the reader can know of `app.log`: it cannot find a file that came and went if it never saw one before it.
#[derive(Debug, Default)]
struct Look {
    /// The file that is `app.log` now was there at a look.
    current: bool,
    /// A file that is or was `app.log` was there at a look, so later generations can be told.
    chained: bool,
    /// Something of what `app.log` holds now was read: a copy of it can be told.
    read: bool,
    /// Whether the latest file that was seen has been truncated.
    truncated: Truncated,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Truncated {
    #[default]
    Never,
    InThisRun,
    /// Nobody knows when: a copy might be taken for a generation.
    BeforeARestart,
}

impl Life<'_> {
    fn next_line(&mut self) -> String {
        let number = self.written.len();
        self.written.push(format!("line {number:05} {}", "x".repeat(number * 7 % 31)));
        self.written[number].clone()
    }

    fn exists(&self) -> bool {
        self.reader.path("app.log").exists()
    }

    fn end_line(&mut self) {
        if let Some(number) = self.half.take() {
            self.reader.append("app.log", " the rest\n");
            self.written[number].push_str(" the rest");
        }
    }

    fn tick(&mut self, seconds: i64) {
        self.reader.tick(seconds);
        if self.reader.is_running() && self.exists() {
            if !self.look.current {
                self.look.truncated = Truncated::Never;
            }
            self.look.current = true;
            self.look.read = fs::metadata(self.reader.path("app.log")).unwrap().len() > 0;
            self.look.chained = self.look.truncated != Truncated::BeforeARestart;
        }
    }

    /// The reader has had its chance to see everything.
    fn all_seen(&mut self) {
        self.end_line();
        if !self.reader.is_running() {
            self.reader.start();
        }
        self.tick(1);
    }

    fn before_the_end(&mut self) {
        if self.look.truncated != Truncated::Never && !self.look.current {
            self.all_seen();
        }
        if self.look.truncated != Truncated::Never {
            (self.look.truncated, self.look.chained) = (Truncated::BeforeARestart, false);
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Append(count) => {
                self.end_line();
                for _ in 0..*count {
                    let line = self.next_line();
                    self.reader.append("app.log", &format!("{line}\n"));
                }
            }
            Step::Half => {
                self.end_line();
                let line = self.next_line();
                self.reader.append("app.log", &line);
                self.half = Some(self.written.len() - 1);
            }
            Step::Rotate if self.exists() => self.rotate(),
            Step::Late if self.rotated => {
                let line = self.next_line();
                self.reader.append("app.log.1", &format!("{line}\n"));
            }
            Step::Truncate if self.exists() => {
                self.all_seen();
                fs::OpenOptions::new().write(true).truncate(true).open(self.reader.path("app.log")).unwrap();
                (self.look.truncated, self.look.chained, self.look.read) = (Truncated::InThisRun, false, false);
            }
            Step::CopyTruncate if self.exists() => self.copy_truncate(),
            Step::Delete if self.exists() => {
                self.all_seen();
                let line = self.next_line();
                self.reader.append("app.log", &format!("{line}\n"));
                fs::remove_file(self.reader.path("app.log")).unwrap();
                self.tick(1);
                self.look = Look::default();
            }
            Step::Tick(seconds) => {
                self.tick(*seconds);
                self.rotated &= *seconds < 100;
            }
            Step::Stop if self.reader.is_running() => {
                self.before_the_end();
                self.reader.stop();
            }
            Step::Start if !self.reader.is_running() => self.reader.start(),
            Step::Kill if self.reader.is_running() => {
                self.before_the_end();
                self.reader.kill();
                self.reader.start();
            }
            _ => {}
        }
    }

    /// What was not read yet can only be found in a copy of what was.
    fn copy_truncate(&mut self) {
        self.end_line();
        if !self.look.read {
            self.all_seen();
        }
        self.shift();
        fs::copy(self.reader.path("app.log"), self.reader.path("app.log.1")).unwrap();
        fs::OpenOptions::new().write(true).truncate(true).open(self.reader.path("app.log")).unwrap();
        (self.look.truncated, self.look.chained, self.look.read) = (Truncated::InThisRun, false, false);
        self.rotated = false;
    }

    fn shift(&mut self) {
        for number in (1..60).rev() {
            let (from, to) = (format!("app.log.{number}"), format!("app.log.{}", number + 1));
            let _ = fs::rename(self.reader.path(&from), self.reader.path(&to));
        }
    }

    fn rotate(&mut self) {
        self.end_line();
        if !self.look.current && !self.look.chained {
            self.all_seen();
        }
        self.shift();
        fs::rename(self.reader.path("app.log"), self.reader.path("app.log.1")).unwrap();
        self.reader.append("app.log", "");
        (self.rotated, self.look.current, self.look.read) = (true, false, false);
    }
}

/// Runs random histories; `Err` carries the shortest one that lost or repeated a line.
fn run(cases: u32, make: impl Fn() -> Box<dyn Reader>) -> Result<(), String> {
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let outcome = runner.run(&steps(), |steps| {
        let mut reader = make();
        let written = play(&mut *reader, &steps);
        prop_assert_eq!(reader.judged(), written);
        Ok(())
    });
    outcome.map_err(|error| error.to_string())
}

#[test]
fn every_line_is_judged_exactly_once() {
    run(300, || Box::new(Rig::new(&["app.log"]))).unwrap();
}

#[test]
fn every_line_is_judged_exactly_once_when_rotated_names_match_too() {
    run(300, || Box::new(Rig::new(&["app.log*"]))).unwrap();
}

/// The control of the account that every history keeps (`Store::account`).
#[test]
#[should_panic(expected = "every byte is accounted for")]
fn the_account_notices_a_byte_that_went_nowhere() {
    let mut store = super::rig::Store::default();
    let position = |offset| relapse::model::position::Position { offset, ..Default::default() };
    store.positions.insert(String::new(), position(10));
    store.account(&position(20), 9);
}

/// A reader with a defence taken out.
struct Naive {
    dir: TempDir,
    knows_inodes: bool,
    running: bool,
    inode: u64,
    offset: usize,
    judged: Vec<String>,
}

impl Naive {
    fn new(knows_inodes: bool) -> Self {
        let dir = TempDir::new().unwrap();
        Self { dir, knows_inodes, running: true, inode: 0, offset: 0, judged: Vec::new() }
    }
}

impl Reader for Naive {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn append(&mut self, name: &str, text: &str) {
        let mut file = fs::OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        append(&mut file, text);
    }

    fn tick(&mut self, _seconds: i64) {
        let Ok(bytes) = fs::read(self.path("app.log")) else { return };
        let inode = fs::metadata(self.path("app.log")).unwrap().ino();
        if !self.running {
            return;
        }
        if bytes.len() < self.offset || (self.knows_inodes && inode != self.inode) {
            self.offset = 0;
        }
        self.inode = inode;
        for line in bytes[self.offset..].split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            self.offset += line.len();
            self.judged.push(String::from_utf8_lossy(line).trim_end_matches('\n').to_owned());
        }
    }

    fn stop(&mut self) {
        self.running = false;
    }

    fn start(&mut self) {
        self.running = true;
    }

    fn kill(&mut self) {
        self.running = false;
    }

    fn is_running(&self) -> bool {
        self.running
    }

    fn judged(&self) -> Vec<String> {
        let mut judged = self.judged.clone();
        judged.sort();
        judged
    }
}

#[test]
fn the_model_notices_a_reader_that_goes_by_path_and_offset() {
    run(300, || Box::new(Naive::new(false))).unwrap_err();
}

#[test]
fn the_model_notices_a_reader_that_lets_go_of_renamed_files() {
    run(300, || Box::new(Naive::new(true))).unwrap_err();
}

#[test]
fn the_naive_readers_are_right_about_a_log_that_only_grows() {
    let steps = [Step::Append(3), Step::Tick(1), Step::Half, Step::Tick(1), Step::Append(5)];
    for knows_inodes in [false, true] {
        let mut reader = Naive::new(knows_inodes);
        let written = play(&mut reader, &steps);
        assert_eq!(reader.judged(), written, "else the tests above prove nothing");
    }
}
