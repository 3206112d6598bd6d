//! The environment of the command.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use newroot_accounts::user_numbered;
use newroot_paths::Last;

use crate::guest::{Guest, shown};
use crate::root_file;
use crate::spec::Environment;

/// Directories in which programs are looked up, as login(1) of most distributions sets them.
const PATH_DIRECTORIES: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Variables as (name, value).
pub(crate) type Variables = Vec<(OsString, OsString)>;

/// Returns the variables of the command. `uid` is the user as which the command runs, and
/// `is_caller` says that no other user than the caller was asked for. `cwd` is the canonical guest
/// directory in which it starts; `None` if the working directory is left as it is.
pub(crate) fn resolve(
    guest: &Guest,
    wanted: &Environment,
    is_caller: bool,
    uid: u32,
    cwd: Option<&[u8]>,
) -> Variables {
    let mut variables: Variables = if wanted.clear { Vec::new() } else { std::env::vars_os().collect() };
    if wanted.guest_defaults {
        set(&mut variables, OsStr::new("PATH"), Some(&path(guest)));
        set(
            &mut variables,
            OsStr::new("HOME"),
            Some(&wanted.home.clone().map_or_else(|| home(guest, is_caller, uid), PathBuf::into_os_string)),
        );
    }
    if let Some(cwd) = cwd {
        set_working_directory(guest, &mut variables, cwd);
    }
    for (name, value) in &wanted.set {
        set(&mut variables, name, value.as_deref());
    }
    variables
}

/// Sets PWD to the working directory, as a shell that changed to it would. A shell that starts
/// believes an inherited PWD if it leads to the same inode, but that may be another guest path. A
/// PWD that leads through symlinks to this very guest path stays.
fn set_working_directory(guest: &Guest, variables: &mut Variables, cwd: &[u8]) {
    let name = OsStr::new("PWD");
    let inherited = variables.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_bytes());
    let leads_here = inherited.is_some_and(|path| {
        let plain = |part: &[u8]| part != b"." && part != b"..";
        path.first() == Some(&b'/')
            && path.split(|&byte| byte == b'/').all(plain)
            && guest.resolve(path, Last::Follow).is_ok_and(|found| found.guest == cwd)
    });
    if !leads_here {
        set(variables, name, Some(shown(cwd).as_os_str()));
    }
}

fn set(variables: &mut Vec<(OsString, OsString)>, name: &OsStr, value: Option<&OsStr>) {
    variables.retain(|(other, _)| other != name);
    if let Some(value) = value {
        variables.push((name.to_owned(), value.to_owned()));
    }
}

/// Returns the usual directories of programs that the guest has; all of them if it has none.
fn path(guest: &Guest) -> OsString {
    let exists = |directory: &str| {
        guest.resolve(directory.as_bytes(), Last::Follow).is_ok_and(|found| found.host.is_dir())
    };
    let mut present: Vec<&str> = PATH_DIRECTORIES.iter().copied().filter(|name| exists(name)).collect();
    if present.is_empty() {
        present = PATH_DIRECTORIES.to_vec();
    }
    OsString::from(present.join(":"))
}

/// Returns the home directory: the caller's own if the guest has it, else that of the user's entry
/// in the guest's passwd file if it exists there, else `/`. For another user than the caller, the
/// caller's own is skipped.
fn home(guest: &Guest, is_caller: bool, uid: u32) -> OsString {
    let is_there = |home: &Vec<u8>| {
        home.first() == Some(&b'/')
            && guest.resolve(home, Last::Follow).is_ok_and(|found| found.host.is_dir())
    };
    let callers = || std::env::var_os("HOME").filter(|_| is_caller).map(OsStringExt::into_vec);
    let users = || {
        let passwd = guest.resolve(b"/etc/passwd", Last::Follow).ok()?;
        Some(user_numbered(&root_file::read(&passwd.host)?, uid)?.get(5)?.to_vec())
    };
    let home = callers().filter(is_there).or_else(|| users().filter(is_there));
    home.map_or_else(|| shown(b"").into_os_string(), OsString::from_vec)
}

/// Returns the variables as execve(2) takes them: `NAME=VALUE`.
pub(crate) fn strings(variables: &Variables) -> Vec<OsString> {
    variables
        .iter()
        .map(|(name, value)| {
            let mut text = name.clone();
            text.push("=");
            text.push(value);
            text
        })
        .collect()
}

/// Returns the value of a variable.
pub(crate) fn get<'a>(variables: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    variables
        .iter()
        .find(|(other, _)| other.as_bytes() == name.as_bytes())
        .map(|(_, value)| value.as_os_str())
}
