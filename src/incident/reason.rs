//! Why: what a verdict rests on, as values. It becomes a sentence only where somebody reads it, because most verdicts are counted
//! and never read.

use std::cmp::Ordering;
use std::fmt;

use jiff::Timestamp;

/// Why the answer is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason<'a> {
    /// A diagnosis rule, with its advice.
    Diagnosis(Option<&'a str>),
    NoFix,
    InsideDay {
        time: Timestamp,
    },
    BeforeFix {
        time: Timestamp,
        fix: Timestamp,
    },
    StartedBefore {
        started: Timestamp,
        effective: Timestamp,
    },
    StartedAfter {
        started: Timestamp,
        end: Timestamp,
    },
    OwnCommit(&'a str),
    Listed {
        release: &'a str,
        commit: &'a str,
        contained: bool,
    },
    IsFixed(&'a str),
    Ordered {
        release: &'a str,
        fixed: &'a str,
        ordering: Ordering,
        scheme: &'static str,
    },
    Unparsed(&'a str),
    NoOrder {
        release: &'a str,
        fixed: &'a str,
    },
    NoLineOrder {
        release: &'a str,
        line: &'a str,
    },
    LineWithoutFix(&'a str),
    OnLine {
        release: &'a str,
        fixed: &'a str,
        line: &'a str,
        contained: bool,
    },
    AboveLines(&'a str),
    BelowLines(&'a str),
    BetweenLines(&'a str),
    Deployed {
        release: (&'a str, Timestamp),
        fixed: (&'a str, Timestamp),
    },
    FirstSeen {
        release: (&'a str, Timestamp),
        fixed: (&'a str, Timestamp),
    },
    FirstSeenAfter {
        release: (&'a str, Timestamp),
        fix: Timestamp,
        contained: bool,
    },
    AfterFix {
        time: Timestamp,
        fix: Timestamp,
        code: bool,
    },
    BeforeRollout {
        time: Timestamp,
        fix: Timestamp,
    },
    ConstantRelease(&'a str),
    NoRelease,
    OnlyCommit(&'a str),
    /// Only a part of a correlation was seen.
    Part,
}

/// Why a build without the fix got its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    Unshipped(&'a str),
    NotSeen,
    RollingOut(Timestamp),
    RolledOut(Timestamp),
    NotRollingOut,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Diagnosis(Some(advice)) => f.write_str(advice),
            Self::Diagnosis(None) => f.write_str("a diagnosis rule of the signature matches"),
            Self::NoFix => f.write_str("no fix applies here"),
            Self::InsideDay { time } => {
                write!(f, "the fix names only its day, and {time} lies inside it: give the fix a time")
            }
            Self::BeforeFix { time, fix } => write!(f, "{time} is before the fix of {fix}"),
            Self::StartedBefore { started, effective } => {
                write!(f, "the process started at {started}, before the fix took effect at {effective}")
            }
            Self::StartedAfter { started, end } => write!(
                f,
                "the process started at {started}, after the rollout ended at {end} (low confidence: no release says so)"
            ),
            Self::AfterFix { time, fix, code } => {
                let confidence = if code { " (low confidence: the fix names no release)" } else { "" };
                write!(f, "{time} is after the fix of {fix} and its rollout{confidence}")
            }
            Self::BeforeRollout { time, fix } => {
                write!(f, "{time} is before the rollout of the fix of {fix} ended")
            }
            Self::ConstantRelease(release) => {
                write!(f, "service.version is always {release}: a constant tells nothing")
            }
            Self::NoRelease => f.write_str("the record carries no service.version"),
            Self::OnlyCommit(commit) => write!(
                f,
                "the fix names only the commit {commit}, and the record carries neither vcs.ref.head.revision nor a \
                 process start"
            ),
            Self::Part => f.write_str("only a part of it was seen within its window"),
            _ => self.fmt_release(f),
        }
    }
}

impl Reason<'_> {
    fn fmt_release(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = |contained| if contained { "≥" } else { "<" };
        match *self {
            Self::OwnCommit(commit) => write!(f, "it runs the fix's own commit {commit}"),
            Self::Listed { release, commit, contained } => {
                let verb = if contained { "contains" } else { "does not contain" };
                write!(f, "{release} {verb} the fix's commit {commit} by the manifest")
            }
            Self::IsFixed(release) => write!(f, "{release} is the fixed release"),
            Self::Ordered { release, fixed, ordering, scheme } => {
                write!(f, "{release} {} {fixed} by {scheme}", has(ordering.is_ge()))
            }
            Self::Unparsed(release) => write!(f, "service.version `{release}` does not parse as a release"),
            Self::NoOrder { release, fixed } => write!(f, "{release} and the fixed release {fixed} have no order"),
            Self::NoLineOrder { release, line } => write!(f, "{release} and {line} have no order"),
            Self::LineWithoutFix(line) => write!(f, "the line {line} never gets the fix"),
            Self::OnLine { release, fixed, line, contained } => {
                write!(f, "{release} {} {fixed} on line {line}", has(contained))
            }
            Self::AboveLines(release) => write!(f, "{release} is above every listed line"),
            Self::BelowLines(release) => write!(f, "{release} is below every listed line"),
            Self::BetweenLines(release) => write!(f, "{release} lies between the listed branch lines"),
            Self::Deployed { release: (release, ours), fixed: (fixed, theirs) } => {
                let order = if ours >= theirs { "after" } else { "before" };
                write!(f, "{release} was deployed at {ours}, {order} {fixed} at {theirs}")
            }
            Self::FirstSeen { release: (release, ours), fixed: (fixed, theirs) } => {
                let order = if ours >= theirs { "not before" } else { "before" };
                write!(f, "{release} was first seen at {ours}, {order} {fixed} at {theirs}")
            }
            Self::FirstSeenAfter { release: (release, ours), fix, contained } => {
                let order = if contained { "after" } else { "before" };
                let confidence = if contained { " (low confidence: by first sight)" } else { "" };
                write!(f, "{release} was first seen at {ours}, {order} the fix of {fix}{confidence}")
            }
            // Every other reason is written by `fmt`.
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unshipped(current) => write!(f, "the fix was live and {current} is current again"),
            Self::NotSeen => f.write_str("no release with the fix has been seen here"),
            Self::RollingOut(end) => write!(f, "the rollout lasts until {end}"),
            Self::RolledOut(end) => write!(f, "the rollout ended at {end}"),
            Self::NotRollingOut => f.write_str("the fixed release has not been seen here"),
        }
    }
}
