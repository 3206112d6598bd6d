//! newroot's command line: the dialects, the requests that they make, and the user's messages.
//!
//! A [dialect](dialects) turns the argument vector into a request. It doesn't look at the file
//! system. A command carries the request out. The engine launches, and `newroot-roots` makes roots:
//! this crate only has the layer between them and the user.

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

/// Carries out the command line `argv`, and returns the exit status.
///
/// When it launches a command, it usually doesn't return: the process becomes the command.
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
