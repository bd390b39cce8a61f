//! `journalctl` as a subprocess: its lines, read ahead by a thread, and why it ended.

use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::process::Child;
use std::process::ChildStdout;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::sync_channel;

use crate::source::file::StartFrom;
use crate::source::journald::JournaldConfig;
use crate::source::journald::entry::FIELDS;

/// Lines read ahead.
const AHEAD: usize = 256;
/// A longer line is cut and then no entry: a core dump is no log.
const MAX_LINE: u64 = 8 << 20;
/// What is kept of its complaints.
const MAX_SAID: u64 = 4 << 10;

/// A running `journalctl`.
pub(super) struct Journalctl {
    child: Child,
    /// Entries, one a line; closed when it ends.
    pub(super) lines: Receiver<Vec<u8>>,
}

impl Journalctl {
    pub(super) fn start(config: &JournaldConfig, after: Option<&str>) -> io::Result<Self> {
        let mut command = Command::new("journalctl");
        command.args(["--follow", "--all", "--quiet", "--output=json", "--output-fields", FIELDS]);
        match (after, config.from) {
            (Some(cursor), _) => command.args(["--no-tail", "--after-cursor", cursor]),
            (None, StartFrom::Start) => command.arg("--no-tail"),
            (None, StartFrom::End) => command.arg("--lines=0"),
        };
        if let Some(directory) = &config.directory {
            command.arg("--directory").arg(directory);
        }
        command.args(config.units.iter().map(|unit| format!("--unit={unit}")));
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (sender, lines) = sync_channel(AHEAD);
        if let Some(output) = child.stdout.take() {
            // Not joined: it ends with the subprocess, whose output it reads.
            std::thread::Builder::new().name("journalctl".to_owned()).spawn(move || read(output, &sender))?;
        }
        Ok(Self { child, lines })
    }

    /// Ends it; says why it had ended if it had.
    pub(super) fn end(mut self) -> String {
        // It may have ended by itself; then both are errors of no interest.
        let _ = self.child.kill();
        let status = self.child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
        let mut said = String::new();
        if let Some(stderr) = self.child.stderr.take() {
            let _ = stderr.take(MAX_SAID).read_to_string(&mut said);
        }
        let said = said.trim();
        if said.is_empty() { format!("journalctl has ended ({status})") } else { format!("journalctl: {said}") }
    }
}

/// The latest entry; nothing when there is none. The inner error is what `journalctl` says.
pub(super) fn latest(config: &JournaldConfig) -> io::Result<Result<Vec<u8>, String>> {
    let mut command = Command::new("journalctl");
    command.args(["--quiet", "--output=json", "--output-fields", FIELDS, "--lines=1"]);
    if let Some(directory) = &config.directory {
        command.arg("--directory").arg(directory);
    }
    command.args(config.units.iter().map(|unit| format!("--unit={unit}")));
    let output = command.stdin(Stdio::null()).output()?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok(if output.status.success() && said.is_empty() { Ok(output.stdout) } else { Err(said) })
}

fn read(output: ChildStdout, sender: &SyncSender<Vec<u8>>) {
    let mut output = BufReader::new(output);
    loop {
        let mut line = Vec::new();
        match output.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) if sender.send(line).is_err() => return,
            Ok(_) => {}
        }
    }
}
