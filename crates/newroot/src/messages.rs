//! What the user is told on stderr: the one place that writes there.

use std::fmt;
use std::io::Write;

/// Writes messages in the name the user called us by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages {
    /// What stands in front of every line but hints.
    pub(crate) name: &'static str,
    /// Whether only errors are shown.
    pub(crate) quiet: bool,
}

impl Messages {
    /// Says what went wrong, and what could be done about it.
    pub(crate) fn error(self, message: &dyn fmt::Display, hint: Option<&dyn fmt::Display>) {
        let mut text = format!("{}: {}\n", self.name, one_line(message));
        if let Some(hint) = hint {
            text.push_str(&format!("hint: {}\n", one_line(hint)));
        }
        print(&text);
    }

    /// Says what the user did not ask for, but wants to know.
    pub(crate) fn note(self, message: &dyn fmt::Display) {
        if !self.quiet {
            print(&format!("{}: {}\n", self.name, one_line(message)));
        }
    }

    /// Says what doesn't keep the work from going on.
    pub(crate) fn warning(self, message: &dyn fmt::Display) {
        if !self.quiet {
            print(&format!("{}: warning: {}\n", self.name, one_line(message)));
        }
    }
}

/// Writes in one piece, so that lines of other processes don't come between. There is nobody
/// to tell if it fails.
fn print(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// The message with its control characters made visible: a file's name can hold a newline, or
/// a sequence that takes over the terminal.
fn one_line(message: &dyn fmt::Display) -> String {
    let mut line = String::new();
    for character in message.to_string().chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_made_visible() {
        assert_eq!(one_line(&"a\nb\x1b[31m\u{9b}ü'"), "a\\nb\\u{1b}[31m\\u{9b}ü'");
    }
}
