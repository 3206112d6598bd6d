//! The option parsers of all dialects: they accept a command line or reject it with a one-line
//! message.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use newroot::Caller;
use newroot::dialects::{self, Launch, Request, UsageError};

/// Parses arbitrary bytes as a command line. The first byte selects the dialect; NULs separate the
/// words.
///
/// # Panics
/// If the result is a launch with empty paths, or an error without a message.
pub fn check(bytes: &[u8]) {
    let Some((dialect, words)) = bytes.split_first() else { return };
    let program: &[&str] = match dialect % 6 {
        0 => &["newroot", "run"],
        1 => &["newroot"],
        2 => &["proot"],
        3 => &["chroot"],
        4 => &["newroot", "proot"],
        _ => &[],
    };
    let given = words.split(|&byte| byte == 0).map(|word| OsStr::from_bytes(word).to_owned());
    let argv: Vec<OsString> = program.iter().map(OsString::from).chain(given).collect();
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
            // A message may repeat a word that contains a newline.
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
