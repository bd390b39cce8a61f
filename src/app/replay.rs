//! What `replay` adds to a scan: a copy of a sidecar's memory to start from, the deployments declared in a file, and logs read line by
//! line.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;

use crate::app::deploys;
use crate::app::scan::Input;
use crate::model::command::Deploy;
use crate::model::incident::LiveRelease;
use crate::model::incident::Track;
use crate::store::error::StoreError;
use crate::store::snapshot;

/// Tracks and live releases as of the last commit in a state directory, which is not changed.
pub fn memory(dir: &Path) -> Result<(Vec<Track>, Vec<LiveRelease>), StoreError> {
    let snapshot = snapshot::read(dir)?;
    Ok((snapshot.tracks, snapshot.live_releases))
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
