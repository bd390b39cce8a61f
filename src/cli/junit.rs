//! `JUnit` XML of a check: a test suite for the lints, one for each signature's tests.

use std::collections::BTreeMap;
use std::io;
use std::io::Write;

use crate::app::proof::Proof;
use crate::catalog::problem::Level;
use crate::catalog::problem::Problem;

/// Writes the report. Problems are test cases of the suite `catalog`; warnings are listed as its output.
pub(super) fn write(out: &mut impl Write, problems: &[Problem], proofs: &[Proof]) -> io::Result<()> {
    let mut suites: BTreeMap<&str, Vec<&Proof>> = BTreeMap::new();
    for proof in proofs {
        suites.entry(&proof.signature.id).or_default().push(proof);
    }
    let errors: Vec<_> = problems.iter().filter(|problem| problem.level == Level::Error).collect();
    let failed = |proofs: &[&Proof]| proofs.iter().filter(|proof| proof.failure.is_some()).count();
    let all_failed = proofs.iter().filter(|proof| proof.failure.is_some()).count() + errors.len();
    let tests = proofs.len() + errors.len().max(1);
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(out, r#"<testsuites name="relapse check" tests="{tests}" failures="{all_failed}">"#)?;
    lints(out, problems, &errors)?;
    for (signature, proofs) in suites {
        writeln!(
            out,
            r#"  <testsuite name="{}" tests="{}" failures="{}">"#,
            escaped(signature),
            proofs.len(),
            failed(&proofs)
        )?;
        for proof in proofs {
            let Some(case) = proof.case() else { continue };
            let (name, file) = (escaped(&case.name), escaped(&proof.signature.place.file));
            write!(
                out,
                r#"    <testcase classname="{}" name="{name}" file="{file}" line="{}""#,
                escaped(signature),
                case.line
            )?;
            match &proof.failure {
                None => writeln!(out, "/>")?,
                Some(failure) => writeln!(out, "><failure message=\"{}\"/></testcase>", escaped(failure))?,
            }
        }
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

fn lints(out: &mut impl Write, problems: &[Problem], errors: &[&Problem]) -> io::Result<()> {
    writeln!(out, r#"  <testsuite name="catalog" tests="{}" failures="{}">"#, errors.len().max(1), errors.len())?;
    if errors.is_empty() {
        writeln!(out, r#"    <testcase classname="catalog" name="no errors"/>"#)?;
    }
    for problem in errors {
        let (file, message) = (escaped(&problem.file), escaped(&problem.message));
        let line = problem.span.as_ref().map_or(1, |span| span.line);
        let name = format!("{:?} at {file}:{line}", problem.code);
        writeln!(
            out,
            r#"    <testcase classname="catalog" name="{}" file="{file}" line="{line}"><failure message="{message}"/></testcase>"#,
            escaped(&name)
        )?;
    }
    let warnings: Vec<_> = problems.iter().filter(|problem| problem.level == Level::Warning).collect();
    if !warnings.is_empty() {
        writeln!(out, "    <system-out>")?;
        for warning in warnings {
            let line = warning.span.as_ref().map_or(1, |span| span.line);
            writeln!(out, "{}:{line}: warning: {}", escaped(&warning.file), escaped(&warning.message))?;
        }
        writeln!(out, "    </system-out>")?;
    }
    writeln!(out, "  </testsuite>")
}

/// XML text and attribute values; control characters that XML 1.0 cannot carry are dropped.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            c if c.is_control() && c != '\t' => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_cannot_break_the_document() {
        assert_eq!(super::escaped("a<b>&\"c\"\u{7}\n"), "a&lt;b&gt;&amp;&quot;c&quot;&#10;");
    }
}
