//! `newroot doctor` on hosts that lack something: it reports what is missing and which engine still
//! runs.

use std::fs;
use std::path::Path;

use newroot_testkit::{Bed, Ending, Enter, User, run};

/// The doctor's report on a host.
struct Report {
    text: String,
    exit: Ending,
}

impl Report {
    /// Runs the doctor as an ordinary user, in the world that `world` makes of this host.
    fn of(world: impl FnOnce(Enter, &Bed) -> Enter) -> Self {
        Self::behind(&[], world)
    }

    /// Runs the doctor within newroot, which gets the arguments `outer`.
    fn behind(outer: &[&str], world: impl FnOnce(Enter, &Bed) -> Enter) -> Self {
        let bed = newroot_testkit::bed!();
        let home = bed.directory("home", User::ordinary());
        let enter = world(bed.enter(), &bed).user(User::ordinary());
        let newroot = bed.program("newroot");
        let mut command = enter.command(&newroot);
        if !outer.is_empty() {
            command.args(outer).arg(&newroot);
        }
        let outcome = run(command.arg("doctor").env("HOME", &home));
        assert_eq!(outcome.stderr(), "");
        let left = fs::read_dir(&home).expect("the home directory can be read").count();
        assert_eq!(left, 0, "something was left in the home directory");
        Self { text: outcome.stdout(), exit: outcome.ending }
    }

    /// Checks how the line of `feature` begins: `yes`, `no` or `-`, and how it ends.
    fn check(&self, feature: &str, answer: &str, detail: &str) {
        let line = self.line(feature);
        assert!(line.trim_start().starts_with(answer), "{line}\nin:\n{}", self.text);
        assert!(line.ends_with(detail), "{line}\nin:\n{}", self.text);
    }

    fn line(&self, name: &str) -> &str {
        self.text
            .lines()
            .find(|line| line.contains(&format!(" {name}")))
            .unwrap_or_else(|| panic!("no line for {name} in:\n{}", self.text))
    }

    /// Checks that the trap engine is available.
    fn check_trap_runs(&self) {
        assert!(self.line("trap ").ends_with("'auto' takes it"), "{}", self.text);
        assert_eq!(self.exit, Ending::Exit(0));
    }

    /// Checks that the trap engine lacks `need`, and that the namespace engine is available
    /// instead.
    fn check_namespace_runs(&self, need: &str, is_auto: bool) {
        assert!(self.line("trap ").ends_with(&format!("needs {need}")), "{}", self.text);
        assert!(self.line("namespace ").contains("runs here"), "{}", self.text);
        assert_eq!(self.line("namespace ").ends_with("'auto' takes it"), is_auto, "{}", self.text);
        assert_eq!(self.text.ends_with("Choose another one with --engine.\n"), !is_auto, "{}", self.text);
        assert_eq!(self.exit, Ending::Exit(0));
    }

    /// Checks that no engine is available, and that the trap engine lacks `need`.
    fn check_nothing_runs(&self, need: &str) {
        assert!(self.line("trap ").ends_with(&format!("needs {need}")), "{}", self.text);
        assert!(self.text.ends_with("No engine can run here.\n"), "{}", self.text);
        assert_eq!(self.exit, Ending::Exit(1));
    }
}

#[test]
fn without_seccomp_the_namespace_engine_is_taken() {
    let report = Report::of(|enter, _| enter.without_seccomp());
    report.check("seccomp filter", "no", "cannot install a filter: Function not implemented");
    report.check_namespace_runs("seccomp filter", true);
}

#[test]
fn without_seccomp_and_user_namespaces_no_engine_runs() {
    let report = Report::of(|enter, _| enter.without_seccomp().without_user_namespaces());
    report.check_nothing_runs("seccomp filter");
}

#[test]
fn without_ptrace_the_trap_engine_runs() {
    let report = Report::of(|enter, _| enter.without_ptrace());
    report.check("ptrace", "no", "Operation not permitted");
    report.check("process_vm_readv", "no", "Operation not permitted");
    report.check_trap_runs();
}

#[test]
fn without_user_namespaces_the_trap_engine_runs() {
    let report = Report::of(|enter, _| enter.without_user_namespaces());
    report.check("user namespaces", "no", "cannot create a user namespace: Operation not permitted");
    report.check_trap_runs();
}

#[test]
fn without_openat2_and_memory_map_the_trap_engine_runs() {
    let report = Report::of(|enter, _| enter.deny("openat2=ENOSYS").deny("prctl_set_mm=EINVAL"));
    report.check("openat2", "no", "Function not implemented");
    report.check("PR_SET_MM_MAP", "no", "Invalid argument");
    report.check_trap_runs();
}

#[test]
fn trap_engine_runs_without_writable_code() {
    let report = Report::of(|enter, _| enter.without_writable_code());
    report.check("patching of code", "no", "cannot map memory for code: Permission denied");
    report.check_trap_runs();
}

#[test]
fn without_memfd_a_file_will_do() {
    let report = Report::of(|enter, _| enter.deny("memfd_create=EPERM"));
    report.check("exec from memory", "no", "cannot create a memfd: Operation not permitted");
    report.check("exec from home", "yes", "/home");
    report.check_trap_runs();
}

#[test]
fn noexec_and_read_only_mounts_are_reported_apart() {
    let report = Report::of(|enter, bed| {
        let home = bed.scratch().join("home");
        let memory = Path::new("/dev/shm");
        enter.mounts().bind_noexec(memory, memory).bind_read_only(&home, &home)
    });
    report.check("exec from /dev/shm", "no", "cannot execute a file in /dev/shm: Permission denied");
    report.check("exec from home", "no", "Read-only file system");
    report.check_trap_runs();
}

#[test]
fn nowhere_to_execute_from_means_no_trap_engine() {
    let report = Report::of(|enter, bed| {
        // newroot's own directory stays a mount of its own, from which newroot can be executed.
        let own = bed.scratch().join("bin");
        let places = ["/dev/shm".into(), "/tmp".into(), bed.scratch().join("home")];
        places
            .iter()
            .fold(enter.mounts().bind(&own, &own), |enter, place| enter.bind_noexec(place, place))
            .deny("memfd_create=EPERM")
    });
    report.check("exec from /tmp", "no", "cannot execute a file in /tmp: Permission denied");
    report.check_namespace_runs(
        "exec from memory or exec from runtime dir or exec from home or exec from /dev/shm or exec from /tmp",
        false,
    );
}

/// An exec runs the shim again by its file's name there (`host_without_proc_runs`).
#[test]
fn without_proc_the_trap_engine_runs_from_a_file() {
    let report = Report::of(|enter, bed| {
        let empty = bed.directory("empty", User::ordinary());
        enter.mounts().bind(&empty, Path::new("/proc"))
    });
    report.check("/proc", "no", "No such file or directory");
    report.check_trap_runs();
}

#[test]
fn without_proc_and_a_place_to_execute_from_no_engine_runs() {
    let report = Report::of(|enter, bed| {
        let empty = bed.directory("empty", User::ordinary());
        let own = bed.scratch().join("bin");
        let places = ["/dev/shm".into(), "/tmp".into(), bed.scratch().join("home")];
        let world = enter.mounts().bind(&own, &own).bind(&empty, Path::new("/proc"));
        places.iter().fold(world, |enter, place| enter.bind_noexec(place, place))
    });
    report.check("exec from memory", "yes", "");
    report.check_nothing_runs(
        "/proc or exec from runtime dir or exec from home or exec from /dev/shm or exec from /tmp",
    );
}

#[test]
fn healthy_host_is_reported_as_healthy() {
    let report = Report::of(|enter, _| enter);
    for feature in ["no_new_privs", "seccomp filter", "/proc", "patching of code"] {
        report.check(feature, "yes", "");
    }
    report.check_trap_runs();
}

#[test]
fn newroot_runs_within_newroot() {
    Report::behind(&["proot", "-r", "/"], |enter, _| enter).check_trap_runs();
}
