//! The records of files, one after the other, as matching sees them: for `scan --show-records` and for tests.

use std::io;
use std::io::Read;
use std::sync::Arc;

use crate::app::scan::Input;
use crate::app::scan::ReadError;
use crate::catalog::signature::Catalog;
use crate::matcher::Matcher;
use crate::matcher::Observation;
use crate::matcher::scanner::ScannerConfig;
use crate::matcher::streams::FileScanner;
use crate::model::record::Record;

/// Bytes read at a time.
const BLOCK: usize = 256 * 1024;

/// Tells every record of every input, matched or not, in the order of the files; blank lines before the first are none. Gives the files that could not be read to their end.
pub fn each(
    inputs: Vec<Input>,
    config: &ScannerConfig,
    tell: &mut dyn FnMut(&Record) -> io::Result<()>,
) -> io::Result<Vec<ReadError>> {
    let matcher = Arc::new(Matcher::new(&Catalog::default()));
    let mut failed = Vec::new();
    let mut block = vec![0; BLOCK];
    for mut input in inputs {
        let mut config = ScannerConfig { every_record: true, release_watch: false, ..config.clone() };
        config.decode.written = Some(input.undated);
        let mut scanner = FileScanner::new(Arc::clone(&matcher), config, Arc::clone(&input.name), 0, 1);
        let mut found = Vec::new();
        loop {
            match input.bytes.read(&mut block) {
                Ok(0) => break,
                Ok(read) => scanner.push(block.get(..read).unwrap_or_default(), &mut found),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    failed.push(ReadError { file: Arc::clone(&input.name), source });
                    break;
                }
            }
            drain(&mut found, tell)?;
        }
        scanner.finish(&mut found);
        drain(&mut found, tell)?;
    }
    Ok(failed)
}

fn drain(found: &mut Vec<Observation>, tell: &mut dyn FnMut(&Record) -> io::Result<()>) -> io::Result<()> {
    let said = |record: &Record| {
        !record.body.trim().is_empty() || !record.exceptions.is_empty() || !record.attributes.0.is_empty()
    };
    found
        .drain(..)
        .filter(|observation| said(observation.record()))
        .try_for_each(|observation| tell(observation.record()))
}
