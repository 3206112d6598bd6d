//! The model beside the kernel: the same calls, made for real by children that become somebody else, must
//! come out as the model says. It takes root to become somebody else.
#![allow(unsafe_code, reason = "these are the system calls themselves")]

mod attributes;
mod child;
mod credentials;
mod exec;
mod files;
mod identity;
mod permissions;
mod random;
mod signals;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use libtest_mimic::{Arguments, Trial};
use newroot_testkit::{skip, skipped};

fn main() {
    if std::env::args_os().nth(1).is_some_and(|first| first == exec::TELL) {
        return exec::tell();
    }
    let mut arguments = Arguments::from_args();
    // Who forks, and changes who it is, does so alone.
    arguments.test_threads = Some(1);
    let trials = vec![
        trial("random_calls_change_credentials_as_the_kernel_does", |_| credentials::random_calls()),
        trial("random_programs_get_the_credentials_that_the_kernel_gives", exec::random_programs),
        trial("random_people_may_look_at_what_the_kernel_lets_them", permissions::looks),
        trial("random_deeds_change_files_as_the_kernel_does", permissions::deeds),
        trial("random_renames_are_those_that_the_kernel_allows", permissions::renames),
        trial("attributes_are_theirs_whom_the_kernel_lets", attributes::calls),
        trial("access_lists_are_taken_as_the_kernel_takes_them", attributes::lists),
        trial("file_capabilities_are_taken_as_the_kernel_takes_them", attributes::capabilities),
        trial("signals_reach_whom_the_kernel_lets_them", |_| signals::kill()),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    if skipped() > 0 {
        println!("{} skipped", skipped());
    }
    conclusion.exit();
}

/// A test that returns how many comparisons it made. It gets a directory that anybody can search, on a
/// file system that heeds set-id bits.
fn trial(name: &'static str, test: impl FnOnce(&Path) -> u64 + Send + 'static) -> Trial {
    Trial::test(name, move || {
        if let Some(reason) = unable() {
            skip(name, reason);
            return Ok(());
        }
        let scratch = tempfile::Builder::new().prefix("newroot-fakeroot-").tempdir_in("/var/tmp")?;
        std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o755))?;
        println!("{name}: {} comparisons", test(scratch.path()));
        Ok(())
    })
}

/// Why the kernel here can't be asked.
fn unable() -> Option<&'static str> {
    // SAFETY: the call takes no pointer.
    if unsafe { libc::geteuid() } != 0 {
        return Some("only root can become somebody else");
    }
    if kernel_version() < (6, 16) {
        return Some("the model is that of Linux 6.16 and later");
    }
    let mut about = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with NUL, and there is room for the answer, which is there if it succeeds.
    let flags = unsafe {
        if libc::statvfs(c"/var/tmp".as_ptr(), about.as_mut_ptr()) != 0 {
            return Some("/var/tmp can't be looked at");
        }
        about.assume_init().f_flag
    };
    if flags & libc::ST_NOSUID != 0 {
        return Some("/var/tmp is on a file system that is mounted nosuid");
    }
    None
}

fn kernel_version() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}
