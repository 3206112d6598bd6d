//! Features of the kernel around files.

use rustix::fs::{Access, CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::Outcome;
use super::attempt::attempt;
use super::raw;

/// Tries `/proc/self/exe`, through which guest processes execute the shim again.
pub(super) fn proc_mounted() -> Outcome {
    attempt(|narrator| {
        narrator.begin("look at /proc");
        if rustix::fs::statfs("/proc")?.f_type != rustix::fs::PROC_SUPER_MAGIC {
            narrator.begin("find a proc filesystem at /proc");
            return Err(Errno::NOENT);
        }
        narrator.begin("reach /proc/self/exe");
        rustix::fs::access("/proc/self/exe", Access::EXEC_OK)?;
        Ok(0)
    })
    .outcome(|_| "mounted".to_owned())
}

/// Tries to see a process of another user. Process 1 usually belongs to one.
pub(super) fn other_processes() -> Outcome {
    attempt(|narrator| {
        narrator.begin("see process 1");
        rustix::fs::stat("/proc/1")?;
        narrator.begin("look at process 1");
        rustix::fs::open("/proc/1/stat", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(0)
    })
    .outcome(|_| "visible".to_owned())
}

/// Tries openat2(2), with the restrictions of lookup that path translation uses.
pub(super) fn openat2() -> Outcome {
    attempt(|narrator| {
        narrator.begin("open a file");
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        for resolve in [ResolveFlags::NO_SYMLINKS, ResolveFlags::BENEATH, ResolveFlags::IN_ROOT] {
            rustix::fs::openat2(CWD, ".", flags, Mode::empty(), resolve)?;
        }
        Ok(0)
    })
    .outcome(|_| String::new())
}

/// Tries landlock_create_ruleset(2).
pub(super) fn landlock() -> Outcome {
    attempt(|narrator| {
        narrator.begin("ask for Landlock's version");
        raw::landlock_version()
    })
    .outcome(|version| format!("version {version}"))
}
