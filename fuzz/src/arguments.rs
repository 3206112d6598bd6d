//! The option parsers of all dialects: whatever is typed is understood or refused, and refused in one line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use newroot::Caller;
use newroot::dialects::{self, Launch, Request, UsageError};

/// Takes any bytes for a command line: the first says in which dialect, the others are words with NULs between them.
///
/// # Panics
/// If a launch comes of it that means nothing, or an error that says nothing.
pub fn check(bytes: &[u8]) {
    let Some((dialect, words)) = bytes.split_first() else { return };
    let spoken: &[&str] = match dialect % 6 {
        0 => &["newroot", "run"],
        1 => &["newroot"],
        2 => &["proot"],
        3 => &["chroot"],
        4 => &["newroot", "proot"],
        _ => &[],
    };
    let given = words.split(|&byte| byte == 0).map(|word| OsStr::from_bytes(word).to_owned());
    let argv: Vec<OsString> = spoken.iter().map(OsString::from).chain(given).collect();
    let caller = Caller {
        environment: vec![("SHELL".into(), "/bin/sh".into()), ("HOME".into(), "/home/u".into())],
        working_directory: Some(PathBuf::from("/home/u")),
    };
    match dialects::parse(&argv, &caller).request {
        Ok(Request::Launch(launch)) => check_launch(&launch),
        Ok(Request::Print(text)) => assert!(text.ends_with('\n'), "{text:?}"),
        Ok(_) => {}
        Err(UsageError { message, hint }) => {
            assert!(!message.trim().is_empty());
            assert!(hint.is_none_or(|hint| !hint.trim().is_empty()));
            // A word that is repeated may have lines of its own.
            assert!(words.contains(&b'\n') || !message.contains('\n'), "{message:?}");
        }
    }
}

fn check_launch(launch: &Launch) {
    for binding in &launch.spec.bindings {
        assert!(!binding.host.as_os_str().is_empty(), "{binding:?}");
        assert!(binding.guest.as_ref().is_none_or(|guest| !guest.as_os_str().is_empty()), "{binding:?}");
    }
}
