//! Values of a configuration, as the tools that write them write them: compose files, shells, secrets in files.

/// A value without surrounding white space and without the quotation marks that a tool has left around it; `None` when
/// nothing is left.
pub(crate) fn cleaned(text: &str) -> Option<String> {
    let text = text.trim();
    let quoted = ['"', '\''].into_iter().find_map(|mark| {
        let inner = text.strip_prefix(mark)?.strip_suffix(mark)?;
        (!inner.contains(mark)).then_some(inner)
    });
    let text = quoted.unwrap_or(text).trim();
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(feature = "hosted")]
/// What a switch says, in any case; `None` for what says neither.
pub(crate) fn switch(text: &str) -> Option<bool> {
    let says = |words: [&str; 4]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if says(["on", "true", "yes", "1"]) {
        Some(true)
    } else if says(["off", "false", "no", "0"]) {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_quotation_marks_around_a_value_are_no_part_of_it() {
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
            assert_eq!(cleaned(text).as_deref(), Some("eu"), "{text:?}");
        }
        for text in ["", " ", "\n", "\"\"", "''", "\" \""] {
            assert_eq!(cleaned(text), None, "{text:?}");
        }
        for text in ["\"", "\"eu", "eu'", "\"a\" b \"c\"", "\"eu'", "e u"] {
            assert_eq!(cleaned(text).as_deref(), Some(text), "{text:?}");
        }
    }

    #[cfg(feature = "hosted")]
    #[test]
    fn a_switch_is_written_in_many_ways() {
        for (texts, says) in [
            (&["on", "ON", "true", "True", "yes", "1"][..], Some(true)),
            (&["off", "false", "FALSE", "no", "No", "0"], Some(false)),
            (&["", "2", "y", "enabled", "on off"], None),
        ] {
            for text in texts {
                assert_eq!(switch(text), says, "{text:?}");
            }
        }
    }
}
