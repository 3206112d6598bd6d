//! chroot(1)'s words for the engine's errors.

use newroot_engine::Error;

/// Returns the message that chroot(1) has for an engine's error, if it has one.
pub(in crate::dialects) fn wording(error: &Error) -> Option<String> {
    Some(match error {
        Error::Rootfs { path, cause } => {
            format!("cannot change root directory to '{}': {}", path.display(), newroot_engine::reason(cause))
        }
        Error::NotFound { command, why, .. } | Error::NotExecutable { command, why, .. } => {
            format!("failed to run command '{}': {why}", command.display())
        }
        Error::UnknownUser { name } => format!("invalid user: '{}'", name.display()),
        Error::UnknownGroup { name, listed: false } => format!("invalid group: '{}'", name.display()),
        Error::UnknownGroup { name, listed: true } => format!("invalid group '{}'", name.display()),
        Error::NoGroup { uid } => format!("no group specified for unknown uid: {uid}"),
        Error::LeftDirectory { .. } => "option --skip-chdir only permitted if NEWROOT is old '/'".to_owned(),
        _ => return None,
    })
}
