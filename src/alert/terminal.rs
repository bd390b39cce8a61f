//! A notice for a person at a terminal: a title line and aligned facts.

use anstyle::AnsiColor;
use anstyle::Style;

use crate::alert::redact::SafeNotice;
use crate::alert::render;
use crate::model::alert::NoticeKind;
use crate::model::incident::EpisodeKind;
use crate::model::verdict::Verdict;

/// Width of the column with the names of the facts.
const NAMES: usize = 10;

/// Several lines, the last one ended; `color` is the caller's knowledge of the terminal and of `NO_COLOR`.
pub fn text(notice: &SafeNotice, color: bool) -> String {
    let paint = |style: Style, text: &str| if color { format!("{style}{text}{style:#}") } else { text.to_owned() };
    let key = &notice.key;
    let title = format!("{}  {}  {}", render::headline(notice), key.signature, notice.title);
    let mut lines = vec![paint(title_style(notice.kind), &title)];
    for (name, fact) in facts(notice) {
        lines.push(format!("  {}  {fact}", paint(Style::new().dimmed(), &format!("{name:<NAMES$}"))));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn title_style(kind: NoticeKind) -> Style {
    let color = match kind {
        NoticeKind::Page => AnsiColor::Red,
        NoticeKind::Warning | NoticeKind::Update => AnsiColor::Yellow,
        NoticeKind::Resolved => AnsiColor::Green,
    };
    Style::new().bold().fg_color(Some(color.into()))
}

fn facts(notice: &SafeNotice) -> Vec<(&'static str, String)> {
    let evidence = &notice.evidence;
    let optional = |name, fact: &Option<String>| fact.clone().map(|fact| (name, fact));
    let owner = notice.owner.as_ref().map(|owner| format!("   owner {owner}")).unwrap_or_default();
    let place = format!("{}/{}   {}{owner}", notice.key.service, notice.key.environment, notice.severity.as_str());
    let seen = format!("{}, {}", strip(&render::seen(notice), "seen again "), render::count(notice));
    let fixed = strip(&render::fixed(notice), "fixed ");
    let mut facts = vec![Some(("where", place)), Some(("why", notice.why.clone()))];
    if notice.kind == NoticeKind::Resolved {
        facts.push(notice.ends_at.map(|end| ("calm since", render::moment(end))));
        facts.push(Some(("was", render::count(notice))));
    } else {
        facts.push(render::missing(notice).map(|missing| ("missing", missing)));
        facts.push(Some(("fixed", fixed)));
        let taken_back = notice.kind == NoticeKind::Page && notice.verdict == Verdict::Rollback;
        facts.push(taken_back.then(|| ("cause", "the fix was live and was taken back".to_owned())));
        facts.push(Some(("seen", seen)));
        let ineffective = notice.episode_kind == Some(EpisodeKind::IneffectiveFix);
        facts.push(ineffective.then(|| ("kind", "the fix looks ineffective: no calm since it took effect".to_owned())));
        facts.push((!notice.together.is_empty()).then(|| ("together", format!("with {}", notice.together.join(", ")))));
        facts.push((!notice.older_live.is_empty()).then(|| ("also live", notice.older_live.join(", "))));
        let found = (!evidence.file.is_empty()).then(|| format!("{}:{}", evidence.file, evidence.line));
        facts.push(found.map(|place| ("evidence", place)));
        facts.push((!evidence.message.is_empty()).then(|| ("", evidence.message.clone())));
        facts.push(optional("exception", &evidence.exception));
        facts.push(optional("raised at", &evidence.raised_at));
        facts.push(optional("instance", &evidence.instance));
        facts.push(optional("trace", &evidence.trace_id));
        facts.push(optional("advice", &render::advice(notice).map(str::to_owned)));
        facts.push((notice.previous_episodes > 0).then(|| ("before", previous(notice.previous_episodes))));
    }
    facts.push(optional("runbook", &notice.runbook_url));
    facts.into_iter().flatten().filter(|(_, fact)| !fact.is_empty()).collect()
}

fn previous(episodes: u64) -> String {
    if episodes == 1 { "1 earlier relapse".to_owned() } else { format!("{episodes} earlier relapses") }
}

/// The fact without the word its column already says.
fn strip(text: &str, word: &str) -> String {
    text.strip_prefix(word).unwrap_or(text).to_owned()
}
