//! Runs a command in a root.

use newroot_engine::Warning;

use crate::commands::{env_file, roots};
use crate::dialects::Launch;
use crate::failure::Failure;
use crate::messages::Messages;

/// Refuses a stray option, makes the default root if the launch needs it, and reads the files with
/// variables that it names.
pub(super) fn prepare(mut launch: Launch, messages: Messages) -> Result<Launch, Failure> {
    if let Some(error) = launch.stray_option.take().filter(|_| launch.spec.rootfs.exists()) {
        return Err(Failure::Usage(error));
    }
    let files = launch.env_files.iter().map(|path| env_file::read(path)).collect::<Result<Vec<_>, _>>()?;
    // Variables of the command line come last, so they prevail.
    launch.spec.environment.set.splice(..0, files.into_iter().flatten());
    if launch.default_root {
        launch.spec.rootfs = roots::default_root(Messages { quiet: launch.quiet, ..messages })?;
    }
    Ok(launch)
}

/// Hands the specification to its engine.
pub(super) fn run(launch: &Launch, messages: Messages) -> Result<u8, Failure> {
    let messages = Messages { quiet: launch.quiet, ..messages };
    let mut warn = |warning| match &warning {
        // The user asked for this, and the kernel enforces all of it.
        Warning::Confined { missing, .. } if missing.is_empty() && launch.spec.verbosity == 0 => {}
        Warning::Confined { .. } | Warning::RootNotWritable { .. } => messages.note(&warning),
        _ => messages.warning(&warning),
    };
    Ok(newroot_engine::launch(&launch.spec, &mut warn)?)
}
