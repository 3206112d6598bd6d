//! The commands that carry out requests: a file for each kind of request.

mod archive;
mod doctor;
mod env_file;
mod install;
mod interrupt;
mod launch;
mod links;
mod manual;
mod placeholders;
mod progress;
mod roots;

use std::io::{self, Write};

use crate::dialects::Request;
use crate::failure::Failure;
use crate::messages::Messages;

/// Carries out `request`, and returns the exit status.
pub(crate) fn carry_out(request: Request, messages: Messages) -> Result<u8, Failure> {
    let placeholders = placeholders::occupy();
    match request {
        Request::Launch(launch) => {
            let launch = launch::prepare(*launch, messages)?;
            drop(placeholders);
            launch::run(&launch, messages)
        }
        Request::Init { directory, programs, force, verbose } => {
            roots::init(&directory, &programs, roots::How { force, verbose }, messages)
        }
        Request::Add { directory, programs, force, verbose } => {
            roots::add(&directory, &programs, roots::How { force, verbose }, messages)
        }
        Request::Export { root, options } => archive::export(&root, &options, messages),
        Request::Import { archive, directory, options } => {
            archive::import(&archive, &directory, options, messages)
        }
        Request::Doctor => doctor::run(),
        Request::Manual { directory } => manual::write(&directory),
        Request::Links { directory, manual } => links::make(&directory, manual.as_deref(), messages),
        Request::Print(text) => print(&text).map(|()| 0),
    }
}

/// Writes `text` to standard output.
fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
