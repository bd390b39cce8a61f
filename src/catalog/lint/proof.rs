//! Does the signature prove itself: a test that must match, one that must not, guards that tell their samples apart.

use regex::RegexBuilder;

use crate::catalog::expression::SIZE_LIMIT;
use crate::catalog::problem::Code;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::spec::ExpectSpec;
use crate::catalog::spec::GuardSpec;
use crate::catalog::spec::SignatureSpec;
use crate::catalog::yaml::Style;

pub(super) fn check(spec: &SignatureSpec, readable: bool, report: &mut Report) {
    tests(spec, readable, report);
    for spec in &spec.guards {
        guard(spec, report);
    }
}

fn tests(spec: &SignatureSpec, readable: bool, report: &mut Report) {
    let negative = |expect: &ExpectSpec| {
        expect.verdict.as_ref().is_some_and(|word| word.value == "none")
            || expect.count.as_ref().is_some_and(|count| count.value == 0)
    };
    let expected: Vec<bool> = spec.tests.iter().filter_map(|test| test.expect.as_ref()).map(negative).collect();
    // A test whose expectation cannot be read has its own problem.
    let unsure = !readable || expected.len() < spec.tests.len();
    if !expected.contains(&false) && !unsure {
        let message = "no test that must match";
        let help = "add the log text of a real occurrence under `tests:` with `expect: { verdict: regression }`";
        report.add_with_help(Code::NoPositiveTest, &spec.id.span, message, help);
    }
    if !expected.contains(&true) && !unsure {
        let message = "no test that must not match";
        let help = "add the nearest log text that is something else, with `expect: { verdict: none }`";
        report.add_with_help(Code::NoNegativeTest, &spec.id.span, message, help);
    }
    for input in spec.tests.iter().filter_map(|test| test.input.as_ref()) {
        if input.style == Style::Folded {
            let message = "`>` joins the lines of this input into one";
            report.add_with_help(Code::FoldedInput, &input.span, message, "use `|`, which keeps them");
        }
    }
}

fn guard(spec: &GuardSpec, report: &mut Report) {
    let limited = RegexBuilder::new(&spec.pattern_regex.value).size_limit(SIZE_LIMIT).build();
    let Ok(pattern) = limited else { return };
    if spec.valid.is_empty() || spec.invalid.is_empty() {
        let message = format!("guard {} is not proven", quoted(&spec.id.value));
        let help = "add `invalid` source that it must flag and `valid` source that it must not";
        report.add_with_help(Code::GuardUnproven, &spec.id.span, message, help);
    }
    for sample in spec.valid.iter().filter(|sample| pattern.is_match(&sample.value)) {
        report.add(
            Code::GuardFlagsValid,
            &sample.span,
            format!("guard {} flags this valid sample", quoted(&spec.id.value)),
        );
    }
    for sample in spec.invalid.iter().filter(|sample| !pattern.is_match(&sample.value)) {
        report.add(
            Code::GuardMissesInvalid,
            &sample.span,
            format!("guard {} misses this invalid sample", quoted(&spec.id.value)),
        );
    }
}
