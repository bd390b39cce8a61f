//! What each signature of a catalog costs on a log, for `relapse check --cost`: the literals it is looked for by, how, how often they call.

use std::fs::File;
use std::io;
use std::io::Read;
use std::io::Write;
use std::path::Path;

use anstyle::Style;

use crate::catalog::signature::Catalog;
use crate::cli::inputs::counted;
use crate::cli::wrap;
use crate::matcher::Matcher;
use crate::matcher::cost::Cost;
use crate::matcher::cost::CostTier;

/// Bytes of a log that are looked at.
const SAMPLE: u64 = 16 << 20;
/// Rows that are printed; the rest costs less.
const MAX_ROWS: usize = 50;
/// Characters of a row's literals.
const MAX_LITERALS: usize = 60;

/// The rows of every signature, and the bytes of the sample; without a sample nothing is met.
pub(super) fn measure(catalog: &Catalog, sample: Option<&Path>) -> io::Result<(Vec<Cost>, usize)> {
    let mut bytes = Vec::new();
    if let Some(path) = sample {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("failed to read {}: {error}", path.display()));
        File::open(path).and_then(|file| file.take(SAMPLE).read_to_end(&mut bytes)).map_err(named)?;
    }
    Ok((Matcher::new(catalog).costs(&bytes), bytes.len()))
}

/// A line a signature, the most expensive first.
pub(super) fn print(out: &mut impl Write, rows: &[Cost], sampled: usize) -> io::Result<()> {
    const BOLD: Style = Style::new().bold();
    writeln!(
        out,
        "{BOLD}{:>12}  {:>14}  {:<7}  {:<32}  literals{BOLD:#}",
        "µs/MB", "candidates/MB", "tier", "signature"
    )?;
    for row in rows.iter().take(MAX_ROWS) {
        let literals: Vec<String> = row.literals.iter().map(|literal| format!("`{literal}`")).collect();
        writeln!(
            out,
            "{:>12.1}  {:>14.1}  {:<7}  {:<32}  {}",
            row.microseconds_per_megabyte,
            row.candidates_per_megabyte,
            name(row.tier),
            row.signature,
            wrap::inert(&literals.join(" "), MAX_LITERALS),
        )?;
    }
    if rows.len() > MAX_ROWS {
        writeln!(out, "… and {} that cost less", counted(rows.len() - MAX_ROWS, "signature", "signatures"))?;
    }
    let count = |tier| rows.iter().filter(|row| row.tier == tier).count();
    let sample = if sampled == 0 { "no sample given".to_owned() } else { format!("{sampled} bytes looked at") };
    writeln!(
        out,
        "{} long, {} middle, {} short, {} window, {} without either; {sample}\n",
        count(CostTier::Long),
        count(CostTier::Middle),
        count(CostTier::Short),
        count(CostTier::Window),
        count(CostTier::Every),
    )
}

fn name(tier: CostTier) -> &'static str {
    match tier {
        CostTier::Long => "long",
        CostTier::Middle => "middle",
        CostTier::Short => "short",
        CostTier::Window => "window",
        CostTier::Every => "every",
    }
}
