//! Launch specifications and the engines that run them.
//!
//! A dialect (the command line someone typed) lowers to one [`LaunchSpec`]; [`launch`]
//! hands it to an engine. Everything that looks at the world happens here, never in a
//! dialect: resolving the root, looking for the command, warning of a missing binding.
//!
//! [`launch`] goes through: `mounts` (the root and the bindings, in guest terms), `environment`,
//! `cwd`, `command` (found, and found fit), and then the engine's own module.

mod command;
mod cwd;
pub mod doctor;
mod environment;
mod error;
mod guest;
mod mounts;
mod places;
mod spec;
mod supervise;
mod trap;

pub use error::{Error, Hint, Result};
pub use spec::{
    Access, Binding, CommandLine, EngineChoice, Environment, GuestLink, LaunchSpec, Missing, Patching,
    Warning, WorkingDirectory,
};

/// Runs `spec` and returns only if it could not be started, or, where a supervisor was
/// asked for (`kill_on_exit`), with the status the caller must exit with.
///
/// Without a supervisor the calling process *becomes* the command: job control, signals
/// and the exit status are then the kernel's own business.
///
/// # Errors
/// Whatever kept the command from starting; [`Error::exit_code`] is what to exit with.
pub fn launch(spec: &LaunchSpec, warn: &mut dyn FnMut(Warning)) -> Result<u8> {
    match spec.engine {
        EngineChoice::Auto | EngineChoice::Trap => trap::launch(spec, warn),
    }
}
