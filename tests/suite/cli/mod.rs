//! The command line as people and scripts use it: the real binary, its texts, its exit codes, and the documents that describe it.

mod colors;
mod config;
mod connect;
mod docs;
mod exits;
mod inputs;
mod manifest;
mod readme;
mod texts;
mod verdicts;

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Output;

use tempfile::TempDir;

/// A signature that matches `it broke`, fixed long ago.
pub(crate) const SIGNATURE: &str = "\
schema: relapse/v1
id: it-broke
title: It broke
severity: high
fixes: [{ at: 2025-09-08T16:00:00Z }]
detection: { pattern: 'it broke (?P<what>\\w+)' }
tests:
  - { name: there, input: it broke again, expect: { count: 1 } }
  - { name: not there, input: it works, expect: { verdict: none } }
";
/// A log line that [`SIGNATURE`] calls a regression.
pub(crate) const BROKEN: &str = "2025-10-01 08:47:01,122 - app - ERROR - it broke again\n";

/// What a run of the binary gave.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }
}

pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The binary in a directory, without the settings of whoever runs the tests.
pub(crate) fn command(directory: &Path) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_relapse"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("RELAPSE_") || ["NO_COLOR", "COLUMNS", "CLICOLOR", "CLICOLOR_FORCE"].contains(&&*name) {
            command.env_remove(&*name);
        }
    }
    command.current_dir(directory);
    command
}

/// Runs it in the repository.
pub(crate) fn relapse(arguments: &[&str]) -> Said {
    command(&repository("")).args(arguments).output().unwrap().into()
}

/// A directory of its own with a catalog, a log that holds a regression and one that does not.
pub(crate) struct Desk(TempDir);

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self(TempDir::new().unwrap());
        desk.write("catalog.yaml", SIGNATURE);
        desk.write("broken.log", BROKEN);
        desk.write("calm.log", "2025-10-01 08:47:01,122 - app - INFO - it works\n");
        desk
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    pub(crate) fn command(&self) -> assert_cmd::Command {
        command(self.path())
    }

    pub(crate) fn relapse(&self, arguments: &[&str]) -> Said {
        self.command().args(arguments).output().unwrap().into()
    }
}
