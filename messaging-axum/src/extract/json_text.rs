//! Repairs JSON that clients commonly send and parsers reject.

use std::borrow::Cow;

/// Removes a byte order mark and replaces unpaired surrogate escapes by U+FFFD. Clients produce them by cutting an
/// emoji in two with `slice` or `maxlength`; a parser would reject the whole body. Everything else is unchanged.
pub(super) fn repaired(json: &[u8]) -> Cow<'_, [u8]> {
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    let mut whole = Vec::new();
    let (mut kept, mut at) = (0, 0);
    // Backslashes occur in strings only, and escape the next character.
    while let Some(escape) = json.get(at..) {
        match escape {
            [] => break,
            [b'\\', b'u', ..] => match Surrogate::of(escape) {
                Some(Surrogate::High) if Surrogate::of(&escape[6..]) == Some(Surrogate::Low) => at += 12,
                Some(_) => {
                    whole.extend_from_slice(&json[kept..at]);
                    whole.extend_from_slice(br"\ufffd");
                    at += 6;
                    kept = at;
                }
                None => at += 2,
            },
            [b'\\', ..] => at += 2,
            _ => at += 1,
        }
    }
    if kept == 0 {
        return Cow::Borrowed(json);
    }
    whole.extend_from_slice(&json[kept..]);
    Cow::Owned(whole)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Surrogate {
    High,
    Low,
}

impl Surrogate {
    /// The kind of surrogate escape at the beginning of the text, if any.
    fn of(text: &[u8]) -> Option<Self> {
        let [b'\\', b'u', b'd' | b'D', half, x, y, ..] = text else {
            return None;
        };
        if !(x.is_ascii_hexdigit() && y.is_ascii_hexdigit()) {
            return None;
        }
        match half {
            b'8' | b'9' | b'a' | b'b' | b'A' | b'B' => Some(Self::High),
            b'c'..=b'f' | b'C'..=b'F' => Some(Self::Low),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn check(json: &str, expected: &str) {
        let repaired = repaired(json.as_bytes());
        assert_eq!(std::str::from_utf8(&repaired), Ok(expected), "{json}");
    }

    #[test]
    fn half_a_surrogate_pair_becomes_the_replacement_character() {
        check(r#"{"a": "\ud83d"}"#, r#"{"a": "\ufffd"}"#);
        check(r#"{"\uDE00": "b"}"#, r#"{"\ufffd": "b"}"#);
        check(r#""\ud83d\ud83d\ude00\ude00""#, r#""\ufffd\ud83d\ude00\ufffd""#);
        check(r#""\ud83d x \ude00""#, r#""\ufffd x \ufffd""#);
        check(r#""\ud83d\n""#, r#""\ufffd\n""#);
    }

    #[test]
    fn other_text_is_unchanged() {
        for json in [
            "",
            "\\",
            r"\u",
            r#"{"a": "\ud83d\ude00", "b": "\u00e9"}"#,
            r#""\\ud83d""#,
            r#""\\\\ud83d""#,
            r#""\ud83""#,
            r#""\ud8zz""#,
            r#""\ud7ff\ue000""#,
            r#"{"a": "\u"#,
        ] {
            check(json, json);
        }
        check(r#""\\\ud83d""#, r#""\\\ufffd""#);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_once() {
        check("\u{feff}{}", "{}");
        check("\u{feff}\u{feff}{}", "\u{feff}{}");
        check("{\"a\": \"\u{feff}\"}", "{\"a\": \"\u{feff}\"}");
    }

    proptest! {
        #[test]
        fn valid_json_keeps_its_value(text: String, escaped in r"(\\u[0-9a-fA-F]{4}|\\[nt\\/]|[a-z]){0,20}") {
            let json = format!(r#"{{"a": {}, "b": "{escaped}"}}"#, Value::from(text));
            let before = serde_json::from_str::<Value>(&json);
            let after = serde_json::from_slice::<Value>(&repaired(json.as_bytes()));
            match before {
                Ok(before) => prop_assert_eq!(before, after.expect("valid JSON stays valid")),
                Err(_) => prop_assert!(after.is_ok(), "{}", json),
            }
        }

        #[test]
        fn any_bytes_are_accepted(bytes: Vec<u8>) {
            repaired(&bytes);
        }
    }
}
