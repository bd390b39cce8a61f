//! One look at the files that are meant: how many, how much, which cannot be read.

use crate::source::file::FileConfig;
use crate::source::file::StartFrom;
use crate::source::file::access;
use crate::source::file::discover::Discovery;
use crate::source::file::discover::is_compressed;

/// Files named one by one.
const MAX_NAMED: usize = 10;

/// What would be read, and why something cannot be.
pub fn look_at(config: &FileConfig) -> (Vec<String>, Vec<String>) {
    let scanned = match Discovery::new(&config.include, &config.exclude) {
        Ok(discovery) => discovery.scan(),
        Err(error) => return (Vec::new(), vec![error.to_string()]),
    };
    let (mut found, mut failures, mut bytes) = (Vec::new(), Vec::new(), 0);
    for path in scanned.paths.iter().filter(|path| !is_compressed(path)) {
        match access::open(path) {
            Ok((_, metadata)) => {
                bytes += metadata.len();
                found.push(format!("{} ({} bytes)", path.display(), metadata.len()));
            }
            Err(error) => failures.push(format!("{}: {error}", path.display())),
        }
    }
    failures.extend(scanned.problems.iter().map(|(path, error)| format!("{}: {error}", path.display())));
    let from = match config.from {
        StartFrom::Start => "its start",
        StartFrom::End => "its end",
    };
    let all = found.len();
    let mut lines = vec![format!("files: {all} ({bytes} bytes), each from its stored position, else from {from}")];
    found.truncate(MAX_NAMED);
    lines.append(&mut found);
    if all > MAX_NAMED {
        lines.push(format!("and {} more", all - MAX_NAMED));
    }
    lines.extend(scanned.waiting.iter().map(|pattern| format!("waiting for {pattern}")));
    (lines, failures)
}
