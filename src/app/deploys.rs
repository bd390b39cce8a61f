//! The deploy file: JSON lines that CI appends to, one a deployment. Read from its start whenever relapse starts, and looked at each second;
//! declaring the same deployment again changes nothing, so no position is kept.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::error;
use tracing::info;
use tracing::warn;

use crate::http::body;
use crate::http::orders::Orders;
use crate::model::command::Command;
use crate::model::command::Deploy;
use crate::telemetry::labels::DeployOutcome;
use crate::telemetry::metrics::Metrics;

/// How often the file is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Bytes read at a time; a longer line is no deployment.
const BLOCK: u64 = 64 * 1024;
/// Bad lines told one by one; further ones are only counted.
const MAX_TOLD: usize = 20;

/// Declares what the file says.
pub struct DeployFile {
    /// Where it lies.
    pub path: PathBuf,
    /// Where commands go.
    pub orders: Orders,
    /// Where bad lines are counted.
    pub metrics: Arc<Metrics>,
}

impl DeployFile {
    /// Until `stop`. A missing file is waited for.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut reader = Reader::new(self.path.clone());
        let mut told = Told::default();
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            for settled in std::iter::once(true).chain(std::iter::repeat(false)) {
                let before = (reader.place, reader.resets);
                let looked = tokio::task::spawn_blocking(move || {
                    let lines = reader.look(settled);
                    (reader, lines)
                });
                let lines = match looked.await {
                    Ok((read, lines)) => {
                        reader = read;
                        lines
                    }
                    Err(panic) => {
                        error!(error = %panic, "the deploy file is no longer watched; please report this");
                        return;
                    }
                };
                let Some(lines) = told.readable(&self.path.display(), lines) else { break };
                if reader.resets != before.1 {
                    (told.up_to, told.lines) = (0, 0);
                }
                let declared = stop.run_until_cancelled(self.declare(lines, &mut told)).await;
                if declared != Some(true) {
                    // Nothing is lost: the same lines are read again.
                    reader.go_back(before);
                    break;
                }
            }
        }
    }

    /// Whether all of it is stored.
    async fn declare(&self, lines: Vec<Line>, told: &mut Told) -> bool {
        let mut answers = Vec::new();
        for Line { number, text } in lines {
            match parse(&text) {
                Ok(None) => {}
                Ok(Some(deploy)) => match self.orders.hand_over(Command::Deploy(deploy)).await {
                    Ok(answer) => answers.push(answer),
                    Err(_) => return false,
                },
                Err(problem) => {
                    if told.bad(number) {
                        self.metrics.deploy(DeployOutcome::Invalid);
                        if told.lines <= MAX_TOLD {
                            warn!(file = %self.path.display(), line = number, problem, "a line of the deploy file is no deployment");
                        }
                    }
                }
            }
        }
        for answer in answers {
            if !matches!(answer.await, Ok(Ok(_))) {
                return false;
            }
        }
        true
    }
}

/// What a line declares; an empty one nothing.
pub(super) fn parse(text: &[u8]) -> Result<Option<Deploy>, String> {
    if text.trim_ascii().is_empty() {
        return Ok(None);
    }
    if text.len() as u64 >= BLOCK {
        return Err("it is far too long".to_owned());
    }
    body::deploy(text, None).map(Some).map_err(|problems| problems.to_string())
}

/// What has been said, so that it is said once.
#[derive(Debug, Default)]
struct Told {
    /// The last bad line.
    up_to: u64,
    /// Bad lines so far.
    lines: usize,
    unreadable: Option<String>,
}

impl Told {
    /// Whether this line has not been told of.
    fn bad(&mut self, line: u64) -> bool {
        let is_news = line > self.up_to;
        if is_news {
            self.up_to = line;
            self.lines += 1;
        }
        is_news
    }

    /// The lines, if there are any; an error is told once while it lasts.
    fn readable(&mut self, file: &dyn std::fmt::Display, lines: io::Result<Vec<Line>>) -> Option<Vec<Line>> {
        let error = match lines {
            Ok(lines) => {
                self.unreadable = None;
                return Some(lines).filter(|lines| !lines.is_empty());
            }
            Err(error) => error,
        };
        let said = error.to_string();
        if self.unreadable.as_ref() != Some(&said) {
            if error.kind() == io::ErrorKind::NotFound {
                info!(%file, "the deploy file is not there yet; it is waited for");
            } else {
                warn!(%file, %error, "the deploy file cannot be read; it is tried again each second");
            }
            self.unreadable = Some(said);
        }
        None
    }
}

/// One line, without its end.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    number: u64,
    text: Vec<u8>,
}

/// How far the file has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    /// Device and inode.
    file: Option<(u64, u64)>,
    offset: u64,
    /// Number of the line at `offset`.
    line: u64,
    /// Inside a line that is too long.
    overlong: bool,
    /// Length of the unended last line at the latest look.
    tail: usize,
}

impl Place {
    const START: Self = Self { file: None, offset: 0, line: 1, overlong: false, tail: 0 };
}

/// Reads whole lines. The last one counts without its end once it has stood still for one look.
#[derive(Debug)]
struct Reader {
    path: PathBuf,
    place: Place,
    /// How often it began at the start of a file.
    resets: u64,
}

impl Reader {
    fn new(path: PathBuf) -> Self {
        Self { path, place: Place::START, resets: 0 }
    }

    /// The next lines, at most a block of them. A file that was replaced or cut is read from its start. `settled`: a while has passed
    /// since the look before.
    fn look(&mut self, settled: bool) -> io::Result<Vec<Line>> {
        let meta = std::fs::metadata(&self.path)?;
        if !meta.is_file() {
            return Err(io::Error::other("it is not a regular file"));
        }
        let file = Some((meta.dev(), meta.ino()));
        if self.place.file != file || meta.len() < self.place.offset {
            self.place = Place { file, ..Place::START };
            self.resets += 1;
        }
        let mut block = Vec::new();
        let mut opened = File::open(&self.path)?;
        opened.seek(SeekFrom::Start(self.place.offset))?;
        opened.take(BLOCK).read_to_end(&mut block)?;
        Ok(self.lines(&block, settled))
    }

    /// Reads again from where it was `before`, in the file at hand.
    fn go_back(&mut self, (place, resets): (Place, u64)) {
        let file = self.place.file;
        self.place = if resets == self.resets { place } else { Place { file, ..Place::START } };
    }

    fn lines(&mut self, block: &[u8], settled: bool) -> Vec<Line> {
        let place = &mut self.place;
        let mut lines = Vec::new();
        let mut rest = block;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (text, after) = rest.split_at(end);
            if !std::mem::take(&mut place.overlong) {
                lines.push(Line { number: place.line, text: text.to_vec() });
            }
            rest = after.get(1..).unwrap_or_default();
            place.line += 1;
            place.offset += end as u64 + 1;
            place.tail = 0;
        }
        let whole_block = rest.len() as u64 == BLOCK;
        let stands_still = settled && !rest.is_empty() && rest.len() == place.tail;
        if whole_block || stands_still {
            if !place.overlong {
                lines.push(Line { number: place.line, text: rest.to_vec() });
            }
            place.offset += rest.len() as u64;
            place.overlong = whole_block;
            place.tail = 0;
        } else {
            place.tail = rest.len();
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(reader: &mut Reader) -> Vec<(u64, String)> {
        let lines = reader.look(true).unwrap();
        lines.into_iter().map(|line| (line.number, String::from_utf8_lossy(&line.text).into_owned())).collect()
    }

    #[test]
    fn every_line_is_read_once_however_it_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deploys");
        let mut reader = Reader::new(path.clone());
        assert_eq!(reader.look(true).unwrap_err().kind(), io::ErrorKind::NotFound);
        std::fs::write(&path, "one\n\ntw").unwrap();
        assert_eq!(looked(&mut reader), [(1, "one".to_owned()), (2, String::new())]);
        std::fs::write(&path, "one\n\ntwo").unwrap();
        assert_eq!(looked(&mut reader), [], "it still grows");
        assert_eq!(reader.look(false).unwrap(), [], "too soon to say");
        assert_eq!(looked(&mut reader), [(3, "two".to_owned())], "it stands still");
        std::fs::write(&path, "one\n\ntwo\nthree\n").unwrap();
        assert_eq!(looked(&mut reader), [(3, String::new()), (4, "three".to_owned())]);
        assert_eq!(looked(&mut reader), []);
        std::fs::write(&path, "cut\n").unwrap();
        assert_eq!(looked(&mut reader), [(1, "cut".to_owned())]);
        std::fs::write(dir.path().join("new"), "replaced by a longer one\n").unwrap();
        std::fs::rename(dir.path().join("new"), &path).unwrap();
        assert_eq!(looked(&mut reader), [(1, "replaced by a longer one".to_owned())]);
        assert!(Reader::new(dir.path().to_owned()).look(true).is_err(), "a directory");
    }

    #[test]
    fn a_line_without_end_is_one_bad_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deploys");
        std::fs::write(&path, format!("{}\nnext\n", "x".repeat(3 * 64 * 1024 + 5))).unwrap();
        let mut reader = Reader::new(path);
        let mut lines = Vec::new();
        for _ in 0..4 {
            lines.extend(reader.look(true).unwrap());
        }
        let [long, next] = lines.as_slice() else { panic!("{} lines", lines.len()) };
        assert!(parse(&long.text).unwrap_err().contains("too long"));
        assert_eq!((next.number, next.text.as_slice()), (2, b"next".as_slice()));
    }

    #[test]
    fn a_line_must_say_when() {
        let good = br#"{"service":"api","release":"1.42.0","environment":"prod","at":"2025-10-01T08:00:00Z"}"#;
        assert_eq!(parse(good).unwrap().unwrap().release, "1.42.0");
        assert_eq!(parse(b" \r").unwrap(), None);
        let undated = parse(br#"{"service":"api","release":"1.42.0"}"#).unwrap_err();
        assert_eq!(undated, "`at` is missing", "read again tomorrow it would be another deployment");
    }
}
