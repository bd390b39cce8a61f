//! The rules by number and name. Numbers are stable: they are searched for, linked to and silenced; a number is never reused.

use crate::catalog::problem::Level;

/// How much a rule insists.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// The signature does not load.
    Error,
    /// An error in `check`; the signature loads.
    CheckError,
    /// Never keeps anything from loading.
    Warning,
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $id:literal $name:literal $weight:ident,)+) => {
        /// A rule of the catalog.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// Every rule, by number.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable number, `R012`.
            pub const fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)+ }
            }

            /// The name, `unknown-key`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What the rule says, one line.
            pub const fn explanation(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+),)+ }
            }

            const fn weight(self) -> Weight {
                match self { $(Self::$variant => Weight::$weight,)+ }
            }
        }
    };
}

codes! {
    /// A path does not exist or cannot be read.
    UnreadablePath = "R001" "unreadable-path" Error,
    /// A catalog file is not UTF-8 text.
    NotUtf8 = "R002" "not-utf8" Error,
    /// A folder holds no signature file.
    EmptyFolder = "R003" "empty-folder" Warning,
    /// A catalog file, or what its aliases expand to, is too large.
    TooLarge = "R004" "too-large" Error,
    /// A catalog file holds no signature.
    EmptyFile = "R005" "empty-file" Warning,
    /// The YAML does not parse.
    YamlSyntax = "R010" "yaml-syntax" Error,
    /// YAML that the catalog does not use: keys that are no text, unknown aliases, merges of what is no map.
    UnsupportedYaml = "R011" "unsupported-yaml" Error,
    /// A key that the language does not know.
    UnknownKey = "R012" "unknown-key" Error,
    /// A key written twice in one map.
    DuplicateKey = "R013" "duplicate-key" Error,
    /// A required key is missing or empty.
    MissingKey = "R014" "missing-key" Error,
    /// A text where a list is wanted, and the like.
    WrongType = "R015" "wrong-type" Error,
    /// A word that is not one of the accepted ones, or a value out of range.
    UnknownValue = "R016" "unknown-value" Error,
    /// Keys that contradict each other.
    Contradiction = "R017" "contradiction" Error,
    /// An id that is not `[a-z0-9-]{3,64}`.
    IdFormat = "R020" "id-format" Error,
    /// Two signatures with one id: the first one counts.
    DuplicateId = "R021" "duplicate-id" Error,
    /// Two signatures with one title.
    DuplicateTitle = "R022" "duplicate-title" Warning,
    /// `related` names a signature that is not in the catalog.
    UnknownRelated = "R023" "unknown-related" Warning,
    /// A field that records do not have.
    UnknownField = "R030" "unknown-field" Error,
    /// A modifier that the language does not know, or that does not go with the others.
    UnknownModifier = "R031" "unknown-modifier" Error,
    /// A value that its modifier cannot use.
    BadValue = "R032" "bad-value" Error,
    /// A detection, a selection or a list that asks nothing.
    EmptyDetection = "R033" "empty-detection" Error,
    /// A condition that does not parse.
    ConditionSyntax = "R034" "condition-syntax" Error,
    /// A condition names a selection that does not exist.
    UnknownSelection = "R035" "unknown-selection" Error,
    /// A selection that no condition uses.
    UnusedSelection = "R036" "unused-selection" Warning,
    /// A detection that a record without any field fulfils: it would count every record.
    MatchesEverything = "R037" "matches-everything" Error,
    /// A regular expression that does not parse.
    RegexSyntax = "R040" "regex-syntax" Error,
    /// A regular expression that compiles to more than 1 MiB.
    RegexTooBig = "R041" "regex-too-big" Error,
    /// A regular expression that matches the empty string, hence every text.
    RegexMatchesEmpty = "R042" "regex-matches-empty" Error,
    /// Look-around: not in a linear-time engine.
    RegexLookAround = "R043" "regex-look-around" Error,
    /// A back-reference: not in a linear-time engine.
    RegexBackReference = "R044" "regex-back-reference" Error,
    /// `\<` and `\>` are word boundaries here and literal characters in Python and PCRE.
    WordBoundaryEscape = "R045" "word-boundary-escape" Warning,
    /// Nothing that every match must contain: each line must be searched in full.
    NoLiteral = "R050" "no-literal" Warning,
    /// `"\b"` in double quotes is a backspace character, not a word boundary.
    YamlBackspace = "R051" "yaml-backspace" CheckError,
    /// A called function's name without a boundary on its left also matches longer names.
    CalleeBoundary = "R052" "callee-boundary" Warning,
    /// A called function's name at the start of the text: Python 3.10 and later qualify it.
    CalleeAtStart = "R053" "callee-at-start" Warning,
    /// An end anchor behind a closing quote that Python's suggestion follows.
    EndAnchorAfterQuote = "R054" "end-anchor-after-quote" Warning,
    /// A wording that no interpreter prints.
    ImpossibleWording = "R055" "impossible-wording" Warning,
    /// A value that YAML cuts at ` #`.
    YamlComment = "R056" "yaml-comment" Warning,
    /// A value in a block (`|`) ends with a newline that hardly any record has there.
    TrailingNewline = "R057" "trailing-newline" Warning,
    /// A text that the service redacts before it logs (by the configuration's `redactors`).
    Redacted = "R058" "redacted" Warning,
    /// A fix with a date and no time.
    FixDateOnly = "R060" "fix-date-only" Warning,
    /// A fix time that is no RFC 3339 time.
    FixTime = "R061" "fix-time" Error,
    /// A release that other YAML tools read as a number (`2.10` is 2.1).
    ReleaseNotText = "R062" "release-not-text" Warning,
    /// A fixed signature without a fix record: no verdict is possible.
    NoFix = "R063" "no-fix" Warning,
    /// A fixed release that the service's release order cannot read.
    ReleaseScheme = "R064" "release-scheme" Warning,
    /// A fix that lies in the future: until then every occurrence is older than it, and nobody is told.
    FixInFuture = "R065" "fix-in-future" Warning,
    /// No test that must match.
    NoPositiveTest = "R070" "no-positive-test" CheckError,
    /// No test that must not match.
    NoNegativeTest = "R071" "no-negative-test" CheckError,
    /// The input of a test cannot be read.
    TestInput = "R072" "test-input" CheckError,
    /// A test's input in the folded style (`>`), which joins lines.
    FoldedInput = "R073" "folded-input" Warning,
    /// A guard flags a sample that it must not flag.
    GuardFlagsValid = "R080" "guard-flags-valid" CheckError,
    /// A guard misses a sample that it must flag.
    GuardMissesInvalid = "R081" "guard-misses-invalid" CheckError,
    /// A guard without a `valid` or an `invalid` sample.
    GuardUnproven = "R082" "guard-unproven" Warning,
}

impl Code {
    /// How bad it is in `check`.
    pub fn level(self) -> Level {
        match self.weight() {
            Weight::Error | Weight::CheckError => Level::Error,
            Weight::Warning => Level::Warning,
        }
    }

    /// Whether it is an error in `check` and a warning everywhere else.
    pub fn only_in_check(self) -> bool {
        self.weight() == Weight::CheckError
    }
}
