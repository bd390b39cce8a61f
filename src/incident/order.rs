//! Release order: which of two releases is newer, under an explicit scheme. Incomparable is a value, never a guess.
//!
//! Receives release names as services write them (`v1.2.3`, `app@1.0.0-rc9`, `2025.09.08`, `netra-backend-staging-00734-fvm`).

use std::cmp::Ordering;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the releases of a service are ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scheme {
    /// The narrowest scheme that reads both releases: semver, then dotted, then ordinal.
    #[default]
    Auto,
    /// `MAJOR.MINOR.PATCH[-pre][+build]`; `v` and `package@` in front are taken off.
    Semver,
    /// Any number of numeric parts, zero padding allowed (calendar versions too).
    Dotted,
    /// One integer that only grows: a build number, or Cloud Run's revision counter `-00734-`.
    Ordinal,
}

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
    /// `semver`, `dotted` or `ordinal`.
    pub scheme: &'static str,
}

impl Scheme {
    /// Compares `release` with `other` under this scheme.
    pub fn compare(&self, release: &str, other: &str) -> Result<Compared, NoOrder> {
        if release == other {
            // The same name is the same release, whatever it looks like (a commit, a revision name).
            return Ok(Compared { ordering: Ordering::Equal, scheme: "name" });
        }
        match self {
            Self::Semver => compare_as(Shape::Semver, release, other),
            Self::Dotted => compare_as(Shape::Dotted, release, other),
            Self::Ordinal => compare_as(Shape::Ordinal, release, other),
            Self::Auto => {
                let mut readable = false;
                for shape in [Shape::Semver, Shape::Dotted, Shape::Ordinal] {
                    match compare_as(shape, release, other) {
                        Ok(compared) => return Ok(compared),
                        Err(NoOrder::Incomparable) => readable = true,
                        Err(NoOrder::Unparsed) => {}
                    }
                }
                Err(if readable { NoOrder::Incomparable } else { NoOrder::Unparsed })
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Semver,
    Dotted,
    Ordinal,
}

impl Shape {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Semver => "semver",
            Self::Dotted => "dotted",
            Self::Ordinal => "ordinal",
        }
    }

    fn parse(self, release: &str) -> Option<Version<'_>> {
        match self {
            Self::Semver => Version::dotted(release).filter(|version| version.numbers.len() == 3),
            Self::Dotted => Version::dotted(release).filter(|version| version.numbers.len() >= 2),
            Self::Ordinal => Version::ordinal(release),
        }
    }
}

fn compare_as(shape: Shape, release: &str, other: &str) -> Result<Compared, NoOrder> {
    let ours = shape.parse(release).ok_or(NoOrder::Unparsed)?;
    let theirs = shape.parse(other).ok_or(NoOrder::Incomparable)?;
    // Sentry's `package@version` names what the bare version of a fix leaves unsaid; two packages have no order.
    let unsaid = shape != Shape::Ordinal && (ours.family.is_empty() || theirs.family.is_empty());
    if ours.family != theirs.family && !unsaid {
        return Err(NoOrder::Incomparable);
    }
    Ok(Compared { ordering: ours.cmp_within_family(&theirs), scheme: shape.as_str() })
}

/// A release name taken apart. `family` is what must be equal for an order to exist: the package of `pkg@1.2.3`, the service
/// name in front of a Cloud Run counter.
#[derive(Debug, PartialEq, Eq)]
struct Version<'a> {
    family: &'a str,
    numbers: Vec<u64>,
    pre: Option<&'a str>,
    build: Option<&'a str>,
}

impl<'a> Version<'a> {
    fn dotted(release: &'a str) -> Option<Self> {
        let (family, rest) = release.rsplit_once('@').unwrap_or(("", release));
        let rest = rest.strip_prefix(['v', 'V']).unwrap_or(rest);
        let (rest, build) = split_off(rest, '+');
        let (core, pre) = split_off(rest, '-');
        let numbers = core.split('.').map(number).collect::<Option<Vec<_>>>()?;
        (pre != Some("") && build != Some("")).then_some(Self { family, numbers, pre, build })
    }

    fn ordinal(release: &'a str) -> Option<Self> {
        if let Some(number) = number(release) {
            return Some(Self { family: "", numbers: vec![number], pre: None, build: None });
        }
        // Cloud Run: `<service>-<five digits>-<three letters>`.
        let (head, suffix) = release.rsplit_once('-')?;
        let (family, counter) = head.rsplit_once('-')?;
        let is_revision = counter.len() == 5 && suffix.len() == 3 && suffix.bytes().all(|b| b.is_ascii_alphanumeric());
        let counter = number(counter).filter(|_| is_revision)?;
        Some(Self { family, numbers: vec![counter], pre: None, build: None })
    }

    fn cmp_within_family(&self, other: &Self) -> Ordering {
        let parts = self.numbers.len().max(other.numbers.len());
        let padded = |numbers: &[u64], index: usize| numbers.get(index).copied().unwrap_or(0);
        (0..parts)
            .map(|index| padded(&self.numbers, index).cmp(&padded(&other.numbers, index)))
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
            // A pre-release comes before its release; build metadata after the bare version (semver.org leaves it unordered,
            // but a team that writes `+build.7` means it).
            .then_with(|| match (self.pre, other.pre) {
                (None, None) => Ordering::Equal,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(ours), Some(theirs)) => cmp_identifiers(ours, theirs),
            })
            .then_with(|| match (self.build, other.build) {
                (Some(ours), Some(theirs)) => cmp_identifiers(ours, theirs),
                (ours, theirs) => ours.is_some().cmp(&theirs.is_some()),
            })
    }
}

/// Dot-separated identifiers, each compared naturally: `rc9 < rc10`, numbers before words (semver.org, item 11).
fn cmp_identifiers(ours: &str, theirs: &str) -> Ordering {
    let (mut left, mut right) = (ours.split('.'), theirs.split('.'));
    loop {
        match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(a), Some(b)) => {
                let order = cmp_natural(a, b);
                if order.is_ne() {
                    return order;
                }
            }
        }
    }
}

fn cmp_natural(ours: &str, theirs: &str) -> Ordering {
    let (our_word, our_number) = split_number(ours);
    let (their_word, their_number) = split_number(theirs);
    match (our_word.is_empty(), their_word.is_empty()) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        _ => our_word.cmp(their_word).then(our_number.cmp(&their_number)).then_with(|| ours.cmp(theirs)),
    }
}

/// `rc10` → (`rc`, 10); digits at the end only.
fn split_number(identifier: &str) -> (&str, Option<u64>) {
    let word = identifier.trim_end_matches(|c: char| c.is_ascii_digit());
    (word, identifier.get(word.len()..).and_then(number))
}

fn split_off(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(head, tail)| (head, Some(tail)))
}

/// A plain decimal number; `+1`, an empty part and anything beyond 64 bits are none.
fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// Whether a commit id means the same commit as another (either may be abbreviated, seven digits at least).
pub fn same_commit(ours: &str, theirs: &str) -> bool {
    let (short, long) = if ours.len() <= theirs.len() { (ours, theirs) } else { (theirs, ours) };
    short.len() >= 7
        && short.bytes().all(|b| b.is_ascii_hexdigit())
        && long.get(..short.len()).is_some_and(|head| head.eq_ignore_ascii_case(short))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(release: &str, other: &str) -> Option<Ordering> {
        Scheme::Auto.compare(release, other).ok().map(|compared| compared.ordering)
    }

    #[test]
    fn releases_in_the_wild_are_ordered() {
        let ascending = [
            ["1.0.0-rc.9", "1.0.0-rc.10"],
            ["app@1.0.0-rc9", "app@1.0.0-rc10"],
            ["v0.44.8", "v0.44.12"],
            ["2025.09.08", "2025.9.10"],
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
            assert_eq!(order(older, newer), Some(Ordering::Less), "{older} < {newer}");
            assert_eq!(order(newer, older), Some(Ordering::Greater), "{newer} > {older}");
        }
        assert_eq!(order("v1.2", "1.2.0"), Some(Ordering::Equal));
        assert_eq!(order("05acb20be", "05acb20be"), Some(Ordering::Equal));
    }

    #[test]
    fn what_has_no_order_says_why() {
        assert_eq!(Scheme::Auto.compare("05acb20be", "1.42.0"), Err(NoOrder::Unparsed));
        assert_eq!(Scheme::Auto.compare("1.42.0", "05acb20be"), Err(NoOrder::Incomparable));
        assert_eq!(Scheme::Auto.compare("app@1.0.0", "lib@1.0.1"), Err(NoOrder::Incomparable));
        assert_eq!(Scheme::Auto.compare("web-00012-abc", "api-00013-abc"), Err(NoOrder::Incomparable));
        assert_eq!(Scheme::Semver.compare("2025.09", "1.0.0"), Err(NoOrder::Unparsed));
        assert_eq!(Scheme::Dotted.compare("1.0", "734"), Err(NoOrder::Incomparable));
        assert_eq!(Scheme::Auto.compare("99999999999999999999.1", "1.0"), Err(NoOrder::Unparsed));
        assert_eq!(Scheme::Auto.compare("latest", "1.0"), Err(NoOrder::Unparsed));
    }

    #[test]
    fn commits_compare_by_prefix() {
        assert!(same_commit("05acb20be", "05ACB20BE7715f0c0ffee"));
        assert!(!same_commit("05acb2", "05acb20be"), "six digits name too many commits");
        assert!(!same_commit("05acb20be", "15acb20be"));
        assert!(!same_commit("release", "release-1"));
    }
}
