//! The command line of newroot: dialects, what they ask for, and how the user hears of it.
//!
//! A [dialect](dialects) turns the argument vector into a request, without looking at the
//! world; a command carries the request out. Launching is the engine's work, making roots
//! is that of `newroot-roots`: here is only what stands between them and the user.

mod caller;
mod commands;
pub mod dialects;
mod failure;
mod manual;
pub mod memory;
mod messages;

use std::ffi::OsString;

pub use caller::Caller;

use crate::messages::Messages;

/// Does what the argument vector asks for, and returns what to exit with.
///
/// Where a command is launched, this usually doesn't return: the process becomes the command.
#[must_use]
pub fn run(argv: &[OsString]) -> u8 {
    let invocation = dialects::parse(argv, &Caller::current());
    let messages = Messages { name: invocation.name, quiet: false };
    let outcome = match invocation.request {
        Ok(request) => commands::carry_out(request, messages),
        Err(error) => Err(failure::Failure::Usage(error)),
    };
    outcome.unwrap_or_else(|failure| {
        let hint = failure.hint();
        messages.error(&failure.message(invocation.wording), hint.as_ref().map(|hint| hint as _));
        failure.exit_code()
    })
}
