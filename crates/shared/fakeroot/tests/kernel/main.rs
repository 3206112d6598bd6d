//! Comparison of the model with the kernel: child processes make the same calls for real under
//! other identities, and the results must be those of the model. Switching identities takes root.
#![allow(unsafe_code, reason = "these are the tests make raw system calls")]

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
use newroot_testkit::{Skipped, skip};

fn main() {
    if std::env::args_os().nth(1).is_some_and(|first| first == exec::REPORT) {
        return exec::report();
    }
    let mut arguments = Arguments::from_args();
    // A test that forks and switches identities must be the only thread.
    arguments.test_threads = Some(1);
    let trials = vec![
        trial("random_calls_change_credentials_as_the_kernel_does", |_| credentials::random_calls()),
        trial("random_programs_get_the_credentials_of_the_kernel", exec::random_programs),
        trial("random_identities_get_the_access_that_the_kernel_grants", permissions::accesses),
        trial("random_operations_change_files_as_the_kernel_does", permissions::operations),
        trial("random_renames_succeed_where_the_kernel_allows_them", permissions::renames),
        trial("attribute_access_is_granted_as_by_the_kernel", attributes::calls),
        trial("access_lists_are_accepted_as_by_the_kernel", attributes::lists),
        trial("file_capabilities_are_accepted_as_by_the_kernel", attributes::capabilities),
        trial("signals_are_allowed_as_by_the_kernel", |_| signals::kill()),
    ];
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(line) = Skipped::here().line() {
        println!("{line}");
    }
    conclusion.exit();
}

/// Returns a test. `test` returns its number of comparisons. It gets a directory that any user can
/// search, on a file system that honours set-ID bits.
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

/// Returns why the tests can't run here, or `None` if they can.
fn unable() -> Option<&'static str> {
    // SAFETY: the call takes no pointer.
    if unsafe { libc::geteuid() } != 0 {
        return Some("only root can switch identities");
    }
    if kernel_version() < (6, 16) {
        return Some("the model is that of Linux 6.16 and later");
    }
    let mut about = std::mem::MaybeUninit::<libc::statvfs>::uninit();
    // SAFETY: the path ends with NUL, and `about` has space for the result, which is initialized if
    // the call succeeds.
    let flags = unsafe {
        if libc::statvfs(c"/var/tmp".as_ptr(), about.as_mut_ptr()) != 0 {
            return Some("statvfs fails for /var/tmp");
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
