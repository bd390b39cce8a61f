//! Bytes → records: which line starts a record, and what a record says (header, JSON fields, exception chain, time).
//!
//! Receives the raw bytes of one record (header line and everything that continues it) and gives a [`Record`]; nothing is ever
//! dropped for being odd: what cannot be understood is text.

use crate::model::record::{Record, Resource};

/// What a source knows about its records before it reads them.
#[derive(Debug, Clone, Default)]
pub struct DecodeConfig {
    /// Values for records that carry none (`--service`, `--environment`, `--release`); what a record says wins.
    pub defaults: Resource,
}

/// What a line is to record framing. Local: it needs nothing but the line itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineClass {
    /// Starts a record, whatever came before: timestamp, level, JSON object, known log prefix.
    Header,
    /// Can only continue: indented, blank, `Traceback (most recent call last):`, `During handling of …`, caret rows, `Caused by:` …
    Continuation,
    /// Neither: continues a record that has a header, starts one where there is none.
    Plain,
}

/// Classifies one line (without its newline; ANSI sequences may be in it).
pub fn classify(_line: &[u8]) -> LineClass {
    LineClass::Plain
}

/// Decodes the raw bytes of one record (lines joined by `\n`, the last one with or without). `origin` is the caller's to set.
pub fn decode(_raw: &[u8], _config: &DecodeConfig) -> Record {
    Record::default()
}
