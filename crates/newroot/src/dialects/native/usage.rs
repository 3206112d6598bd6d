//! The parser's complaints in newroot's form: one line, and a hint.

use clap::error::ErrorKind;

use crate::dialects::UsageError;

/// Turns what the parser would print (a message, tips and a usage text, in paragraphs) into
/// one line and a hint.
pub(super) fn error(error: &clap::Error) -> UsageError {
    if error.kind() == ErrorKind::MissingSubcommand {
        return UsageError::new("no command given")
            .hint("to enter a root, newroot run ROOTFS; all commands are listed by newroot --help");
    }
    let text = error.to_string();
    let mut paragraphs = text.split("\n\n");
    let message = joined(paragraphs.next().unwrap_or_default());
    let hint = paragraphs.flat_map(str::lines).find_map(|line| {
        let line = line.trim_start();
        // "to pass '-x' as a value, use '-- -x'": true, and never what was meant.
        if line.starts_with("tip: to pass") {
            return None;
        }
        line.strip_prefix("tip: ").or_else(|| line.strip_prefix("Usage: "))
    });
    UsageError {
        message: message.strip_prefix("error: ").unwrap_or(&message).to_owned(),
        hint: hint.map(str::to_owned),
    }
}

/// A paragraph in one line.
fn joined(paragraph: &str) -> String {
    paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
}
