//! Did you mean: the known word nearest to an unknown one.

/// The help text for an unknown word: the nearest known one, or all of them.
pub(crate) fn help<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match closest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there is nothing to choose from here".to_owned(),
        None => {
            let list: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
            format!("known here: {}", list.join(", "))
        }
    }
}

/// The known word nearest to `word`, if any is near: the only one that begins with it, or the one with the fewest letters changed.
pub(crate) fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<&'a str> {
    const LONGEST: usize = 80;
    if word.len() > LONGEST {
        return None;
    }
    let plain = simplify(word);
    let mut begun =
        known.clone().into_iter().filter(|candidate| plain.len() >= 3 && simplify(candidate).starts_with(&plain));
    if let (Some(only), None) = (begun.next(), begun.next()) {
        return Some(only);
    }
    let allowed = (plain.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST)
        .map(|candidate| (strsim::damerau_levenshtein(&plain, &simplify(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Case and `-`, `_`, `.` and spaces are what people mix up most; they weigh nothing.
fn simplify(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_' | ' ' | '.')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_words_are_proposed_and_far_ones_are_not() {
        assert_eq!(closest("serverity", ["severity", "status"]), Some("severity"));
        assert_eq!(closest("group_by", ["timespan", "group-by"]), Some("group-by"));
        assert_eq!(closest("colour", ["severity", "status"]), None);
        assert_eq!(closest("code.file", ["code.line", "code.file.path"]), Some("code.file.path"));
        assert_eq!(closest("stale", ["stale_build", "stale_runtime"]), None, "one cannot be told from the other");
        assert_eq!(closest("startsWith", ["startswith", "endswith"]), Some("startswith"));
    }
}
