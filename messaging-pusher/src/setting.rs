//! Parses configuration values as compose files, shells and secret files write them.

/// Removes surrounding white space and one pair of quotation marks. Returns `None` if the result is empty.
pub(crate) fn trim_value(text: &str) -> Option<String> {
    let text = text.trim();
    let quoted = ['"', '\''].into_iter().find_map(|mark| {
        let inner = text.strip_prefix(mark)?.strip_suffix(mark)?;
        (!inner.contains(mark)).then_some(inner)
    });
    let text = quoted.unwrap_or(text).trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(feature = "hosted")]
/// Parses a boolean setting, ignoring case. Returns `None` for any other text.
pub(crate) fn parse_switch(text: &str) -> Option<bool> {
    let matches_any = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if matches_any(["on", "true", "yes", "1"]) {
        Some(true)
    } else if matches_any(["off", "false", "no", "0"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_quotation_marks_around_a_value_are_removed() {
        for text in [
            "eu",
            " eu",
            "eu\n",
            "eu\r\n",
            "\teu ",
            "\"eu\"",
            "'eu'",
            " \" eu\"\n",
        ] {
            assert_eq!(trim_value(text).as_deref(), Some("eu"), "{text:?}");
        }
        for text in ["", " ", "\n", "\"\"", "''", "\" \""] {
            assert_eq!(trim_value(text), None, "{text:?}");
        }
        for text in ["\"", "\"eu", "eu'", "\"a\" b \"c\"", "\"eu'", "e u"] {
            assert_eq!(trim_value(text).as_deref(), Some(text), "{text:?}");
        }
    }

    #[cfg(feature = "hosted")]
    #[test]
    fn a_boolean_setting_accepts_the_usual_spellings() {
        for (texts, expected) in [
            (&["on", "ON", "true", "True", "yes", "1"][..], Some(true)),
            (&["off", "false", "FALSE", "no", "No", "0"], Some(false)),
            (&["", "2", "y", "enabled", "on off"], None),
        ] {
            for text in texts {
                assert_eq!(parse_switch(text), expected, "{text:?}");
            }
        }
    }
}
