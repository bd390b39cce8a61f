//! Fix records that are legal and leave a verdict unsure.

use crate::catalog::problem::Code;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::spec::SignatureSpec;
use crate::catalog::spec::State;
use crate::catalog::yaml::At;
use crate::catalog::yaml::reads_as_number;

pub(super) fn check(spec: &SignatureSpec, readable: bool, report: &mut Report) {
    let open = spec.state.as_ref().is_some_and(|state| state.value == State::Open);
    if spec.fixes.is_empty() && !open && readable {
        let message = "a fixed signature without `fixes`: every occurrence will be `known_open`";
        let help = "add when and with which release it was fixed, or `state: open`";
        report.add_with_help(Code::NoFix, &spec.id.span, message, help);
    }
    for fix in &spec.fixes {
        date_only(&fix.at, report);
        let lines = fix.lines.iter().flat_map(|(line, release)| [line, release]);
        for release in fix.release.iter().chain(lines) {
            number(release, report);
        }
    }
    let releases = spec.tests.iter().flat_map(|test| &test.resource).filter(|(key, _)| key.value == "service.version");
    for (_, release) in releases {
        number(release, report);
    }
}

fn date_only(at: &At<String>, report: &mut Report) {
    if at.value.len() == "2025-09-08".len() && at.value.parse::<jiff::civil::Date>().is_ok() {
        let message = format!("{} has no time: the fix counts from the end of that day in UTC", quoted(&at.value));
        let help =
            format!("add the time the fix went live: `{}T16:00:00Z`; occurrences of that day get no verdict", at.value);
        report.add_with_help(Code::FixDateOnly, &at.span, message, help);
    }
}

fn number(release: &At<String>, report: &mut Report) {
    if reads_as_number(release) {
        let message = format!("{} is a number in YAML: other tools read `2.10` as 2.1", quoted(&release.value));
        report.add_with_help(
            Code::ReleaseNotText,
            &release.span,
            message,
            format!("put it in quotes: `\"{}\"`", release.value),
        );
    }
}
