//! Messages to the user on stderr. Apart from the progress bar, only this module writes there.

use std::fmt;
use std::io::Write;

/// Writer of messages, under the name by which the user started newroot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Messages {
    /// Prefix of every line except hints.
    pub(crate) name: &'static str,
    /// Whether only errors are shown.
    pub(crate) quiet: bool,
}

impl Messages {
    /// Reports an error, and a hint at what the user can do about it.
    pub(crate) fn error(self, message: &dyn fmt::Display, hint: Option<&dyn fmt::Display>) {
        let mut text = format!("{}: {}\n", self.name, one_line(message));
        if let Some(hint) = hint {
            text.push_str(&format!("hint: {}\n", one_line(hint)));
        }
        print(&text);
    }

    /// Reports a fact that the user didn't ask for, but needs to know.
    pub(crate) fn note(self, message: &dyn fmt::Display) {
        if !self.quiet {
            print(&format!("{}: {}\n", self.name, one_line(message)));
        }
    }

    /// Reports a problem that doesn't stop the work.
    pub(crate) fn warning(self, message: &dyn fmt::Display) {
        if !self.quiet {
            print(&format!("{}: warning: {}\n", self.name, one_line(message)));
        }
    }
}

/// Writes in one piece, so that lines of other processes don't come between. Errors are ignored:
/// there is no other place to report them.
fn print(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Returns the message with its control characters escaped: a file's name can hold a newline, or a
/// sequence that takes over the terminal.
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
