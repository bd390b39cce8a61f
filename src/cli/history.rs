//! What a record gets when everything before it in its file counts, too: which releases, instances and deployments were heard of.
//! Receives a file and the line of a record, gives the judged matches of that record, as `scan` gives them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use crate::app::clock;
use crate::app::offline::Finding;
use crate::app::offline::Offline;
use crate::app::offline::Outcome;
use crate::app::scan;
use crate::app::scan::Listener;
use crate::app::scan::Span;
use crate::cli::open;
use crate::matcher::Matcher;
use crate::matcher::scanner::ScannerConfig;

/// The findings of the record that begins at `line` of the file.
pub(super) fn findings_at(
    (path, line): (&Path, u64),
    matcher: &Arc<Matcher>,
    config: &ScannerConfig,
    mut judge: Offline,
) -> anyhow::Result<Vec<Finding>> {
    let opened = open::open_all(&[path.to_owned()], clock::now())?;
    let mut kept = Kept { line, findings: Vec::new() };
    scan::scan(opened.inputs, matcher, config, (&mut judge, Span::default()), &mut kept)
        .with_context(|| format!("failed to judge {}", path.display()))?;
    Ok(kept.findings)
}

struct Kept {
    line: u64,
    findings: Vec<Finding>,
}

impl Listener for Kept {
    fn read(&mut self, _: u64) {}

    fn judged(&mut self, outcome: Outcome) -> io::Result<()> {
        let here = |finding: &Finding| finding.found.record.origin.line == self.line;
        self.findings.extend(outcome.findings.into_iter().filter(here));
        Ok(())
    }

    fn waits(&mut self) -> io::Result<()> {
        Ok(())
    }
}
