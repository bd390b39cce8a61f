//! A file → its documents, before any parsing: a line that begins with `---` or `...` ends a document whatever it stands in (YAML
//! forbids both in every scalar), so a document that does not parse cannot swallow the next one.

use std::ops::Range;

/// Byte ranges of the documents that hold anything.
pub(super) fn split(text: &str) -> Vec<Range<usize>> {
    let mut documents = Vec::new();
    let mut start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let end = offset + line.len();
        if marks(line, "...") {
            documents.push(start..offset);
            start = end;
        } else if marks(line, "---") && offset > start && !only_directives(text.get(start..offset).unwrap_or_default())
        {
            documents.push(start..offset);
            start = offset;
        }
        offset = end;
    }
    documents.push(start..text.len());
    documents.retain(|document| {
        document.start < document.end && holds_anything(text.get(document.clone()).unwrap_or_default())
    });
    documents
}

fn marks(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// `%YAML 1.2` belongs to the document that follows.
fn only_directives(text: &str) -> bool {
    text.lines().any(|line| line.starts_with('%'))
        && text
            .lines()
            .all(|line| line.trim().is_empty() || line.starts_with('%') || line.trim_start().starts_with('#'))
}

fn holds_anything(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.strip_prefix("---").unwrap_or(line).trim();
        !line.is_empty() && !line.starts_with('#')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<&str> {
        split(text).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn documents_are_parted_at_markers_only() {
        assert_eq!(parts("a: 1\n---\nb: 2\n"), ["a: 1\n", "---\nb: 2\n"]);
        assert_eq!(parts("---\na: |\n  ---\n  x\n---\n# nothing\n---\nb: 2"), ["---\na: |\n  ---\n  x\n", "---\nb: 2"]);
        assert_eq!(parts("%YAML 1.2\n---\na: 1\n...\n# end\n"), ["%YAML 1.2\n---\na: 1\n"]);
        assert_eq!(parts("\u{feff}a: 1\n---x\n"), ["a: 1\n---x\n"]);
        assert!(parts("").is_empty());
        assert!(parts("---\n\n# only a comment\n").is_empty());
    }
}
