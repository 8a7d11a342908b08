//! The text of a message: normalisation and limits.

use std::fmt;

use serde::Deserialize;
use unicode_normalization::UnicodeNormalization;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

/// The maximum number of characters (Unicode scalar values) of a message.
pub const MAX_BODY_CHARS: usize = 2_000;

/// A message's text, normalised.
///
/// The text is data, never markup: HTML is kept as typed, and must be escaped where it is shown. Deserialising parses the
/// text as [`parse`](Self::parse) does.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Body(String);

/// The text cannot be a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidBody {
    /// The text has no visible character.
    #[error("must contain at least one visible character")]
    Invisible,
    /// The text has more than 2,000 characters after normalisation.
    #[error("must be at most {MAX_BODY_CHARS} characters long, but is {chars}")]
    TooLong {
        /// The number of characters.
        chars: usize,
    },
}

impl Body {
    /// Normalises a text: CRLF and CR become LF; control characters other than LF and TAB and the overrides U+202D and
    /// U+202E are removed; NFC; white space is trimmed at both ends. Normalising twice changes nothing.
    ///
    /// # Errors
    /// [`InvalidBody`] if the result has no visible character or more than 2,000 characters.
    pub fn parse(text: impl AsRef<str>) -> Result<Self, InvalidBody> {
        let unix = text.as_ref().replace("\r\n", "\n").replace('\r', "\n");
        let composed: String = unix.chars().filter(|&c| is_kept(c)).nfc().collect();
        let trimmed = composed.trim();
        if !trimmed.chars().any(is_visible) {
            return Err(InvalidBody::Invisible);
        }
        match trimmed.chars().count() {
            0..=MAX_BODY_CHARS => Ok(Self(trimmed.to_owned())),
            chars => Err(InvalidBody::TooLong { chars }),
        }
    }

    /// Wraps a text from a store. It is not checked again: it was normalised when it was written, or is empty because
    /// it was erased.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The text as a store keeps it. A person is shown a [`Shown`](super::shown::Shown) instead.
    pub fn stored_text(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Body {
    type Error = InvalidBody;

    fn try_from(text: String) -> Result<Self, InvalidBody> {
        Self::parse(text)
    }
}

impl fmt::Debug for Body {
    /// Shows the length only, so that no log contains the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Body({} bytes)", self.0.len())
    }
}

fn is_kept(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        '\u{202d}' | '\u{202e}' => false,
        _ => !c.is_control(),
    }
}

fn is_visible(c: char) -> bool {
    !(c.is_whitespace()
        || c.general_category_group() == GeneralCategoryGroup::Other
        || is_default_ignorable(c)
        || c == '\u{2800}')
}

/// The assigned characters of `Default_Ignorable_Code_Point` that are not already of category C; among them the Hangul
/// fillers.
fn is_default_ignorable(c: char) -> bool {
    matches!(c,
        '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "so that a case is one short line")]
    fn check(text: &str, expected: Result<&str, InvalidBody>) {
        assert_eq!(
            Body::parse(text).as_ref().map(Body::stored_text),
            expected.as_ref().copied(),
            "{text:?}"
        );
    }

    #[test]
    fn deserialising_parses() {
        let parsed: Body = serde_json::from_str(r#"" a\r\nb ""#).unwrap();
        assert_eq!(parsed.stored_text(), "a\nb");
        let refused = serde_json::from_str::<Body>(r#""\u200b""#).unwrap_err();
        assert!(refused.to_string().contains("visible character"), "{refused}");
    }

    #[test]
    fn line_ends_become_line_feeds() {
        check("a\r\nb\rc\nd", Ok("a\nb\nc\nd"));
    }

    #[test]
    fn control_characters_and_overrides_are_removed() {
        check("a\0b\u{7}c\u{85}d\te\u{202e}f\u{202d}g", Ok("abcd\tefg"));
        check("\u{200f}שלום\u{200e}", Ok("\u{200f}שלום\u{200e}"));
    }

    #[test]
    fn text_is_composed() {
        check("e\u{301}", Ok("é"));
    }

    #[test]
    fn white_space_is_trimmed_at_both_ends_only() {
        check(" \n\u{a0}\u{2003}a  b\u{3000}\t", Ok("a  b"));
    }

    #[test]
    fn markup_is_kept_as_typed() {
        check(
            "<script>alert('1')</script>&amp;",
            Ok("<script>alert('1')</script>&amp;"),
        );
    }

    #[test]
    fn an_invisible_text_is_refused() {
        for text in [
            "",
            " ",
            "\n\t\r\n",
            "\0\u{1}",
            "\u{200b}",
            "\u{feff}",
            "\u{2060}\u{200d}",
            "\u{ad}",
            "\u{fe0f}",
            "\u{34f}",
            "\u{2800}",
            "\u{115f}\u{1160}",
            "\u{3164}",
            "\u{ffa0}",
            "\u{e0041}",
            "\u{e0100}",
            "\u{e000}",
            "\u{378}",
            "\u{202e}\u{202d}",
            "\u{180e}",
        ] {
            check(text, Err(InvalidBody::Invisible));
        }
    }

    #[test]
    fn length_is_counted_in_characters_after_normalising() {
        for unit in ["a", "😀", "ש"] {
            let full = unit.repeat(MAX_BODY_CHARS);
            check(&full, Ok(&full));
            check(&format!("  {full}\r\n"), Ok(&full));
            check(
                &format!("{full}x"),
                Err(InvalidBody::TooLong {
                    chars: MAX_BODY_CHARS + 1,
                }),
            );
        }
        let composed = "é".repeat(MAX_BODY_CHARS);
        check(&"e\u{301}".repeat(MAX_BODY_CHARS), Ok(&composed));
        let marks = format!("a{}", "\u{321}".repeat(MAX_BODY_CHARS));
        check(
            &marks,
            Err(InvalidBody::TooLong {
                chars: MAX_BODY_CHARS + 1,
            }),
        );
    }

    #[test]
    fn debug_shows_no_content() {
        assert_eq!(format!("{:?}", Body::parse("secret").unwrap()), "Body(6 bytes)");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(text in any::<String>()) {
            if let Ok(body) = Body::parse(&text) {
                prop_assert_eq!(Body::parse(body.stored_text()), Ok(body));
            }
        }

        #[test]
        fn a_parsed_body_is_short_visible_and_normalised(
            text in "[ \\t\\r\\n\\x00-\\x1f\\u{202a}-\\u{202e}\\u{2000}-\\u{200f}e\u{301}a-c\\u{1100}-\\u{11ff}]{0,40}"
        ) {
            if let Ok(body) = Body::parse(&text) {
                let kept = body.stored_text();
                prop_assert!((1..=MAX_BODY_CHARS).contains(&kept.chars().count()));
                prop_assert_eq!(kept.trim(), kept);
                prop_assert!(kept.chars().all(is_kept));
                prop_assert!(kept.chars().any(is_visible));
                prop_assert_eq!(Body::parse(kept), Ok(body.clone()));
            }
        }
    }
}
