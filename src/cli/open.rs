//! Opens what `scan` reads: files, globs that no shell has expanded, standard input. What fails is told and left out.

use std::fs::File;
use std::io;
use std::io::IsTerminal;
use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::app::expand;
use crate::app::scan::Input;
use crate::cli::chain;
use crate::cli::unpack::Packing;
use crate::cli::unpack::unpack;

/// Names standard input.
const STDIN: &str = "-";

/// Opened inputs.
#[derive(Default)]
pub(super) struct Opened {
    /// In the order given.
    pub(super) inputs: Vec<Input>,
    /// Bytes of all of them; `None` with standard input or a packed file among them.
    pub(super) size: Option<u64>,
    /// Whether any was left out.
    pub(super) failed: bool,
}

/// Opens every input. `now` dates what states no time and has no modification time.
pub(super) fn open_all(names: &[PathBuf], now: Timestamp) -> io::Result<Opened> {
    let mut opened = Opened { size: Some(0), ..Opened::default() };
    if names.is_empty() {
        opened.stdin(now)?;
    }
    for name in names {
        if name.as_os_str() == STDIN {
            opened.stdin(now)?;
        } else if !name.exists() && is_glob(name) {
            match expand::expand(&name.to_string_lossy()) {
                Ok(files) => {
                    for file in &files {
                        opened.file(file, now)?;
                    }
                }
                Err(error) => opened.fail(&chain(&error))?,
            }
        } else {
            opened.file(name, now)?;
        }
    }
    Ok(opened)
}

fn is_glob(name: &Path) -> bool {
    name.to_string_lossy().contains(['*', '?', '[', '{'])
}

impl Opened {
    fn stdin(&mut self, now: Timestamp) -> io::Result<()> {
        announce_stdin("log lines")?;
        self.inputs.push(Input {
            name: Arc::from("<stdin>"),
            bytes: Box::new(io::stdin()),
            undated: now,
            counted: None,
        });
        self.size = None;
        Ok(())
    }

    fn file(&mut self, path: &Path, now: Timestamp) -> io::Result<()> {
        match open(path, now) {
            Ok((input, length)) => {
                self.inputs.push(input);
                self.size = self.size.zip(length).map(|(sum, length)| sum + length);
                Ok(())
            }
            Err(error) => self.fail(&format!("failed to read {}: {error}", path.display())),
        }
    }

    fn fail(&mut self, what: &str) -> io::Result<()> {
        self.failed = true;
        writeln!(anstream::stderr(), "error: {what}")
    }
}

/// Somebody at a keyboard must know that the program waits for them.
pub(super) fn announce_stdin(what: &str) -> io::Result<()> {
    if io::stdin().is_terminal() {
        writeln!(anstream::stderr(), "reading {what} from the terminal; end with Ctrl-D")?;
    }
    Ok(())
}

fn open(path: &Path, now: Timestamp) -> io::Result<(Input, Option<u64>)> {
    let mut file = File::open(path)?;
    let meta = file.metadata()?;
    if meta.is_dir() {
        let advice = format!("it is a directory; name its files, as in '{}/*.log'", path.display());
        return Err(io::Error::new(io::ErrorKind::IsADirectory, advice));
    }
    let written = meta.modified().ok().and_then(|time| Timestamp::try_from(time).ok());
    let mut start = Vec::new();
    if meta.is_file() {
        Read::by_ref(&mut file).take(4).read_to_end(&mut start)?;
        if let Some(tool) = decompressor(&start) {
            let advice = format!("it is compressed; pipe it in: {tool} {} | relapse scan", path.display());
            return Err(io::Error::new(io::ErrorKind::InvalidData, advice));
        }
    }
    let packing = Packing::of(&start);
    let mut bytes: Box<dyn Read + Send> = Box::new(io::Cursor::new(start).chain(file));
    if let Some(packing) = packing {
        bytes = unpack(packing, bytes)?;
    }
    let length = if packing.is_none() { Some(meta.len()) } else { None };
    Ok((
        Input { name: Arc::from(path.to_string_lossy()), bytes, undated: written.unwrap_or(now), counted: None },
        length,
    ))
}

/// What unpacks a file that begins like this, and that is not unpacked here.
fn decompressor(start: &[u8]) -> Option<&'static str> {
    match start {
        [b'B', b'Z', b'h', b'1'..=b'9'] => Some("bzcat"),
        [0xfd, b'7', b'z', b'X'] => Some("xzcat"),
        _ => None,
    }
}
