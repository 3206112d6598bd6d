//! Puts the parser's errors in newroot's form: one line, and a hint.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{foreign, parser};
use crate::dialects::UsageError;

/// Hint for an unknown word.
pub(super) const LIST: &str =
    "to run a command in a root: newroot run ROOTFS [COMMAND]...; newroot --help lists all commands";

/// Hint for an option of `run` in front of that word.
const OPTIONS_FOLLOW: &str = "options follow the command: newroot run [OPTIONS] ROOTFS [COMMAND]...";

/// Turns what the parser would print (a message, tips and a usage text, in paragraphs) into
/// one line and a hint. `arguments` is the text that was parsed.
pub(super) fn error(error: &clap::Error, arguments: &[OsString]) -> UsageError {
    if error.kind() == ErrorKind::MissingSubcommand {
        return UsageError::new("no command given")
            .hint("to enter a root: newroot run ROOTFS; newroot --help lists all commands");
    }
    let text = error.to_string();
    let mut paragraphs = text.split("\n\n");
    let message = joined(paragraphs.next().unwrap_or_default());
    let suggestion = paragraphs.flat_map(str::lines).find_map(|line| {
        let line = line.trim_start();
        // "to pass '-x' as a value, use '-- -x'": true, but never what the user meant.
        if line.starts_with("tip: to pass") {
            return None;
        }
        line.strip_prefix("tip: ").or_else(|| line.strip_prefix("Usage: "))
    });
    UsageError {
        message: message.strip_prefix("error: ").unwrap_or(&message).to_owned(),
        hint: brought(error, arguments).or_else(|| suggestion.map(str::to_owned)),
    }
}

/// Returns the hint for a word that users bring from another program. It goes before the parser's
/// own suggestion, which is the most similar word and may mean something else.
fn brought(error: &clap::Error, arguments: &[OsString]) -> Option<String> {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let word = word(ContextKind::InvalidSubcommand)?;
            let is_path = word.contains('/') || matches!(word, "." | "..");
            if is_path {
                let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
                return Some(format!("to run a command in a root: newroot run {}", words.join(" ")));
            }
            let has_suggestion = error.get(ContextKind::SuggestedSubcommand).is_some();
            let unknown = (!has_suggestion).then_some(LIST);
            foreign::hint_for_command(word).or(unknown).map(str::to_owned)
        }
        ErrorKind::UnknownArgument => {
            let option = word(ContextKind::InvalidArg)?;
            let first = arguments.first()?.as_bytes();
            if matches!(first, b"run" | b"shell") {
                return attached_volume(arguments)
                    .or_else(|| foreign::hint_for_option(option).map(str::to_owned));
            }
            // An option in front of the command.
            let is_in_front = first.starts_with(b"-");
            if let (true, Some(command)) = (is_in_front, of_proot(arguments)) {
                return Some(command);
            }
            let hint =
                foreign::hint_for_option(option).or_else(|| is_of_run(option).then_some(OPTIONS_FOLLOW))?;
            is_in_front.then(|| hint.to_owned())
        }
        _ => None,
    }
}

/// Returns the command of newroot's that means what PRoot's user wrote, if the first option is one
/// that PRoot's command lines begin with.
fn of_proot(arguments: &[OsString]) -> Option<String> {
    let words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy()).collect();
    let is_proots = matches!(words.first()?.as_ref(), "-0" | "-r" | "-R" | "-S" | "--rootfs");
    is_proots.then(|| format!("with PRoot's options: newroot proot {}", words.join(" ")))
}

/// Returns the hint for docker's `-vHOST:GUEST`, which here is `-v` and further letters.
fn attached_volume(arguments: &[OsString]) -> Option<String> {
    let binding = arguments.iter().find_map(|argument| {
        let binding = argument.to_str()?.strip_prefix("-v")?;
        binding.contains(":/").then_some(binding)
    })?;
    Some(format!("to bind a directory: -b {binding}, or --volume {binding}"))
}

/// Returns whether `run` has an option of this name.
fn is_of_run(option: &str) -> bool {
    let command = parser();
    let Some(run) = command.find_subcommand("run") else { return false };
    let name = option.split_once('=').map_or(option, |(name, _)| name);
    run.get_arguments().any(|argument| match name.strip_prefix("--") {
        Some(word) => {
            argument.get_long() == Some(word)
                || argument.get_all_aliases().is_some_and(|names| names.contains(&word))
        }
        None => name.chars().nth(1).is_some_and(|letter| {
            argument.get_short() == Some(letter)
                || argument.get_all_short_aliases().is_some_and(|letters| letters.contains(&letter))
        }),
    })
}

/// Joins a paragraph into one line.
fn joined(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}
