//! What a signature proves itself with: embedded tests and guards with their samples.

use globset::Glob;

use crate::catalog::compile::ReadFile;
use crate::catalog::compile::regex;
use crate::catalog::problem::Code;
use crate::catalog::signature::Expectation;
use crate::catalog::signature::Guard;
use crate::catalog::signature::TestCase;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::spec::ExpectSpec;
use crate::catalog::spec::GuardSpec;
use crate::catalog::spec::TestSpec;
use crate::catalog::spec::words;
use crate::catalog::suggest;
use crate::catalog::yaml::At;
use crate::model::verdict::Verdict;

/// Every test that has an input and an expectation.
pub(super) fn tests(specs: &[TestSpec], report: &mut Report, read_file: ReadFile<'_>) -> Vec<TestCase> {
    let mut cases = Vec::new();
    for (index, spec) in specs.iter().enumerate() {
        let input = input(spec, report, read_file);
        let expect = spec.expect.as_ref().and_then(|expect| expectation(expect, report));
        if let (Some((input, offset)), Some(expect)) = (input, expect) {
            let name = spec.name.as_ref().map_or_else(|| format!("test {}", index + 1), |name| name.value.clone());
            let place = spec.name.as_ref().map_or(offset, |name| name.span.start);
            let resource = spec.resource.iter().map(|(key, value)| (key.value.clone(), value.value.clone())).collect();
            cases.push(TestCase { name, resource, input, expect, line: report.source.line(place) });
        }
    }
    cases
}

/// The log text and where it is named.
fn input(spec: &TestSpec, report: &mut Report, read_file: ReadFile<'_>) -> Option<(String, usize)> {
    match (&spec.input, &spec.input_file) {
        (Some(input), None) => Some((input.value.clone(), input.span.start)),
        (None, Some(file)) => match read_file(&file.value) {
            Ok(text) => Some((text, file.span.start)),
            Err(reason) => {
                let message = format!("the input of this test cannot be read: {reason}");
                report.add_with_help(Code::TestInput, &file.span, message, "the path is relative to the catalog file");
                None
            }
        },
        (Some(_), Some(file)) => {
            report.add(Code::Contradiction, &file.span, "a test takes either `input` or `input_file`");
            None
        }
        (None, None) => {
            let span = spec.name.as_ref().map(|name| name.span.clone()).unwrap_or_default();
            report.add(Code::MissingKey, &span, "a test needs an `input` or an `input_file`");
            None
        }
    }
}

fn expectation(spec: &ExpectSpec, report: &mut Report) -> Option<Expectation> {
    let count = spec.count.as_ref().map(|count| usize::try_from(count.value).unwrap_or(usize::MAX));
    let verdict = match &spec.verdict {
        None if count == Some(0) => None,
        None => Some(None),
        Some(word) if word.value == "none" => None,
        Some(word) => Some(Some(verdict(word, report)?)),
    };
    if let (Some(asked), Some(number)) = (&spec.count, count)
        && (verdict.is_none() != (number == 0))
    {
        let message = "`verdict: none` means that nothing matches: `count` must be 0 with it and above 0 without it";
        report.add(Code::Contradiction, &asked.span, message);
        return None;
    }
    Some(Expectation { verdict, count })
}

fn verdict(word: &At<String>, report: &mut Report) -> Option<Verdict> {
    let found = Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == word.value);
    if found.is_none() {
        let known = words::<Verdict>().iter().copied().chain(["none"]);
        let message = format!("{} is no `verdict`", quoted(&word.value));
        report.add_with_help(Code::UnknownValue, &word.span, message, suggest::help(&word.value, known));
    }
    found
}

/// Every guard whose pattern and globs compile.
pub(super) fn guards(specs: &[GuardSpec], report: &mut Report) -> Vec<Guard> {
    let mut guards: Vec<Guard> = Vec::new();
    for spec in specs {
        if guards.iter().any(|guard| guard.id == spec.id.value) {
            report.add(Code::Contradiction, &spec.id.span, format!("a second guard {}", quoted(&spec.id.value)));
        }
        let (include, exclude) = match &spec.paths {
            Some(paths) => (globs(&paths.include, report), globs(&paths.exclude, report)),
            None => (Vec::new(), Vec::new()),
        };
        if spec.pattern_regex.value.is_empty() {
            continue;
        }
        if let Some(pattern) = regex::pattern(&spec.pattern_regex, report) {
            guards.push(Guard {
                id: spec.id.value.clone(),
                message: spec.message.value.clone(),
                include,
                exclude,
                pattern,
                valid: spec.valid.iter().map(|sample| sample.value.clone()).collect(),
                invalid: spec.invalid.iter().map(|sample| sample.value.clone()).collect(),
            });
        }
    }
    guards
}

fn globs(texts: &[At<String>], report: &mut Report) -> Vec<String> {
    for text in texts {
        if let Err(error) = Glob::new(&text.value) {
            report.add(Code::BadValue, &text.span, format!("{} is no glob: {}", quoted(&text.value), error.kind()));
        }
    }
    texts.iter().map(|text| text.value.clone()).collect()
}
