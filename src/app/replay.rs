//! What `replay` adds to a scan: a copy of a sidecar's memory to start from, the deployments declared in a file, and logs read line by
//! line.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::app::deploys;
use crate::app::scan::Counted;
use crate::app::scan::Input;
use crate::model::command::Deploy;
use crate::model::command::Mute;
use crate::model::correlation::OpenWindow;
use crate::model::incident::LiveRelease;
use crate::model::incident::Track;
use crate::model::position::Position;
use crate::source::file::identity::FileKey;
use crate::source::file::identity::PREFIX_MAX;
use crate::source::file::identity::Prefix;
use crate::store::error::StoreError;
use crate::store::event::EventId;
use crate::store::snapshot;
use crate::store::snapshot::Snapshot;

/// What a sidecar remembered.
#[derive(Debug)]
pub struct Memory {
    /// Every incident.
    pub tracks: Vec<Track>,
    /// Every release.
    pub live_releases: Vec<LiveRelease>,
    /// Every open window of a correlation.
    pub windows: Vec<OpenWindow>,
    /// Every mute.
    pub mutes: Vec<Mute>,
    positions: Vec<Position>,
    events: Arc<HashSet<EventId>>,
}

/// The memory as of the last commit in a state directory, which is not changed.
pub fn memory(dir: &Path) -> Result<Memory, StoreError> {
    let Snapshot { tracks, live_releases, windows, mutes, positions, events } = snapshot::read(dir)?;
    Ok(Memory { tracks, live_releases, windows, mutes, positions, events: Arc::new(events) })
}

impl Memory {
    /// The input without the occurrences that this sidecar counted in it, if it has read this very file.
    #[must_use]
    pub fn without_counted(&self, input: Input) -> Input {
        let counted = self.position(Path::new(&*input.name)).map(|position| Counted {
            stream: if position.scope.is_empty() { &position.file_id } else { &position.scope }.as_str().into(),
            generation: position.generation,
            events: Arc::clone(&self.events),
        });
        Input { counted, ..input }
    }

    /// Where the file at `path` was read to: the same file, with the same beginning, and not shorter.
    fn position(&self, path: &Path) -> Option<&Position> {
        let file = File::open(path).ok()?;
        let metadata = file.metadata().ok()?;
        let key = FileKey::of(&metadata);
        let mut head = Vec::new();
        file.take(PREFIX_MAX as u64).read_to_end(&mut head).ok()?;
        self.positions.iter().find(|position| {
            let prefix = Prefix { len: position.prefix_len, hash: position.prefix_hash.clone() };
            FileKey::parse(&position.file_id).is_some_and(|stored| stored.same_file(&key))
                && metadata.len() >= position.offset
                && prefix.holds(&head)
        })
    }
}

/// What a deploy file says.
#[derive(Debug, Default)]
pub struct Deployments {
    /// Its deployments, in their order.
    pub declared: Vec<Deploy>,
    /// Its bad lines: number, and what is wrong.
    pub bad: Vec<(u64, String)>,
}

/// Reads a whole deploy file.
pub fn deployments(path: &Path) -> io::Result<Deployments> {
    let text = std::fs::read(path)?;
    let mut said = Deployments::default();
    for (number, line) in (1..).zip(text.split(|byte| *byte == b'\n')) {
        match deploys::parse(line) {
            Ok(deploy) => said.declared.extend(deploy),
            Err(problem) => said.bad.push((number, problem)),
        }
    }
    Ok(said)
}

/// The same input, handed on a line at a time: who is alive is said once a read, and a sidecar that follows a growing log reads it line
/// by line.
#[must_use]
pub fn line_by_line(input: Input) -> Input {
    Input { bytes: Box::new(Lines(BufReader::with_capacity(BUFFER, input.bytes))), ..input }
}

const BUFFER: usize = 256 * 1024;

struct Lines(BufReader<Box<dyn Read + Send>>);

impl Read for Lines {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let buffered = self.0.fill_buf()?;
        let end = memchr::memchr(b'\n', buffered).map_or(buffered.len(), |end| end + 1);
        let read = buffered.get(..end).unwrap_or_default().read(out)?;
        self.0.consume(read);
        Ok(read)
    }
}
