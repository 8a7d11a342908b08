//! The JSON that clients write, made what a parser of JSON takes.

use std::borrow::Cow;

/// A text of JSON without a byte order mark, and with U+FFFD in the place of half a surrogate pair: it is what is left of
/// an emoji that was cut in two, as `slice` and `maxlength` do it, and would otherwise make the whole body unreadable.
/// Anything else stays as it is.
pub(super) fn readable(json: &[u8]) -> Cow<'_, [u8]> {
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    let mut whole = Vec::new();
    let (mut kept, mut at) = (0, 0);
    // A backslash stands in strings only, and what follows it belongs to it.
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
    /// What a text begins with, if it is the escape of a surrogate.
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
        let readable = readable(json.as_bytes());
        assert_eq!(std::str::from_utf8(&readable), Ok(expected), "{json}");
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
    fn anything_else_stays() {
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
        fn what_could_be_read_is_read_alike(text: String, escaped in r"(\\u[0-9a-fA-F]{4}|\\[nt\\/]|[a-z]){0,20}") {
            let json = format!(r#"{{"a": {}, "b": "{escaped}"}}"#, Value::from(text));
            let before = serde_json::from_str::<Value>(&json);
            let after = serde_json::from_slice::<Value>(&readable(json.as_bytes()));
            match before {
                Ok(before) => prop_assert_eq!(before, after.expect("it could be read")),
                Err(_) => prop_assert!(after.is_ok(), "{}", json),
            }
        }

        #[test]
        fn no_bytes_are_too_odd(bytes: Vec<u8>) {
            readable(&bytes);
        }
    }
}
