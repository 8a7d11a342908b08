//! Reads flags and environment variables, tolerating the formats of compose files, shells and secret files.
//!
//! An empty variable counts as not set. Surrounding white space and one pair of quotation marks are removed from
//! variables. Flags override variables and are unchanged.

use std::ffi::OsString;

use clap::{ArgMatches, Command, builder::Resettable};

/// Reads the command line and the environment.
///
/// # Errors
/// Errors of clap, which name the flag and the variable.
pub(crate) fn read(
    command: Command,
    command_line: impl IntoIterator<Item = OsString>,
    value_of: impl Fn(&str) -> Option<OsString>,
) -> Result<ArgMatches, clap::Error> {
    let mut command_line = command_line.into_iter();
    let mut arguments: Vec<_> = command_line.next().into_iter().collect();
    let mut unset = Vec::new();
    for argument in command.get_arguments() {
        let (Some(variable), Some(flag)) = (argument.get_env(), argument.get_long()) else {
            continue;
        };
        // clap reports values that are not UTF-8.
        let Some(Ok(value)) = variable.to_str().and_then(&value_of).map(OsString::into_string) else {
            continue;
        };
        match trim_value(&value) {
            Some(value) => arguments.push(format!("--{flag}={value}").into()),
            None => unset.push(argument.get_id().clone()),
        }
    }
    arguments.extend(command_line);
    let command = unset.into_iter().fold(command, |command, id| {
        command.mut_arg(id, |argument| argument.env(Resettable::Reset))
    });
    // Flags of the command line come later and override these.
    command.args_override_self(true).try_get_matches_from(arguments)
}

/// Removes white space and quotation marks; `None` if the result is empty.
fn trim_value(text: &str) -> Option<&str> {
    let text = text.trim();
    let quoted = ['"', '\''].into_iter().find_map(|mark| {
        let inner = text.strip_prefix(mark)?.strip_suffix(mark)?;
        (!inner.contains(mark)).then_some(inner)
    });
    Some(quoted.unwrap_or(text).trim()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_and_quotation_marks_around_a_value_are_removed() {
        for text in ["10", " 10", "10\n", "10\r\n", "\"10\"", "'10'", " \" 10\"\n"] {
            assert_eq!(trim_value(text), Some("10"), "{text:?}");
        }
        for text in ["", " ", "\n", "\"\"", "''", "\" \""] {
            assert_eq!(trim_value(text), None, "{text:?}");
        }
        for text in ["\"", "\"10", "10'", "\"Tours, Inc\" <a@b.example>"] {
            assert_eq!(trim_value(text), Some(text), "{text:?}");
        }
    }
}
