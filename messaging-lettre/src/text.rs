//! What people wrote, made fit to be shown in an e-mail. It is escaped where it is shown, not here.

use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory as _};

/// How much of a message is shown, in characters.
const EXCERPT: usize = 200;

/// How many combining marks in a row are shown: more than any script stacks, and too few to paint over other lines.
const MARKS: usize = 8;

/// How much of a name, a number or a title is shown.
const LABEL: usize = 80;

/// The beginning of a message, in one line.
pub(crate) fn excerpt(text: &str) -> String {
    cut(text, EXCERPT)
}

/// A name, a number or a title, in one line.
pub(crate) fn label(text: &str) -> String {
    cut(text, LABEL)
}

/// In a line of its own direction, which nothing in it ends.
pub(crate) fn isolate(text: &str) -> String {
    format!("\u{2068}{text}\u{2069}")
}

/// One line of at most so many characters: white space and control characters are single spaces, and what sets
/// directions is left out, so that what comes after is not turned round. Of a pile of combining marks the first
/// stay, so that it does not paint over what stands around it.
fn cut(text: &str, most: usize) -> String {
    let mut marks = 0;
    let fits = move |c: &char| {
        marks = if is_mark(*c) { marks + 1 } else { 0 };
        marks <= MARKS
    };
    let visible = text.chars().filter(|c| !sets_direction(*c)).filter(fits);
    let spaced: String = visible.map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= most {
        return line;
    }
    let head: String = line.chars().take(most - 1).collect();
    // At the end of a word, if one ends near.
    let at = head
        .rfind(' ')
        .filter(|at| head[*at..].chars().count() <= most / 5);
    format!("{}…", at.map_or(head.as_str(), |at| &head[..at]))
}

fn is_mark(c: char) -> bool {
    c.general_category_group() == GeneralCategoryGroup::Mark
}

fn sets_direction(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_word_and_a_word_without_an_end_anywhere() {
        let words = "hut ".repeat(100);
        let cut = excerpt(&words);
        assert!(cut.ends_with("hut…") && cut.chars().count() <= EXCERPT, "{cut}");
        assert_eq!(excerpt(&"x".repeat(2_000)).chars().count(), EXCERPT);
        assert_eq!(excerpt("short\n\nand\ttwo lines"), "short and two lines");
    }

    #[test]
    fn a_pile_of_combining_marks_is_cut_and_no_word_of_a_script_is() {
        let pile = format!("Z{}algo", "\u{0301}\u{0316}".repeat(50));
        assert_eq!(excerpt(&pile), format!("Z{}algo", "\u{0301}\u{0316}".repeat(4)));
        for word in ["Việt", "שָׁלוֹם", "ক্ষ্ম্য", "བསྒྲུབས", "กี่"]
        {
            assert_eq!(label(word), word);
        }
    }

    proptest! {
        #[test]
        fn whatever_was_written_is_one_line_that_turns_nothing_round(text in "\\PC*|[\\r\\n\\t\u{202E}\u{2069}a-z]*") {
            for line in [excerpt(&text), label(&text)] {
                prop_assert!(!line.chars().any(|c| c.is_control() || sets_direction(c)));
                prop_assert!(line.chars().count() <= EXCERPT);
                prop_assert_eq!(line.trim(), line.as_str());
            }
        }
    }
}
