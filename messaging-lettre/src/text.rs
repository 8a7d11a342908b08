//! Prepares user-written text for e-mails. Does not escape it: the templates do.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// Maximum length of a message excerpt, in characters.
const MAX_EXCERPT_CHARS: usize = 200;

/// Maximum number of consecutive combining marks: more than any script uses, and too few to cover adjacent lines.
const MAX_MARKS: usize = 8;

/// Maximum length of a name, number or title, in characters.
const MAX_LABEL_CHARS: usize = 80;

/// The beginning of a message, as one line.
pub(crate) fn excerpt(text: &str) -> String {
    truncate(text, MAX_EXCERPT_CHARS)
}

/// A name, number or title, as one line.
pub(crate) fn label(text: &str) -> String {
    truncate(text, MAX_LABEL_CHARS)
}

/// Isolates the text direction, so that it does not affect the surrounding text.
pub(crate) fn isolate(text: &str) -> String {
    format!("\u{2068}{text}\u{2069}")
}

/// Returns one line of at most `max_chars` characters. White space and control characters become single spaces.
/// Bidirectional controls are removed, so that the following text keeps its direction. Excess combining marks are
/// removed, so that they do not cover adjacent text.
fn truncate(text: &str, max_chars: usize) -> String {
    let mut marks = 0;
    let fits = move |c: &char| {
        marks = if is_mark(*c) { marks + 1 } else { 0 };
        marks <= MAX_MARKS
    };
    let visible = text.chars().filter(|c| !is_bidi_control(*c)).filter(fits);
    let spaced: String = visible.map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max_chars {
        return line;
    }
    let head: String = line.chars().take(max_chars - 1).collect();
    // Truncate at a word boundary if one is near.
    let at = head
        .rfind(' ')
        .filter(|at| head[*at..].chars().count() <= max_chars / 5);
    format!("{}…", at.map_or(head.as_str(), |at| &head[..at]))
}

fn is_mark(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark
}

fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_text_is_truncated_at_a_word_if_possible() {
        let words = "hut ".repeat(100);
        let cut = excerpt(&words);
        assert!(
            cut.ends_with("hut…") && cut.chars().count() <= MAX_EXCERPT_CHARS,
            "{cut}"
        );
        assert_eq!(excerpt(&"x".repeat(2_000)).chars().count(), MAX_EXCERPT_CHARS);
        assert_eq!(excerpt("short\n\nand\ttwo lines"), "short and two lines");
    }

    #[test]
    fn excess_combining_marks_are_removed_and_real_words_are_unchanged() {
        let pile = format!("Z{}algo", "\u{0301}\u{0316}".repeat(50));
        assert_eq!(excerpt(&pile), format!("Z{}algo", "\u{0301}\u{0316}".repeat(4)));
        for word in ["Việt", "שָׁלוֹם", "ক্ষ্ম্য", "བསྒྲུབས", "กี่"]
        {
            assert_eq!(label(word), word);
        }
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_line_without_bidi_controls(text in "\\PC*|[\\r\\n\\t\u{202E}\u{2069}a-z]*") {
            for line in [excerpt(&text), label(&text)] {
                prop_assert!(!line.chars().any(|c| c.is_control() || is_bidi_control(c)));
                prop_assert!(line.chars().count() <= MAX_EXCERPT_CHARS);
                prop_assert_eq!(line.trim(), line.as_str());
            }
        }
    }
}
