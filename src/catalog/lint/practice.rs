//! What is right by itself and wrong for the services it is about: texts that they redact, releases that their order cannot read.

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::catalog::compile::Site;
use crate::catalog::compile::Text;
use crate::catalog::lint::skeleton::BOUNDARY;
use crate::catalog::lint::skeleton::END;
use crate::catalog::lint::skeleton::START;
use crate::catalog::lint::wording;
use crate::catalog::practice::Practice;
use crate::catalog::practice::RedactorConfig;
use crate::catalog::problem::Code;
use crate::catalog::source::Report;
use crate::catalog::source::quoted;
use crate::catalog::spec::FixSpec;
use crate::catalog::spec::SignatureSpec;

/// A release that goes out within a day may be written down before.
const SLACK: SignedDuration = SignedDuration::from_hours(24);

pub(super) fn check(spec: &SignatureSpec, texts: &[Text], practice: Practice<'_>, report: &mut Report) {
    let services = services(spec);
    let concerned = |redactor: &&RedactorConfig| match &redactor.service {
        Some(service) => services.is_empty() || services.contains(&service.as_str()),
        None => true,
    };
    let redactors: Vec<_> = practice.redactors.iter().filter(concerned).collect();
    for text in texts.iter().filter(|text| !text.negated && text.site != Site::Other) {
        redacted(text, &redactors, report);
    }
    for fix in &spec.fixes {
        release(fix, &services, practice, report);
        future(fix, practice, report);
    }
}

/// The services of the scope.
fn services(spec: &SignatureSpec) -> Vec<&str> {
    let named = spec.scope.iter().filter(|(name, _)| name.value == "service.name");
    named.flat_map(|(_, values)| values).map(|value| value.value.as_str()).collect()
}

/// A text of which every variant is changed before it is logged.
fn redacted(text: &Text, redactors: &[&RedactorConfig], report: &mut Report) {
    let Some(variants) = wording::variants(text) else { return };
    let plain = |variant: &String| variant.replace([START, END, BOUNDARY], "");
    let logged = |variant: &String| redactors.iter().find_map(|redactor| redactor.changes(&plain(variant)));
    let changed: Option<Vec<String>> = variants.iter().map(logged).collect();
    if let Some(logged) = changed.as_ref().and_then(|changed| changed.first()) {
        let message = "the service redacts this before it logs: it never matches";
        report.add_with_help(
            Code::Redacted,
            &text.written.span,
            message,
            format!("it logs {}; look for that, or for a part it leaves alone", quoted(logged)),
        );
    }
}

/// A mistyped year silences a signature for as long.
fn future(fix: &FixSpec, practice: Practice<'_>, report: &mut Report) {
    let at = fix.at.value.parse::<Timestamp>().ok();
    if let (Some(at), Some(now)) = (at, practice.now)
        && at.duration_since(now) > SLACK
    {
        let message = format!("the fix of {} lies in the future", quoted(&fix.at.value));
        let help = "until then every occurrence is older than the fix (`pre_fix`) and nobody is told; correct the time, or add the fix when \
                    it is live";
        report.add_with_help(Code::FixInFuture, &fix.at.span, message, help);
    }
}

/// A release without an order: only records of the very same name can be judged by it.
fn release(fix: &FixSpec, services: &[&str], practice: Practice<'_>, report: &mut Report) {
    let named: Vec<&str> = if fix.services.is_empty() {
        services.to_vec()
    } else {
        fix.services.iter().map(|service| service.value.as_str()).collect()
    };
    let of_services: Vec<Option<&str>> =
        if named.is_empty() { vec![None] } else { named.into_iter().map(Some).collect() };
    let first_fixed = fix.lines.iter().map(|(_, release)| release).filter(|release| release.value != "none");
    for release in fix.release.iter().chain(first_fixed) {
        let unread = of_services.iter().find(|service| !(practice.reads_release)(**service, &release.value));
        if let Some(service) = unread {
            let whose = service.map_or_else(String::new, |service| format!(" of {}", quoted(service)));
            let message = format!("{} has no place in the release order{whose}", quoted(&release.value));
            let help = "give the release as the service names it (`service.version`), a commit under `commit:`, or set \
                        `incident.services.NAME.order` in the configuration; else only declared deployments or a manifest decide";
            report.add_with_help(Code::ReleaseScheme, &release.span, message, help);
        }
    }
}
