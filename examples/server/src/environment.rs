//! The environment, as the tools that write it write it: compose files, shells, secrets in files.
//!
//! A variable that is empty is not set. White space around a value and a pair of quotation marks are no part of it. What
//! is given on the command line goes before the environment, and is taken as it is.

use std::ffi::OsString;

use clap::{ArgMatches, Command, builder::Resettable};

/// Reads the command line and the environment.
///
/// # Errors
/// Those of clap, which name the flag and the variable.
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
        // What is no text is left to clap.
        let Some(Ok(value)) = variable.to_str().and_then(&value_of).map(OsString::into_string) else {
            continue;
        };
        match cleaned(&value) {
            Some(value) => arguments.push(format!("--{flag}={value}").into()),
            None => unset.push(argument.get_id().clone()),
        }
    }
    arguments.extend(command_line);
    let command = unset.into_iter().fold(command, |command, id| {
        command.mut_arg(id, |argument| argument.env(Resettable::Reset))
    });
    // A flag of the command line comes later, and is the one that counts.
    command.args_override_self(true).try_get_matches_from(arguments)
}

/// `None` when nothing is left.
fn cleaned(text: &str) -> Option<&str> {
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
    fn what_tools_add_around_a_value_is_no_part_of_it() {
        for text in ["10", " 10", "10\n", "10\r\n", "\"10\"", "'10'", " \" 10\"\n"] {
            assert_eq!(cleaned(text), Some("10"), "{text:?}");
        }
        for text in ["", " ", "\n", "\"\"", "''", "\" \""] {
            assert_eq!(cleaned(text), None, "{text:?}");
        }
        for text in ["\"", "\"10", "10'", "\"Tours, Inc\" <a@b.example>"] {
            assert_eq!(cleaned(text), Some(text), "{text:?}");
        }
    }
}
