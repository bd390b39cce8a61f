//! Go panics: the message, and the stack of the goroutine that panicked.

use crate::model::record::Exception;
use crate::model::record::Frame;

/// The panic in `text`; more than one only where more than one was printed before the first stack.
pub(super) fn parse(text: &str) -> Vec<Exception> {
    if !text.contains("goroutine ") {
        return Vec::new();
    }
    let mut panic: Option<Exception> = None;
    let mut stacks = 0_u32;
    let mut function = "";
    for line in text.lines() {
        let message = line.split_once("panic: ").filter(|(before, _)| before.is_empty() || before.ends_with(' '));
        if let Some((_, message)) = message.filter(|_| stacks == 0) {
            let message = message.split(" [recovered]").next().unwrap_or(message);
            let kind = "panic".to_owned();
            panic.get_or_insert(Exception { kind, message: message.to_owned(), ..Exception::default() });
        } else if line.starts_with("goroutine ") {
            stacks += 1;
        } else if let Some(panic) = panic.as_mut().filter(|_| stacks == 1) {
            match line.strip_prefix('\t') {
                Some(place) if !function.is_empty() => panic.frames.push(frame(function, place)),
                _ => function = line,
            }
        }
    }
    if let Some(panic) = panic.as_mut() {
        panic.frames.reverse();
    }
    panic.filter(|panic| stacks > 0 && !panic.frames.is_empty()).into_iter().collect()
}

fn frame(function: &str, place: &str) -> Frame {
    let place = place.split(" +0x").next().unwrap_or(place);
    let (path, line) = place.rsplit_once(':').unwrap_or((place, ""));
    let function = function.strip_prefix("created by ").unwrap_or(function);
    let function = function.rsplit_once('(').filter(|_| function.ends_with(')')).map_or(function, |(name, _)| name);
    Frame { path: path.to_owned(), line: line.parse().ok(), function: function.to_owned(), source: None }
}
