//! Text that fits the terminal and cannot steer it.

use crate::telemetry::inert::one_line;

/// A narrower terminal breaks lines itself: there is no room for an indentation.
const NARROWEST: usize = 40;

/// Columns to fill: `COLUMNS` where it is exported, else those of the terminal behind standard output. `None` when there is neither:
/// what is piped is not wrapped.
pub(super) fn width() -> Option<usize> {
    let asked_for = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    asked_for.or_else(|| comfy_table::Table::new().width().map(usize::from)).filter(|width| *width >= NARROWEST)
}

/// `text` with lines longer than `width` columns broken at spaces; what follows a break is indented by `indent(line)` columns.
pub(super) fn wrapped(text: &str, width: Option<usize>, indent: impl Fn(&str) -> usize) -> String {
    let Some(width) = width else { return text.to_owned() };
    let mut out = String::with_capacity(text.len() + 64);
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let indent = indent(line);
        let mut column = 0;
        for (index, word) in line.split(' ').enumerate() {
            let wide = columns(word);
            if index > 0 && wide > 0 && column > indent && column + 1 + wide > width {
                out.push('\n');
                out.push_str(&" ".repeat(indent));
                column = indent;
            } else if index > 0 {
                out.push(' ');
                column += 1;
            }
            out.push_str(word);
            column += wide;
        }
        out.push_str(end);
    }
    out
}

/// Characters of a text, colour sequences aside.
pub(super) fn columns(text: &str) -> usize {
    anstream::adapter::strip_str(text).map(|part| part.chars().count()).sum()
}

/// One line without control characters, at most `max` characters.
pub(super) fn inert(text: &str, max: usize) -> String {
    one_line(text, max)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::columns;
    use super::wrapped;

    proptest! {
        #[test]
        fn wrapping_moves_words_and_nothing_else(text in "[a-zé \n\u{1b}\\[0m]{0,200}", width in 40_usize..80, indent in 0_usize..20) {
            let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
            let shown = wrapped(&text, Some(width), |_| indent);
            prop_assert_eq!(words(&shown), words(&text));
            for line in shown.lines() {
                let unbreakable = line.split_whitespace().map(columns).max().unwrap_or(0) + indent;
                prop_assert!(columns(line.trim_end()) <= width.max(unbreakable) || !line.trim_start().contains(' '), "{:?}", line);
            }
        }
    }

    #[test]
    fn lines_break_at_spaces_and_colours_take_no_room() {
        let hanging = |line: &str| if line.starts_with("  ") { 6 } else { 2 };
        let text = "one two three four\n  why \u{1b}[2mlong\u{1b}[0m words go on here\nx\n";
        assert_eq!(
            wrapped(text, Some(14), hanging),
            "one two three\n  four\n  why \u{1b}[2mlong\u{1b}[0m\n      words go\n      on here\nx\n"
        );
        assert_eq!(wrapped(text, None, hanging), text);
        assert_eq!(wrapped("unbreakable_word_of_length", Some(10), hanging), "unbreakable_word_of_length");
    }
}
