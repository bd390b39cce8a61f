//! `relapse manifest`: asks git which releases contain which fix, for services whose release names say nothing about it. Written in CI,
//! where the history is; read by `run`, `scan` and `replay` through `--manifest`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;

use crate::catalog::signature::Catalog;
use crate::cli::Exit;
use crate::cli::inputs;
use crate::cli::inputs::CatalogArgs;
use crate::incident::manifest::Manifest;
use crate::incident::manifest::Manifests;
use crate::incident::manifest::SCHEMA;

pub(super) const AFTER_HELP: &str = "\
Examples:
  relapse manifest --catalog signatures --tags 'v*' --strip v --output manifest.json
  relapse manifest --service api blue=9c1f33a green=HEAD

In CI fetch the whole history (actions/checkout: `fetch-depth: 0`): a shallow clone cannot answer.";

/// Arguments of `relapse manifest`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Releases and what they were built from, besides the tags
    #[arg(value_name = "RELEASE=REVISION", value_parser = release)]
    releases: Vec<(String, String)>,
    /// The tags that are releases [default: all, if no release is named]
    #[arg(long, value_name = "PATTERN")]
    tags: Option<String>,
    /// Taken off the front of a tag to get the `service.version`
    #[arg(long, value_name = "PREFIX", default_value = "")]
    strip: String,
    /// The service these are the releases of; without it they count for every service
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The git repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    repository: PathBuf,
    /// Where to write it; without it to standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    catalog: CatalogArgs,
}

/// Which manifests a judge knows.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ManifestArgs {
    /// Which release contains which fix, as `relapse manifest` writes it
    #[arg(long, value_name = "FILE", env = "RELAPSE_MANIFEST", hide_env_values = true, value_delimiter = ',')]
    manifest: Vec<PathBuf>,
}

impl ManifestArgs {
    /// Reads the manifests given, or else those of the configuration.
    pub(super) fn read_or(&self, configured: &[PathBuf]) -> anyhow::Result<Manifests> {
        let paths = if self.manifest.is_empty() { configured } else { &self.manifest };
        let read = |path: &PathBuf| {
            let text = fs::read_to_string(path).with_context(|| format!("failed to read {}", path.display()))?;
            Manifest::from_json(&text).with_context(|| format!("failed to use {}", path.display()))
        };
        Ok(paths.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?.into())
    }
}

fn release(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((release, revision)) if !release.is_empty() && !revision.is_empty() && !revision.starts_with('-') => {
            Ok((release.to_owned(), revision.to_owned()))
        }
        _ => Err("write it as RELEASE=REVISION, blue=9c1f33a"),
    }
}

/// Why git cannot be asked.
#[derive(Debug, thiserror::Error)]
enum GitError {
    #[error("failed to run git: {0}; it must be installed")]
    Run(#[from] io::Error),
    #[error("git {command} failed: {message}")]
    Failed { command: String, message: String },
    #[error(
        "the clone is shallow, so git cannot tell what a release contains; fetch the whole history (`git fetch --unshallow`)"
    )]
    Shallow,
}

/// Asks and writes.
pub(super) fn run(args: &Args) -> anyhow::Result<Exit> {
    let loaded = inputs::load_paths(&args.catalog.catalog);
    if let Some(exit) = inputs::report(&loaded)? {
        return Ok(exit);
    }
    let git = Git { dir: &args.repository };
    if git.ask(&["rev-parse", "--is-shallow-repository"])?.trim() == "true" {
        return Err(GitError::Shallow.into());
    }
    let revisions = revisions(args, &git)?;
    if revisions.is_empty() {
        writeln!(anstream::stderr(), "error: there is no release: no tag matches; name some as RELEASE=REVISION")?;
        return Ok(Exit::Usage);
    }
    let mut manifest = Manifest { schema: SCHEMA.to_owned(), service: args.service.clone(), ..Manifest::default() };
    for (id, named) in fixes(&loaded.catalog, args.service.as_deref()) {
        let Some(commit) = git.commit(&named)? else {
            writeln!(anstream::stderr(), "warning: {id}: its fix {named} is no commit of this repository; left out")?;
            continue;
        };
        let copies = git.copies(&commit)?;
        let mut holders = BTreeSet::new();
        for (release, revision) in &revisions {
            if git.holds(revision, &commit, &copies)? {
                holders.insert(release.clone());
            }
        }
        manifest.contains.insert(commit, holders);
    }
    for release in revisions.keys() {
        let held = manifest.contains.iter().filter(|(_, holders)| holders.contains(release));
        let held = held.map(|(commit, _)| commit.clone()).collect();
        manifest.releases.insert(release.clone(), held);
    }
    manifest.revisions = revisions;
    write(&manifest, args.output.as_deref())?;
    Ok(Exit::Ok)
}

fn write(manifest: &Manifest, output: Option<&Path>) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(manifest)?;
    text.push('\n');
    match output {
        Some(path) => fs::write(path, text).with_context(|| format!("failed to write {}", path.display()))?,
        None => anstream::stdout().lock().write_all(text.as_bytes())?,
    }
    Ok(())
}

/// Release → the commit it was built from.
fn revisions(args: &Args, git: &Git<'_>) -> Result<BTreeMap<String, String>, GitError> {
    let mut revisions = BTreeMap::new();
    if args.tags.is_some() || args.releases.is_empty() {
        let pattern = format!("refs/tags/{}", args.tags.as_deref().unwrap_or("*"));
        // Annotated tags name their commit in the third field.
        let format = "--format=%(refname:strip=2)%09%(objectname)%09%(*objectname)";
        for line in git.ask(&["for-each-ref", format, &pattern])?.lines() {
            let mut fields = line.split('\t');
            let (Some(tag), Some(object)) = (fields.next(), fields.next()) else { continue };
            let commit = fields.next().filter(|peeled| !peeled.is_empty()).unwrap_or(object);
            let release = tag.strip_prefix(args.strip.as_str()).unwrap_or(tag);
            revisions.insert(release.to_owned(), commit.to_owned());
        }
    }
    for (release, revision) in &args.releases {
        let commit = git.ask(&["rev-parse", "--verify", &format!("{revision}^{{commit}}")])?;
        revisions.insert(release.clone(), commit.trim().to_owned());
    }
    Ok(revisions)
}

/// The commits of the fixes that may matter to `service`, with a signature that names each.
fn fixes(catalog: &Catalog, service: Option<&str>) -> Vec<(String, String)> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for signature in &catalog.signatures {
        let fixes = signature.fixes.iter();
        let meant = |services: &[String]| {
            services.is_empty() || service.is_none_or(|service| services.iter().any(|one| one == service))
        };
        for commit in fixes.filter(|fix| meant(&fix.services)).filter_map(|fix| fix.commit.as_ref()) {
            found.entry(commit.clone()).or_insert_with(|| signature.id.to_string());
        }
    }
    found.into_iter().map(|(commit, id)| (id, commit)).collect()
}

/// A git repository.
struct Git<'a> {
    dir: &'a Path,
}

impl Git<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.dir).args(arguments).env("LC_ALL", "C");
        command
    }

    /// What git prints.
    fn ask(&self, arguments: &[&str]) -> Result<String, GitError> {
        let output = self.command(arguments).output()?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(GitError::Failed { command: arguments.first().copied().unwrap_or_default().to_owned(), message })
    }

    /// The whole id of a commit; `None` if this repository has none of that name.
    fn commit(&self, name: &str) -> Result<Option<String>, GitError> {
        if !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let output = self.command(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]).output()?;
        Ok(output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned()))
    }

    /// Commits that were picked from this one (`git cherry-pick -x` says so in the message): a fix that was ported back.
    fn copies(&self, commit: &str) -> Result<Vec<String>, GitError> {
        let said = format!("--grep=cherry picked from commit {commit}");
        Ok(self.ask(&["log", "--all", "--fixed-strings", &said, "--format=%H"])?.lines().map(str::to_owned).collect())
    }

    /// Whether `revision` contains the commit or a copy of it.
    fn holds(&self, revision: &str, commit: &str, copies: &[String]) -> Result<bool, GitError> {
        for ancestor in std::iter::once(commit).chain(copies.iter().map(String::as_str)) {
            let output = self.command(&["merge-base", "--is-ancestor", ancestor, revision]).output()?;
            match output.status.code() {
                Some(0) => return Ok(true),
                Some(1) => {}
                _ => {
                    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
                    return Err(GitError::Failed { command: "merge-base".to_owned(), message });
                }
            }
        }
        Ok(false)
    }
}
