//! What `relapse check --connect` finds at each source, for people.

use std::io;
use std::io::Write;

use anstyle::AnsiColor;
use anstyle::Color;
use anstyle::Style;

use crate::app::connect;
use crate::app::connect::Probe;
use crate::cli::chain;
use crate::config::Config;
use crate::telemetry::inert::inert;

const NAME: Style = Style::new().bold();
const FAILED: Style = NAME.fg_color(Some(Color::Ansi(AnsiColor::BrightRed)));

/// Whether every source is configured in a way that can work; else says what cannot.
pub(super) fn is_valid(config: &Config) -> io::Result<bool> {
    match connect::validate(config) {
        Ok(()) => Ok(true),
        Err(error) => {
            writeln!(anstream::stderr(), "error: {}", chain(&error))?;
            Ok(false)
        }
    }
}

/// Prints what was found, a paragraph a source.
pub(super) fn print(out: &mut dyn Write, probes: &[Probe]) -> io::Result<()> {
    if probes.is_empty() {
        writeln!(out, "the configuration names no source: `run` needs --logs\n")?;
    }
    for probe in probes {
        writeln!(out, "{NAME}{}{NAME:#}", inert(&probe.source))?;
        for line in &probe.found {
            writeln!(out, "  {}", inert(line))?;
        }
        for failure in &probe.failures {
            writeln!(out, "  {FAILED}error{FAILED:#}: {}", inert(failure))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
