//! Release order: which of two releases is newer, under the rules of their service. Incomparable is a value, never a guess.

use std::cmp::Ordering;

use crate::incident::config::Build;
use crate::incident::manifest::Manifests;
use crate::incident::scheme::ReleasePattern;
use crate::incident::scheme::Scheme;
use crate::incident::version::Shape;
use crate::incident::version::Version;

pub use crate::incident::version::same_commit;

/// Why two releases have no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoOrder {
    /// The first one (the event's) does not parse in the scheme.
    Unparsed,
    /// Both may be fine, and still there is no order between them.
    Incomparable,
}

/// A release order the reader can follow: the result and the scheme that gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Compared {
    /// Event's release against the other one.
    pub ordering: Ordering,
    /// `semver`, `dotted`, `calver`, `ordinal`, or `name` where both are the same.
    pub scheme: &'static str,
}

/// How the releases of one service are read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) service: &'a str,
    pub(crate) scheme: &'a Scheme,
    pub(crate) build: Build,
    /// Releases of different channels have no order.
    pub(crate) channel: Option<&'a ReleasePattern>,
    /// The order of first sight counts.
    pub(crate) first_seen: bool,
    pub(crate) manifests: &'a Manifests,
}

impl Rules<'_> {
    /// Compares `release` with `other`. `commits_live`: some release here is named by its commit, so a bare number may be one.
    pub(crate) fn compare(&self, release: &str, other: &str, commits_live: bool) -> Result<Compared, NoOrder> {
        if release == other {
            // The same name is the same release, whatever it looks like (a commit, a revision name).
            return Ok(Compared { ordering: Ordering::Equal, scheme: "name" });
        }
        if let Some(channel) = self.channel
            && channel.part_of(release) != channel.part_of(other)
        {
            return Err(NoOrder::Incomparable);
        }
        match self.scheme {
            Scheme::Semver => self.compare_as(Shape::Semver, release, other),
            Scheme::Dotted => self.compare_as(Shape::Dotted, release, other),
            Scheme::Calver => self.compare_as(Shape::Calver, release, other),
            Scheme::Ordinal(None) => self.compare_as(Shape::Ordinal, release, other),
            Scheme::Ordinal(Some(pattern)) => {
                let read = |text| pattern.part_of(text).and_then(Version::counted);
                self.compare_read(Shape::Ordinal, read(release), read(other))
            }
            // Names say nothing: a manifest, declared deployments or the order of first sight do.
            Scheme::Commit | Scheme::Deploy => Err(NoOrder::Incomparable),
            Scheme::Auto => self.compare_auto(release, other, commits_live),
        }
    }

    fn compare_auto(&self, release: &str, other: &str, commits_live: bool) -> Result<Compared, NoOrder> {
        let mut readable = false;
        for shape in [Shape::Semver, Shape::Dotted, Shape::Calver, Shape::Ordinal] {
            let doubtful = shape == Shape::Ordinal || shape == Shape::Calver;
            if doubtful && commits_live && (Version::may_be_commit(release) || Version::may_be_commit(other)) {
                readable = true;
                continue;
            }
            match self.compare_as(shape, release, other) {
                Ok(compared) => return Ok(compared),
                Err(NoOrder::Incomparable) => readable = true,
                Err(NoOrder::Unparsed) => {}
            }
        }
        Err(if readable { NoOrder::Incomparable } else { NoOrder::Unparsed })
    }

    fn compare_as(&self, shape: Shape, release: &str, other: &str) -> Result<Compared, NoOrder> {
        self.compare_read(shape, shape.parse(release), shape.parse(other))
    }

    fn compare_read(
        &self,
        shape: Shape,
        ours: Option<Version<'_>>,
        theirs: Option<Version<'_>>,
    ) -> Result<Compared, NoOrder> {
        let ours = ours.ok_or(NoOrder::Unparsed)?;
        let theirs = theirs.ok_or(NoOrder::Incomparable)?;
        let ordering = ours.compare(&theirs, self.build == Build::Ordered).ok_or(NoOrder::Incomparable)?;
        Ok(Compared { ordering, scheme: shape.as_str() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(scheme: &Scheme, release: &str, other: &str) -> Result<Ordering, NoOrder> {
        compare_with(scheme, Build::Ordered, None, (release, other))
    }

    fn compare_with(
        scheme: &Scheme,
        build: Build,
        channel: Option<&str>,
        (release, other): (&str, &str),
    ) -> Result<Ordering, NoOrder> {
        let channel = channel.map(|pattern| ReleasePattern::try_from(pattern.to_owned()).unwrap());
        let manifests = Manifests::default();
        let rules = Rules {
            service: "api",
            scheme,
            build,
            channel: channel.as_ref(),
            first_seen: false,
            manifests: &manifests,
        };
        rules.compare(release, other, false).map(|compared| compared.ordering)
    }

    #[test]
    fn a_bare_number_may_be_a_commit_where_commits_are_live() {
        let manifests = Manifests::default();
        let (scheme, build) = (&Scheme::Auto, Build::Ordered);
        let rules = Rules { service: "api", scheme, build, channel: None, first_seen: false, manifests: &manifests };
        let pairs = [("1234567", "1234568"), ("734", "1234568"), ("1234567", "734"), ("20250908", "20250909")];
        for (older, newer) in pairs {
            assert_eq!(rules.compare(older, newer, true), Err(NoOrder::Incomparable), "{older} {newer}");
            assert!(
                rules.compare(older, newer, false).is_ok_and(|compared| compared.ordering.is_ne()),
                "{older} {newer}"
            );
        }
        for (older, newer) in [("733", "734"), ("1.2.3", "1.2.4"), ("2025.09.08", "2025.09.09")] {
            assert!(rules.compare(older, newer, true).is_ok(), "{older} {newer}");
        }
    }

    #[test]
    fn releases_in_the_wild_are_ordered() {
        let ascending = [
            ["1.0.0-rc.9", "1.0.0-rc.10"],
            ["app@1.0.0-rc9", "app@1.0.0-rc10"],
            ["v0.44.8", "v0.44.12"],
            ["2025.09.08", "2025.9.10"],
            ["2025-09-08", "2025-09-10"],
            ["api-2025-09-30", "api-2025-10-01"],
            ["20250908", "20250910"],
            ["2025-09-08-05acb20be", "2025-09-10-15acb20be"],
            ["3.25.47.21", "3.25.47.22"],
            ["1.42.0-rc.1", "1.42.0"],
            ["1.9", "1.10"],
            ["1.0.0", "1.0.0+build.1"],
            ["1.0.0+build.9", "1.0.0+build.10"],
            ["1.0.0-1", "1.0.0-alpha"],
            ["1.0.0-alpha", "1.0.0-alpha.1"],
            ["733", "1733"],
            ["netra-backend-staging-00733-abc", "netra-backend-staging-00734-fvm"],
            ["v1.2", "1.2.1"],
            ["cart@1.2.0", "1.2.1"],
            ["1.2.0", "cart@1.2.1"],
        ];
        for [older, newer] in ascending {
            assert_eq!(compare(&Scheme::Auto, older, newer), Ok(Ordering::Less), "{older} < {newer}");
            assert_eq!(compare(&Scheme::Auto, newer, older), Ok(Ordering::Greater), "{newer} > {older}");
        }
        assert_eq!(compare(&Scheme::Auto, "v1.2", "1.2.0"), Ok(Ordering::Equal));
        assert_eq!(compare(&Scheme::Auto, "05acb20be", "05acb20be"), Ok(Ordering::Equal));
    }

    #[test]
    fn what_has_no_order_says_why() {
        let auto = |release, other| compare(&Scheme::Auto, release, other);
        assert_eq!(auto("05acb20be", "1.42.0"), Err(NoOrder::Unparsed));
        assert_eq!(auto("1.42.0", "05acb20be"), Err(NoOrder::Incomparable));
        assert_eq!(auto("app@1.0.0", "lib@1.0.1"), Err(NoOrder::Incomparable));
        assert_eq!(auto("web-00012-abc", "api-00013-abc"), Err(NoOrder::Incomparable));
        assert_eq!(auto("99999999999999999999.1", "1.0"), Err(NoOrder::Unparsed));
        assert_eq!(auto("latest", "1.0"), Err(NoOrder::Unparsed));
        assert_eq!(auto("2025-09-08-05acb20be", "2025-09-08-15acb20be"), Err(NoOrder::Incomparable));
        assert_eq!(compare(&Scheme::Semver, "2025.09", "1.0.0"), Err(NoOrder::Unparsed));
        assert_eq!(compare(&Scheme::Dotted, "1.0", "734"), Err(NoOrder::Incomparable));
        assert_eq!(compare(&Scheme::Commit, "1.0.0", "2.0.0"), Err(NoOrder::Incomparable));
        assert_eq!(compare(&Scheme::Deploy, "1.0.0", "2.0.0"), Err(NoOrder::Incomparable));
    }

    #[test]
    fn rules_of_a_service_change_the_order() {
        let build = |build| compare_with(&Scheme::Auto, build, None, ("1.0.0+7", "1.0.0+8"));
        assert_eq!(build(Build::Ordered), Ok(Ordering::Less));
        assert_eq!(build(Build::Ignored), Ok(Ordering::Equal));
        let channel = Some("-(nightly|beta)");
        let parted = |pair| compare_with(&Scheme::Auto, Build::Ordered, channel, pair);
        assert_eq!(parted(("1.1.0-nightly", "1.0.0")), Err(NoOrder::Incomparable));
        assert_eq!(parted(("1.1.0-nightly", "1.0.0-nightly")), Ok(Ordering::Greater));
        assert_eq!(parted(("1.1.0", "1.0.0")), Ok(Ordering::Greater));
        let counter = Scheme::Ordinal(Some(ReleasePattern::try_from("build(\\d+)".to_owned()).unwrap()));
        assert_eq!(compare(&counter, "web-build9-x", "web-build10-y"), Ok(Ordering::Less));
        assert_eq!(compare(&counter, "web", "web-build10-y"), Err(NoOrder::Unparsed));
    }

    /// Four of a hundred abbreviated commits are all digits.
    #[test]
    fn a_number_among_commits_is_a_commit() {
        let manifests = Manifests::default();
        let rules = Rules {
            service: "api",
            scheme: &Scheme::Auto,
            build: Build::Ordered,
            channel: None,
            first_seen: false,
            manifests: &manifests,
        };
        assert_eq!(rules.compare("1234567", "2345678", true), Err(NoOrder::Incomparable));
        assert!(rules.compare("1234567", "2345678", false).is_ok());
        assert!(rules.compare("734", "735", true).is_ok(), "too short for a commit");
    }
}
