//! What platforms and their tools print before every line of a service: `stern`, `kubectl logs --prefix --timestamps`, Heroku, Fly, Cloud
//! Foundry, Cloud Run, `CloudWatch`. Told from a line alone; what stands behind is the service's own.

use crate::decode::prefix;
use crate::decode::time;

/// What stands before the text of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prefix<'a> {
    /// Who wrote the line.
    pub(super) writer: &'a [u8],
    /// When, as it is written; empty where the prefix states no time.
    pub(super) stamp: &'a [u8],
    /// Where the text begins.
    pub(super) text: usize,
}

/// The prefix of `line`; `None` where it has none of a platform.
pub(super) fn prefix(line: &[u8]) -> Option<Prefix<'_>> {
    match line.first()? {
        b' ' => cloud_foundry(line),
        b'0'..=b'9' => {
            let end = iso(line)?;
            tagged(line, end).or_else(|| doubled(line, end))
        }
        b'[' => labelled(line),
        _ => labelled(line).or_else(|| pod(line)),
    }
}

/// Length of the full date and time that `text` begins with.
pub(super) fn iso(text: &[u8]) -> Option<usize> {
    let dated = text.get(4) == Some(&b'-') && matches!(text.get(10), Some(b'T' | b' '));
    let stamp = dated.then(|| time::leading(text)).flatten()?;
    matches!(text.get(stamp.len), None | Some(b' ')).then_some(stamp.len)
}

/// `web-1  | 2025-09-08T08:47:01.122456789Z text`, `[pod/web-1/app] 2025-… text`.
fn labelled(line: &[u8]) -> Option<Prefix<'_>> {
    let label = prefix::prefix_len(line);
    let rest = line.get(label..)?;
    let end = iso(rest).filter(|_| label > 0)?;
    let stamp = rest.get(..end).filter(|stamp| nanoseconds(stamp))?;
    Some(Prefix { writer: line.get(..label)?.trim_ascii_end(), stamp, text: (label + end + 1).min(line.len()) })
}

/// `2025-09-08T08:47:01.122456789Z`: runtimes print nanoseconds, services hardly ever.
pub(super) fn nanoseconds(stamp: &[u8]) -> bool {
    stamp.last() == Some(&b'Z') && stamp.get(10) == Some(&b'T') && stamp.len() > 27
}

/// `   2025-09-08T08:47:01.12+0000 [APP/PROC/WEB/0] OUT text`.
fn cloud_foundry(line: &[u8]) -> Option<Prefix<'_>> {
    let inside = line.trim_ascii_start();
    let margin = line.len() - inside.len();
    let end = iso(inside)?;
    let rest = inside.get(end..)?.strip_prefix(b" [")?;
    let close = rest.iter().take(80).position(|byte| *byte == b']')?;
    let source = rest.get(..close).filter(|source| source.contains(&b'/') && source.is_ascii())?;
    let after = rest.get(close + 1..)?;
    if !after.starts_with(b" OUT") && !after.starts_with(b" ERR") {
        return None;
    }
    let begin = margin + end + 2 + close + 1 + 4;
    Some(Prefix { writer: source, stamp: inside.get(..end)?, text: (begin + 1).min(line.len()) })
}

/// Behind the time: Heroku's `app[web.1]: `, Fly's `app[1781957c2d2789] fra [info]`, `aws logs tail`'s `group/stream `.
fn tagged(line: &[u8], end: usize) -> Option<Prefix<'_>> {
    let rest = line.get(end..)?.strip_prefix(b" ")?;
    let len = rest.iter().take(120).position(|byte| *byte == b' ').unwrap_or(rest.len());
    let word = rest.get(..len)?;
    let made = |writer, begin: usize| Prefix {
        writer,
        stamp: line.get(..end).unwrap_or_default(),
        text: begin.min(line.len()),
    };
    let process = |word: &[u8]| {
        let open = word.iter().position(|byte| *byte == b'[')?;
        let named = open > 0 && word.get(..open)?.iter().all(u8::is_ascii_lowercase);
        let id = word.get(open + 1..)?.strip_suffix(b"]")?;
        (named && !id.is_empty() && !id.iter().all(u8::is_ascii_digit)).then_some(())
    };
    if let Some(dyno) = word.strip_suffix(b":") {
        return process(dyno).map(|()| made(dyno, end + 1 + len + 1));
    }
    let after = rest.get(len + 1..)?;
    if process(word).is_some() {
        let (region, level) = after.split_at_checked(3)?;
        let level = level.strip_prefix(b" [")?;
        let close = level.iter().take(10).position(|byte| *byte == b']')?;
        let text = end + 1 + len + 1 + 3 + 2 + close + 1;
        return region.iter().all(u8::is_ascii_lowercase).then(|| made(word, text));
    }
    let stream = word.contains(&b'/') && line.get(..end)?.ends_with(b"+00:00") && !word.contains(&b':');
    stream.then(|| made(word, end + 1 + len + 1))
}

/// `2025-09-08 08:47:01 2025-09-08 08:47:00,122 - text`: the first time is not the service's.
fn doubled(line: &[u8], end: usize) -> Option<Prefix<'_>> {
    let rest = line.get(end + 1..)?;
    let second = time::leading(rest.strip_prefix(b"[").unwrap_or(rest)).filter(|stamp| stamp.len >= 17)?;
    second.timestamp().map(|_| Prefix { writer: b"", stamp: line.get(..end).unwrap_or_default(), text: end + 1 })
}

/// `web-7d9f8b6c5d-x2x4z app text`, with or without a namespace before it: what `stern` prints.
fn pod(line: &[u8]) -> Option<Prefix<'_>> {
    let mut begin = 0;
    for _ in 0..2 {
        let len = line.get(begin..)?.iter().take(80).position(|byte| *byte == b' ')?;
        let word = line.get(begin..begin + len)?;
        let behind = begin + len + 1;
        if is_pod(word) {
            let name = line.get(behind..)?;
            let len = name.iter().take(64).take_while(|byte| is_name(**byte)).count();
            let ends = len > 0 && matches!(name.get(len), None | Some(b' '));
            return ends.then(|| Prefix {
                writer: line.get(..behind + len).unwrap_or_default(),
                stamp: b"",
                text: (behind + len + 1).min(line.len()),
            });
        }
        if !word.iter().all(|byte| is_name(*byte)) {
            return None;
        }
        begin = behind;
    }
    None
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

/// Whether `word` ends as Kubernetes names the pods of a deployment: its random words have no vowels and no `0`, `1` and `3`.
fn is_pod(word: &[u8]) -> bool {
    let random = |part: &[u8]| part.iter().all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(byte));
    let mut parts = word.rsplitn(3, |byte| *byte == b'-');
    let (Some(pod), Some(set), Some(name)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let hash = (8..=10).contains(&set.len()) && set.iter().all(|byte| byte.is_ascii_hexdigit() || random(&[*byte]));
    pod.len() == 5 && random(pod) && hash && !name.is_empty() && name.iter().all(|byte| is_name(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_what_is_none() {
        for (before, writer) in [
            ("web-7d9f8b6c5d-x2x4z app ", "web-7d9f8b6c5d-x2x4z app"),
            ("shop web-7d9f8b6c5d-x2x4z app ", "shop web-7d9f8b6c5d-x2x4z app"),
            ("2025-09-08T08:47:01.100000+00:00 app[web.1]: ", "app[web.1]"),
            ("2025-09-08T08:47:01Z app[1781957c2d2789] fra [info]", "app[1781957c2d2789]"),
            ("   2025-09-08T08:47:01.12+0000 [APP/PROC/WEB/0] ERR ", "APP/PROC/WEB/0"),
            ("2025-09-08T08:47:01.100000+00:00 shop/web/0123 ", "shop/web/0123"),
            ("web-1  | 2025-09-08T08:47:01.122456789Z ", "web-1  |"),
            ("[pod/web-1/app] 2025-09-08T08:47:01.122456789Z ", "[pod/web-1/app]"),
        ] {
            let line = format!("{before}  File \"x\"");
            let found = prefix(line.as_bytes()).unwrap_or_else(|| panic!("{before}"));
            assert_eq!((found.writer, found.text), (writer.as_bytes(), before.len()), "{before}");
        }
        assert_eq!(
            prefix(b"2025-09-08 08:47:01 [2025-09-08 08:47:00 +0000] [1] [INFO] x").map(|prefix| prefix.text),
            Some(20)
        );
        for line in [
            "2025-09-08 08:47:01 web started",
            "2025-09-08T08:47:01Z host app[12]: x",
            "2025-09-08T08:47:01Z app[12]: x",
            "2025-09-08 08:47:01,122 - shop - INFO - x",
            "2025-09-08 08:47:01 08:47:02 x",
            "   2025-09-08T08:47:01Z  INFO shop: x",
            "the-first-second web x",
            "web-1  | 2025-09-08T08:47:01Z x",
        ] {
            assert_eq!(prefix(line.as_bytes()), None, "{line}");
        }
    }
}
