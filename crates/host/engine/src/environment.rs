//! The environment the command gets.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use newroot_accounts::user_numbered;
use newroot_paths::Last;

use crate::guest::{Guest, shown};
use crate::root_file;
use crate::spec::Environment;

/// Where programs are looked for, as login(1) of most distributions has it.
const PATH_DIRECTORIES: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// The variables, as (name, value).
pub(crate) type Variables = Vec<(OsString, OsString)>;

/// The variables for a command that runs as the user with this number, and starts in this canonical guest
/// directory; `None` if that is wherever the caller is.
pub(crate) fn resolve(guest: &Guest, wanted: &Environment, uid: u32, cwd: Option<&[u8]>) -> Variables {
    let mut variables: Variables = if wanted.clear { Vec::new() } else { std::env::vars_os().collect() };
    if wanted.guest_defaults {
        set(&mut variables, OsStr::new("PATH"), Some(&path(guest)));
        set(&mut variables, OsStr::new("HOME"), Some(&home(guest, uid)));
    }
    if let Some(cwd) = cwd {
        set_working_directory(guest, &mut variables, cwd);
    }
    for (name, value) in &wanted.set {
        set(&mut variables, name, value.as_deref());
    }
    variables
}

/// Has PWD say the working directory, as a shell that changed into it would: a shell that starts
/// believes the caller's where that leads to the same inode, and it may be another guest path.
/// One that goes through symlinks to this very guest path stays.
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

/// The directories of programs that the guest has; all of the usual ones if it has none.
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

/// The home directory that the guest's passwd file gives the user, if it exists there; else `/`.
fn home(guest: &Guest, uid: u32) -> OsString {
    let read = || {
        let passwd = guest.resolve(b"/etc/passwd", Last::Follow).ok()?;
        let text = root_file::read(&passwd.host)?;
        let home = user_numbered(&text, uid)?.get(5)?.to_vec();
        let exists = guest.resolve(&home, Last::Follow).is_ok_and(|found| found.host.is_dir());
        (home.first() == Some(&b'/') && exists).then(|| OsString::from_vec(home))
    };
    read().unwrap_or_else(|| shown(b"").into_os_string())
}

/// The variables as execve(2) takes them: `NAME=VALUE`.
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

/// The value of a variable.
pub(crate) fn get<'a>(variables: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    variables
        .iter()
        .find(|(other, _)| other.as_bytes() == name.as_bytes())
        .map(|(_, value)| value.as_os_str())
}
