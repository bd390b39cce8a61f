//! Which release contains which fix, as git knows it: a file that `relapse manifest` writes in CI. Receives its text, answers for a
//! commit and a release; reading the file is the caller's.
//!
//! ```json
//! { "schema": "relapse.manifest/v1", "service": "api",
//!   "releases": { "2.4.0": [], "2.5.0": ["05acb20be"] },
//!   "contains": { "05acb20be": ["2.5.0"] },
//!   "revisions": { "2.5.0": "9c1f…" } }
//! ```
//! `releases` lists what was looked for in each release, `contains` the same the other way round; one of them is enough. A commit
//! that is named anywhere was looked for in every release that is named anywhere: not listed means not contained.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use serde::Serialize;

use crate::incident::version::is_commit;
use crate::incident::version::same_commit;

/// The version of the format.
pub const SCHEMA: &str = "relapse.manifest/v1";

/// One manifest file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `relapse.manifest/v1`.
    pub schema: String,
    /// `service.name` it speaks for; absent = every service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Release → commits it contains, of those that were looked for.
    #[serde(default)]
    pub releases: BTreeMap<String, BTreeSet<String>>,
    /// Commit → releases that contain it.
    #[serde(default)]
    pub contains: BTreeMap<String, BTreeSet<String>>,
    /// Release → the commit it was built from, for records that carry only that.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub revisions: BTreeMap<String, String>,
}

/// Why a text is no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It is no JSON, or has other fields.
    #[error("it is no manifest: {0}; write it with `relapse manifest`")]
    Parse(#[from] serde_json::Error),
    /// Another version.
    #[error("its schema is `{0}`, not `{SCHEMA}`; write it anew with this version's `relapse manifest`")]
    Schema(String),
    /// A commit that cannot be told from another.
    #[error("`{0}` is no commit id; give seven hexadecimal digits or more")]
    Commit(String),
}

impl Manifest {
    /// Reads a manifest.
    pub fn from_json(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_str(text)?;
        if manifest.schema != SCHEMA {
            return Err(ManifestError::Schema(manifest.schema));
        }
        let mut commits = manifest.contains.keys().chain(manifest.releases.values().flatten());
        match commits.find(|commit| !is_commit(commit)) {
            Some(commit) => Err(ManifestError::Commit(commit.clone())),
            None => Ok(manifest),
        }
    }

    /// Whether `release` (a name, or the commit it was built from) contains `commit`; `None` where this manifest does not know.
    fn contains(&self, commit: &str, release: &str) -> Option<bool> {
        let built = is_commit(release).then(|| self.revisions.iter().find(|(_, built)| same_commit(built, release)));
        let built = built.flatten();
        let release = built.map_or(release, |(name, _)| name.as_str());
        let is_it = |other: &String| same_commit(commit, other);
        let listed = self.releases.get(release).is_some_and(|commits| commits.iter().any(is_it));
        let holders: Vec<_> =
            self.contains.iter().filter(|(other, _)| is_it(other)).map(|(_, holders)| holders).collect();
        if listed || holders.iter().any(|holders| holders.contains(release)) {
            return Some(true);
        }
        let looked_for = !holders.is_empty() || self.releases.values().flatten().any(is_it);
        let looked_at = self.releases.contains_key(release)
            || self.revisions.contains_key(release)
            || self.contains.values().any(|holders| holders.contains(release));
        (looked_for && looked_at).then_some(false)
    }
}

/// Every manifest that was read. Cheap to clone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifests(Arc<[Manifest]>);

impl From<Vec<Manifest>> for Manifests {
    fn from(manifests: Vec<Manifest>) -> Self {
        Self(manifests.into())
    }
}

impl Manifests {
    /// Whether `release` of `service` contains `commit`; `None` where no manifest knows. The first that knows answers.
    pub(crate) fn contains(&self, service: &str, commit: &str, release: &str) -> Option<bool> {
        self.of(service).find_map(|manifest| manifest.contains(commit, release))
    }

    /// Whether some manifest of `service` names `commit`.
    pub(crate) fn know(&self, service: &str, commit: &str) -> bool {
        let named = |manifest: &Manifest| {
            let mut commits = manifest.contains.keys().chain(manifest.releases.values().flatten());
            commits.any(|other| same_commit(commit, other))
        };
        self.of(service).any(named)
    }

    fn of(&self, service: &str) -> impl Iterator<Item = &Manifest> {
        self.0.iter().filter(move |manifest| manifest.service.as_deref().is_none_or(|name| name == service))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(text: &str) -> Manifests {
        vec![Manifest::from_json(text).unwrap()].into()
    }

    #[test]
    fn what_is_listed_is_contained_and_what_is_not_known_is_not_answered() {
        let by_release = r#"{"schema":"relapse.manifest/v1","service":"api",
            "releases":{"2.4.0":[],"2.5.0":["05acb20be7715"]},"revisions":{"2.4.0":"1111111aaa"}}"#;
        let by_fix = r#"{"schema":"relapse.manifest/v1",
            "contains":{"05acb20be7715":["2.5.0"],"deadbeef1":["2.4.0"],"abcdef012":[]}}"#;
        for manifest in [known(by_release), known(by_fix)] {
            assert_eq!(manifest.contains("api", "05acb20be", "2.5.0"), Some(true));
            assert_eq!(manifest.contains("api", "05acb20be", "2.4.0"), Some(false));
            assert_eq!(manifest.contains("api", "05acb20be", "2.6.0"), None, "a release nobody looked at");
            assert_eq!(manifest.contains("api", "99999999", "2.5.0"), None, "a fix nobody looked for");
        }
        assert_eq!(known(by_release).contains("web", "05acb20be", "2.5.0"), None, "another service");
        assert_eq!(known(by_release).contains("api", "05acb20be", "1111111"), Some(false), "the build's own commit");
        assert_eq!(known(by_fix).contains("api", "abcdef012", "2.5.0"), Some(false), "in no release yet");
    }

    #[test]
    fn a_bad_manifest_says_what_to_do() {
        let error = |text: &str| Manifest::from_json(text).unwrap_err().to_string();
        assert!(error("[]").starts_with("it is no manifest"), "{}", error("[]"));
        assert!(error(r#"{"schema":"relapse.manifest/v2"}"#).contains("relapse.manifest/v2"));
        assert!(error(r#"{"schema":"relapse.manifest/v1","contains":{"main":[]}}"#).contains("`main` is no commit id"));
        assert!(error(r#"{"schema":"relapse.manifest/v1","holds":{}}"#).contains("unknown field"));
    }
}
