//! A release name taken apart: family, numbers, pre-release, build. Receives names as services write them (`v1.2.3`,
//! `app@1.0.0-rc9`, `2025-09-08`, `netra-backend-staging-00734-fvm`) and gives what can be compared, without allocating.

use std::cmp::Ordering;

/// More numeric parts than any scheme in use has.
const MAX_PARTS: usize = 8;
/// Hexadecimal words of this length and more are commits, not words with an order.
const COMMIT_LEN: usize = 7;

/// What a release is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Three numbers, `-pre`, `+build`.
    Semver,
    /// Two numbers or more.
    Dotted,
    /// Year and month first.
    Calver,
    /// One number.
    Ordinal,
}

impl Shape {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Semver => "semver",
            Self::Dotted => "dotted",
            Self::Calver => "calver",
            Self::Ordinal => "ordinal",
        }
    }

    /// `None` = the name is none of this shape.
    pub(crate) fn parse(self, release: &str) -> Option<Version<'_>> {
        match self {
            Self::Semver => Version::dotted(release).filter(|version| version.numbers.len == 3),
            Self::Dotted => Version::dotted(release).filter(|version| version.numbers.len >= 2),
            Self::Calver => Version::calver(release),
            Self::Ordinal => Version::ordinal(release),
        }
    }
}

/// A release name taken apart. `family` is what must be equal for an order to exist: the package of `pkg@1.2.3`, the service
/// name in front of a Cloud Run counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version<'a> {
    pub(crate) family: &'a str,
    numbers: Numbers,
    pre: Option<&'a str>,
    build: Option<&'a str>,
    /// A commit behind the numbers: it tells two releases apart and orders nothing.
    commit: Option<&'a str>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Numbers {
    parts: [u64; MAX_PARTS],
    len: usize,
}

impl Numbers {
    fn push(&mut self, value: u64) -> Option<()> {
        *self.parts.get_mut(self.len)? = value;
        self.len += 1;
        Some(())
    }

    /// The numbers in front of the first `-` or `+`, and where they end.
    fn dotted(text: &str) -> Option<(Self, usize)> {
        let (mut numbers, mut value) = (Self::default(), None::<u64>);
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b'0'..=b'9' => value = Some(value.unwrap_or(0).checked_mul(10)?.checked_add(u64::from(byte - b'0'))?),
                b'.' => numbers.push(value.take()?)?,
                b'-' | b'+' => {
                    numbers.push(value?)?;
                    return Some((numbers, at));
                }
                _ => return None,
            }
        }
        numbers.push(value?)?;
        Some((numbers, text.len()))
    }

    fn of(texts: impl Iterator<Item = Option<u64>>) -> Option<Self> {
        let mut numbers = Self::default();
        for value in texts {
            numbers.push(value?)?;
        }
        Some(numbers)
    }
}

impl<'a> Version<'a> {
    fn plain(family: &'a str, numbers: Numbers) -> Self {
        Self { family, numbers, pre: None, build: None, commit: None }
    }

    fn dotted(release: &'a str) -> Option<Self> {
        // Every occurrence comes by here: names are short, so bytes in a loop beat any searcher.
        let (family, rest) = match release.bytes().rposition(|byte| byte == b'@') {
            Some(at) => (release.get(..at)?, release.get(at + 1..)?),
            None => ("", release),
        };
        let rest = rest.strip_prefix(['v', 'V']).unwrap_or(rest);
        let (numbers, end) = Numbers::dotted(rest)?;
        let (rest, build) = split_off(rest.get(end..)?, '+');
        let pre = rest.strip_prefix('-');
        (pre != Some("") && build != Some("")).then_some(Self { pre, build, ..Self::plain(family, numbers) })
    }

    /// `2025.09.08`, `2025-09-08`, `20250908`, `25.04`, each with further numbers, a pre-release word or a commit behind it.
    fn calver(release: &'a str) -> Option<Self> {
        let digits = release.find(|c: char| c.is_ascii_digit())?;
        let (family, rest) = release.split_at_checked(digits)?;
        let family = family.strip_suffix(['v', 'V']).unwrap_or(family);
        let mut version = Self::plain(family, Numbers::default());
        let mut parts = rest.split(['.', '-', '_', '+']);
        let first = parts.next()?;
        let compact = first.len() == 8 && number(first).is_some();
        if compact {
            for part in [first.get(..4)?, first.get(4..6)?, first.get(6..)?] {
                version.numbers.push(number(part)?)?;
            }
        } else {
            version.numbers.push(number(first).filter(|_| matches!(first.len(), 2 | 4))?)?;
        }
        for part in parts {
            match number(part) {
                _ if version.pre.is_some() || version.commit.is_some() => return None,
                // Eight digits of a commit are not a number behind a date.
                Some(value) if part.len() < COMMIT_LEN => version.numbers.push(value)?,
                _ if is_commit(part) => version.commit = Some(part),
                None if !part.is_empty() => version.pre = Some(part),
                _ => return None,
            }
        }
        let [year, month, ..] = version.numbers.parts;
        let is_year = (1990..2200).contains(&year) || year < 100;
        (version.numbers.len >= 2 && is_year && (1..=12).contains(&month)).then_some(version)
    }

    fn ordinal(release: &'a str) -> Option<Self> {
        if let Some(number) = number(release) {
            return Some(Self::plain("", Numbers::of(std::iter::once(Some(number)))?));
        }
        // Cloud Run: `<service>-<five digits>-<three letters>`.
        let (head, suffix) = release.rsplit_once('-')?;
        let (family, counter) = head.rsplit_once('-')?;
        let is_revision = counter.len() == 5 && suffix.len() == 3 && suffix.bytes().all(|b| b.is_ascii_alphanumeric());
        let counter = number(counter).filter(|_| is_revision)?;
        Some(Self::plain(family, Numbers::of(std::iter::once(Some(counter)))?))
    }

    /// The number that a user's pattern found.
    pub(crate) fn counted(text: &str) -> Option<Version<'static>> {
        Some(Version::plain("", Numbers::of(std::iter::once(Some(number(text)?)))?))
    }

    /// Whether this is a bare number that may as well be an abbreviated commit.
    pub(crate) fn may_be_commit(release: &str) -> bool {
        release.len() >= COMMIT_LEN && release.bytes().all(|b| b.is_ascii_digit())
    }

    /// `None` = both may be fine and still have no order.
    pub(crate) fn compare(&self, other: &Self, with_build: bool) -> Option<Ordering> {
        // Sentry's `package@version` names what the bare version of a fix leaves unsaid; two packages have no order. A counter
        // without its service says nothing.
        let unsaid = self.numbers.len >= 2 && (self.family.is_empty() || other.family.is_empty());
        if !unsaid && self.family != other.family {
            return None;
        }
        let order = self.cmp_numbers(other).then_with(|| match (self.pre, other.pre) {
            // A pre-release comes before its release.
            (None, None) => Ordering::Equal,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(ours), Some(theirs)) => cmp_identifiers(ours, theirs),
        });
        match (order, self.commit == other.commit) {
            (Ordering::Equal, false) => None,
            // semver.org leaves build metadata unordered, but a team that writes `+build.7` means it: after the bare version.
            (Ordering::Equal, true) if with_build => Some(match (self.build, other.build) {
                (Some(ours), Some(theirs)) => cmp_identifiers(ours, theirs),
                (ours, theirs) => ours.is_some().cmp(&theirs.is_some()),
            }),
            (order, _) => Some(order),
        }
    }

    fn cmp_numbers(&self, other: &Self) -> Ordering {
        // Unused parts are zero: `1.2` is `1.2.0`.
        self.numbers.parts.cmp(&other.numbers.parts)
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
    // Most names have nothing behind their numbers.
    let parts = if text.is_empty() { None } else { text.split_once(at) };
    parts.map_or((text, None), |(head, tail)| (head, Some(tail)))
}

/// A plain decimal number; `+1`, an empty part and anything beyond 64 bits are none.
fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok()).flatten()
}

/// A commit id, abbreviated or not.
pub(crate) fn is_commit(text: &str) -> bool {
    text.len() >= COMMIT_LEN && text.len() <= 64 && text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// Whether a commit id means the same commit as another (either may be abbreviated, seven digits at least).
pub fn same_commit(ours: &str, theirs: &str) -> bool {
    let (short, long) = if ours.len() <= theirs.len() { (ours, theirs) } else { (theirs, ours) };
    is_commit(short) && long.get(..short.len()).is_some_and(|head| head.eq_ignore_ascii_case(short))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_compare_by_prefix() {
        assert!(same_commit("05acb20be", "05ACB20BE7715f0c0ffee"));
        assert!(!same_commit("05acb2", "05acb20be"), "six digits name too many commits");
        assert!(!same_commit("05acb20be", "15acb20be"));
        assert!(!same_commit("release", "release-1"));
    }

    #[test]
    fn what_stands_behind_a_date_is_a_number_a_word_or_a_commit() {
        let compare = |ours, theirs| Shape::Calver.parse(ours)?.compare(&Shape::Calver.parse(theirs)?, true);
        assert_eq!(compare("2025.09.08.9", "2025.09.08.10"), Some(Ordering::Less));
        assert_eq!(compare("2025.09.08-rc1", "2025.09.08"), Some(Ordering::Less));
        assert_eq!(compare("2025.09.08-123456", "2025.09.08-123457"), Some(Ordering::Less), "six digits are a number");
        assert_eq!(compare("2025.09.08-1234567", "2025.09.08-1234568"), None, "seven may be a commit");
        for bad in ["2025.09.08-rc1-2", "2025.09.08-05acb20be-2", "2025.09.08--2", "01000908"] {
            assert!(Shape::Calver.parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_separator_needs_something_behind_it() {
        for bad in ["1.2.3-", "1.2.3+", "1.2.3-+7"] {
            assert!(Shape::Semver.parse(bad).is_none(), "{bad}");
        }
        assert!(Shape::Semver.parse("1.2.3-rc1+7").is_some());
    }

    #[test]
    fn a_revision_is_five_digits_and_three_letters() {
        assert!(Shape::Ordinal.parse("api-00734-fvm").is_some());
        for bad in ["api-0734-fvm", "api-00734-fv", "api-00734-fvmx", "api-00734-f_m", "api-007x4-fvm"] {
            assert!(Shape::Ordinal.parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_date_is_no_calendar_version() {
        for good in ["2025.09.08", "2025-09-08", "20250908", "20250908.2", "25.04", "api-2025-09", "2025.9.8-05acb20be"]
        {
            assert!(Shape::Calver.parse(good).is_some(), "{good}");
        }
        for bad in ["1.42.0", "2025", "2025.13", "2025.0.1", "20251308", "today", "05acb20be", "2025.09.08.", "734"] {
            assert!(Shape::Calver.parse(bad).is_none(), "{bad}");
        }
    }
}
