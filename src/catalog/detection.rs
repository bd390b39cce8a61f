//! The compiled detection language: selections, conditions, field tests. The matcher evaluates it, nothing here does.

use std::net::IpAddr;

use crate::catalog::expression::Expression;

/// Named selections and how they combine.
#[derive(Debug, Clone)]
pub struct Detection {
    /// In the order written.
    pub selections: Vec<Selection>,
    /// Over indices into `selections`.
    pub condition: Condition,
    /// The condition as written, or the default made explicit (`a and b`).
    pub condition_text: String,
}

/// One named selection.
#[derive(Debug, Clone)]
pub struct Selection {
    /// Its name in the condition.
    pub name: String,
    /// What it asks of a record.
    pub test: Test,
}

/// Boolean combination of selections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Index into [`Detection::selections`].
    Selection(usize),
    /// Every one.
    All(Vec<Self>),
    /// At least one.
    Any(Vec<Self>),
    /// Not this.
    Not(Box<Self>),
}

/// What is asked of a record.
#[derive(Debug, Clone)]
pub enum Test {
    /// A map: every one.
    All(Vec<Self>),
    /// A list: at least one.
    Any(Vec<Self>),
    /// The short form `pattern:`: searched in the body, in the original text of plain-text records and in every exception's
    /// `type: message`.
    Pattern(Pattern),
    /// One field of the record.
    Field(FieldTest<Field>),
    /// All of these on the **same** link of the exception chain.
    Exception(Link, Vec<LinkTest>),
}

/// Which link of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Any one link.
    Any,
    /// The first cause.
    Root,
    /// What the caller saw.
    Outermost,
}

/// What is asked of one exception.
#[derive(Debug, Clone)]
pub enum LinkTest {
    /// `type`, `message` or `stacktrace`.
    Field(FieldTest<ExceptionField>),
    /// All of these on the same frame.
    Frame(FramePick, Vec<FieldTest<FrameField>>),
}

/// Which frame of an exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FramePick {
    /// Any one frame.
    Any,
    /// The raise site.
    Last,
}

/// One predicate on one field. A field that the record does not carry fails every test but `exists: false` and negated ones.
#[derive(Debug, Clone)]
pub struct FieldTest<F> {
    /// Which field.
    pub field: F,
    /// `not_…`: true when the predicate is not.
    pub negated: bool,
    /// `|all`: every value must hold instead of at least one.
    pub all: bool,
    /// What is asked.
    pub predicate: Predicate,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// `body`
    Body,
    /// `severity_text`
    SeverityText,
    /// `severity_number`
    SeverityNumber,
    /// `trace_id`
    TraceId,
    /// `span_id`
    SpanId,
    /// `span.name`
    SpanName,
    /// `status.message`
    StatusMessage,
    /// `resource.<name>`
    Resource(String),
    /// `attributes.<name>`; a name with a dot whose first part is no other field means the same (`http.response.status_code`).
    Attribute(String),
}

/// A field of one exception.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExceptionField {
    /// `exception.type`
    Type,
    /// `exception.message`
    Message,
    /// Type, message and frames as text.
    Stacktrace,
}

/// A field of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameField {
    /// `code.file.path`
    Path,
    /// `code.function.name`
    Function,
    /// `code.line.number`
    LineNumber,
    /// `code.line`: the source text printed in the traceback.
    Line,
}

/// What is asked of a field's value.
#[derive(Debug, Clone)]
pub enum Predicate {
    /// Equals one of these.
    Equals(Vec<Literal>),
    /// Contains one of these.
    Contains(Vec<Literal>),
    /// Begins with one of these.
    StartsWith(Vec<Literal>),
    /// Ends with one of these.
    EndsWith(Vec<Literal>),
    /// One of these regular expressions is found.
    Re(Vec<Pattern>),
    /// The field is there (`true`) or not (`false`).
    Exists(bool),
    /// An IP address inside one of these networks.
    Cidr(Vec<Network>),
    /// Numerically compared; a value that is no number fails.
    Compare(Comparison, f64),
}

/// `gt`, `gte`, `lt`, `lte`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

/// A literal text and how it is compared: ASCII letters without case unless `cased`, everything else byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Literal {
    /// As written in the catalog.
    pub text: String,
    /// `|cased`
    pub cased: bool,
}

/// An IP network, `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// Network address.
    pub address: IpAddr,
    /// Prefix length.
    pub prefix: u8,
}

/// A checked regular expression with its source. (`|wildcard` values are compiled to one as well.)
#[derive(Debug, Clone)]
pub struct Pattern {
    /// As written in the catalog.
    pub source: String,
    /// Compiled on first use, under the size limit.
    pub regex: Expression,
}
