//! Runs the tests a catalog carries: the whole way of a record, from bytes to verdict, for every sample.

use std::sync::Arc;

use jiff::Timestamp;

use crate::app::offline::Finding;
use crate::app::offline::Offline;
use crate::catalog::signature::Catalog;
use crate::catalog::signature::Expectation;
use crate::catalog::signature::Signature;
use crate::catalog::signature::TestCase;
use crate::decode::DecodeConfig;
use crate::incident::config::IncidentConfig;
use crate::matcher::Matcher;
use crate::matcher::scanner::ScannerConfig;
use crate::matcher::streams::FileScanner;
use crate::model::record::Resource;

/// One test and how it went.
#[derive(Debug)]
pub struct Proof {
    /// Whose test.
    pub signature: Arc<Signature>,
    /// Index into its tests.
    pub test: usize,
    /// What went wrong; `None` = passed.
    pub failure: Option<String>,
    /// Other signatures that match the sample too and are not declared as related.
    pub also: Vec<Arc<str>>,
}

impl Proof {
    /// The test.
    pub fn case(&self) -> Option<&TestCase> {
        self.signature.tests.get(self.test)
    }
}

/// Runs every test of every signature. `now` is what records without a time are judged at: pass a moment after every fix.
pub fn run(catalog: &Catalog, judging: &IncidentConfig, now: Timestamp) -> Vec<Proof> {
    let matcher = Arc::new(Matcher::new(catalog));
    let tests = catalog
        .signatures
        .iter()
        .flat_map(|signature| signature.tests.iter().enumerate().map(move |test| (signature, test)));
    tests
        .map(|(signature, (index, case))| {
            let findings = judge((catalog, &matcher), case, judging, now);
            let (own, others): (Vec<_>, Vec<_>) =
                findings.iter().partition(|finding| finding.key.signature == signature.id);
            let mut also: Vec<Arc<str>> = others.iter().map(|finding| finding.key.signature.clone()).collect();
            also.sort();
            also.dedup();
            also.retain(|other| !own.is_empty() && !known_together(signature, catalog.get(other)));
            Proof { signature: signature.clone(), test: index, failure: failure(&case.expect, &own), also }
        })
        .collect()
}

fn judge(
    (catalog, matcher): (&Catalog, &Arc<Matcher>),
    case: &TestCase,
    judging: &IncidentConfig,
    now: Timestamp,
) -> Vec<Finding> {
    let config = ScannerConfig {
        decode: DecodeConfig { defaults: resource(&case.resource), ..DecodeConfig::default() },
        ..ScannerConfig::default()
    };
    let mut scanner = FileScanner::new(Arc::clone(matcher), config, Arc::from(case.name.as_str()), 0, 1);
    let mut observations = Vec::new();
    scanner.push(case.input.as_bytes(), &mut observations);
    scanner.finish(&mut observations);
    let mut judge = Offline::new(catalog, judging.clone(), Timestamp::MAX);
    let mut findings: Vec<_> =
        observations.iter().flat_map(|observation| judge.observe(observation, now).findings).collect();
    findings.extend(judge.finish().findings);
    findings
}

/// A test's `resource:` map as the resource of its records.
fn resource(attributes: &[(String, String)]) -> Resource {
    let mut resource = Resource::default();
    for (name, value) in attributes {
        let value = value.clone();
        match name.as_str() {
            "service.name" => resource.service = Some(value),
            "service.version" => resource.release = Some(value),
            "vcs.ref.head.revision" => resource.commit = Some(value),
            "service.instance.id" => resource.instance = Some(value),
            "deployment.environment.name" | "deployment.environment" => resource.environment = Some(value),
            "process.creation.time" => resource.process_start = value.parse().ok(),
            _ => resource.attributes.push(name, value),
        }
    }
    resource
}

fn failure(expect: &Expectation, found: &[&Finding]) -> Option<String> {
    let Some(verdict) = expect.verdict else {
        let first = found.first()?;
        return Some(format!("must not match, but line {} does", first.found.matched_line));
    };
    let count = found.len();
    match expect.count {
        Some(0) if count == 0 => {}
        _ if count == 0 => {
            return Some("expected a match, got none; `relapse explain` shows which selection fails".to_owned());
        }
        Some(wanted) if wanted != count => return Some(format!("expected {wanted} of it, got {count}")),
        _ => {}
    }
    let verdict = verdict?;
    let other = found.iter().find(|finding| finding.judgement.verdict != verdict)?;
    let got = &other.judgement;
    Some(format!("expected verdict {verdict}, got {} by {} ({})", got.verdict, got.basis, got.why))
}

/// Related signatures and those of one family are meant to match together.
fn known_together(signature: &Signature, other: Option<&Arc<Signature>>) -> bool {
    let Some(other) = other else { return false };
    let names = |one: &Signature, two: &Signature| one.related.iter().any(|related| related.id == *two.id);
    names(signature, other)
        || names(other, signature)
        || (signature.family.is_some() && signature.family == other.family)
}
