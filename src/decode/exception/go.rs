//! Go: panics and fatal errors with the stack of the goroutine that failed, and the bare stacks that loggers keep in a field.

use crate::model::record::Exception;
use crate::model::record::Frame;
use crate::model::record::Relation;

/// How a failure is announced; `panic serving` is net/http's.
const PANIC: &str = "panic: ";
const SERVING: &str = "panic serving ";
const FATAL: &str = "fatal error: ";

/// The failure in `text`, root first: a panic that was raised while another was handled is its outer link.
pub(super) fn parse(text: &str) -> Vec<Exception> {
    if !text.contains("goroutine ") {
        return Vec::new();
    }
    let mut chain: Vec<Exception> = Vec::new();
    let mut stacks = 0_u32;
    let mut frames = Vec::new();
    let mut function = "";
    let mut in_message = false;
    for line in text.lines() {
        if let Some(found) = announced(line).filter(|_| stacks == 0) {
            chain.push(found);
            in_message = true;
        } else if line.starts_with("goroutine ") && line.ends_with(':') {
            (stacks, in_message) = (stacks + 1, false);
        } else if stacks == 1 {
            match line.strip_prefix('\t') {
                Some(place) if !function.is_empty() => frames.push(frame(function, place)),
                _ => function = line,
            }
        } else if let Some(last) = chain.last_mut().filter(|_| in_message && stacks == 0) {
            if line.starts_with("[signal ") || line.is_empty() {
                in_message = false;
            } else {
                last.message.push('\n');
                last.message.push_str(line.trim_start_matches('\t'));
            }
        }
    }
    if stacks == 0 || frames.is_empty() {
        return Vec::new();
    }
    frames.reverse();
    let links = chain.len().saturating_sub(1);
    for (at, exception) in chain.iter_mut().enumerate() {
        exception.relation = (at < links).then_some(Relation::Context);
    }
    if let Some(last) = chain.last_mut() {
        last.frames = frames;
    }
    chain
}

fn announced(line: &str) -> Option<Exception> {
    let text = line.trim_start_matches('\t');
    let found = |mark: &str| {
        let (before, after) = text.split_once(mark)?;
        (before.is_empty() || before.ends_with(' ')).then_some(after)
    };
    let (kind, message) = if let Some(message) = found(PANIC) {
        ("panic", message)
    } else if let Some(message) = found(SERVING) {
        // The peer's address stands first.
        ("panic", message.split_once(": ").map_or(message, |(_, message)| message))
    } else {
        ("fatal error", text.strip_prefix(FATAL)?)
    };
    let message = message.split(" [recovered").next().unwrap_or(message);
    Some(Exception { kind: kind.to_owned(), message: message.to_owned(), ..Exception::default() })
}

/// The frames of a bare stack (`main.f\n\t/app/main.go:12`), outermost call first; empty where `text` is none.
pub(in crate::decode) fn stack(text: &str) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut function = "";
    for line in text.lines() {
        match line.strip_prefix('\t') {
            Some(place) if place.contains(".go:") && !function.is_empty() => frames.push(frame(function, place)),
            _ => function = line,
        }
    }
    frames.reverse();
    frames
}

fn frame(function: &str, place: &str) -> Frame {
    let place = place.split(" +0x").next().unwrap_or(place);
    let (path, line) = place.rsplit_once(':').unwrap_or((place, ""));
    let function = function.strip_prefix("created by ").unwrap_or(function);
    let function = function.split(" in goroutine ").next().unwrap_or(function);
    let function = function.rsplit_once('(').filter(|_| function.ends_with(')')).map_or(function, |(name, _)| name);
    Frame { path: path.to_owned(), line: line.parse().ok(), function: function.to_owned(), source: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_raised_while_another_was_handled() {
        let found = parse(
            "panic: first [recovered]\n\tpanic: again\nand more\n\ngoroutine 1 [running]:\nmain.f(0x1)\n\t/t.go:5 +0x1d\nmain.main()\n\t/t.go:9 +0x2\n\ngoroutine 2 [running]:\nmain.g()\n\t/t.go:1 +0x1\n",
        );
        let told: Vec<_> = found.iter().map(|link| (link.message.as_str(), link.relation, link.frames.len())).collect();
        assert_eq!(told, [("first", Some(Relation::Context), 0), ("again\nand more", None, 2)]);
        assert_eq!(found[1].frames[1].function, "main.f");
    }

    #[test]
    fn fatal_errors_and_bare_stacks() {
        let found = parse(
            "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nmain.main()\n\t/t.go:14 +0xac\n",
        );
        assert_eq!((found[0].kind.as_str(), found[0].frames.len()), ("fatal error", 1));
        assert_eq!(stack("main.f\n\t/app/main.go:12\nmain.main\n\t/app/main.go:20").len(), 2);
        assert!(stack("Error: x\n\tat y").is_empty());
    }
}
