//! Running a command in a root.

use newroot_engine::Warning;

use crate::commands::roots;
use crate::dialects::Launch;
use crate::failure::Failure;
use crate::messages::Messages;

/// Sees to it that there is a root.
pub(super) fn prepare(mut launch: Launch, messages: Messages) -> Result<Launch, Failure> {
    if launch.default_root {
        launch.spec.rootfs = roots::default_root(messages)?;
    }
    Ok(launch)
}

/// Hands the specification to its engine.
pub(super) fn run(launch: &Launch, messages: Messages) -> Result<u8, Failure> {
    let mut warn = |warning| match warning {
        _ if launch.quiet => {}
        Warning::Confined { .. } => messages.note(&warning),
        _ => messages.warning(&warning),
    };
    Ok(newroot_engine::launch(&launch.spec, &mut warn)?)
}
