//! Bad input, and hosts that lack something: one clear line, the right exit code, nothing left
//! behind.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use newroot_testkit::{Bed, Ending, Enter, Outcome, User, run, skip, snapshot};

/// A root with busybox, and the user who runs newroot in it.
struct TestEnv {
    bed: Bed,
    root: PathBuf,
}

impl TestEnv {
    fn new(test: &str) -> Option<Self> {
        let bed = newroot_testkit::bed!();
        let root = bed.busybox_root_or_skip(test, "root", User::ordinary())?;
        Some(Self { bed, root })
    }

    /// Makes a file in the root.
    fn file(&self, name: &str, contents: impl AsRef<[u8]>, mode: u32) {
        let path = self.root.join(name);
        fs::write(&path, contents).expect("a file in the root");
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("its mode");
    }

    /// Runs `newroot run` with these arguments, in the directory that holds the root.
    fn newroot(&self, arguments: &[&str]) -> Outcome {
        let world = self.bed.enter().cwd(self.bed.scratch()).user(User::ordinary());
        run(world.command(&self.bed.program("newroot")).args(["run", "--no-recommended"]).args(arguments))
    }

    /// Checks that newroot refuses: this exit code, one line with all `words`, and at most a hint.
    /// The root and everything around it stay as they were.
    fn check_refused(&self, arguments: &[&str], code: i32, words: &[&str]) {
        let before = snapshot(self.bed.scratch());
        let outcome = self.newroot(arguments);
        check_refusal(&outcome, code, words);
        assert_eq!(snapshot(self.bed.scratch()), before, "{arguments:?}");
    }
}

fn check_refusal(outcome: &Outcome, code: i32, words: &[&str]) {
    let stderr = outcome.stderr();
    assert_eq!(outcome.ending, Ending::Exit(code), "{stderr}");
    assert_eq!(outcome.stdout(), "", "{stderr}");
    let mut lines = stderr.lines();
    let line = lines.next().unwrap_or_default();
    assert!(line.starts_with("newroot: "), "{stderr}");
    for word in words {
        assert!(line.contains(word), "{word} is missing: {stderr}");
    }
    assert!(lines.next().is_none_or(|line| line.starts_with("hint: ")), "{stderr}");
    assert_eq!(lines.next(), None, "{stderr}");
}

#[test]
fn unusable_rootfs() {
    let Some(place) = TestEnv::new("unusable_rootfs") else { return };
    let locked = place.bed.directory("locked", User::ordinary());
    fs::set_permissions(&locked, Permissions::from_mode(0o000)).expect("its mode");
    symlink("loop", place.bed.scratch().join("loop")).expect("a loop");
    place.file("file", "", 0o644);
    let check = |rootfs, words: &[&str]| place.check_refused(&[rootfs, "/bin/true"], 125, words);
    check("nowhere", &["'nowhere'", "No such file or directory"]);
    check("root/file", &["'root/file'", "Not a directory"]);
    check("locked", &["'locked'", "Permission denied"]);
    check("loop", &["'loop'", "Too many levels of symbolic links"]);
    fs::set_permissions(&locked, Permissions::from_mode(0o755)).expect("its mode");
}

#[test]
fn command_that_is_missing() {
    let Some(place) = TestEnv::new("command_that_is_missing") else { return };
    place.check_refused(&["root", "/bin/nothing"], 127, &["'/bin/nothing'", "No such file or directory"]);
    place.check_refused(&["root", "nothing"], 127, &["'nothing'"]);
    place.check_refused(&["root", "./nothing"], 127, &["'./nothing'", "No such file or directory"]);
    place.check_refused(&["root", ""], 127, &["''"]);
    place.file("plain", "", 0o644);
    place.check_refused(&["root", "/plain/x"], 126, &["'/plain/x'", "Not a directory"]);
    symlink("nowhere", place.root.join("dangling")).expect("a link");
    place.check_refused(&["root", "/dangling"], 127, &["'/dangling'", "No such file or directory"]);
}

#[test]
fn command_that_is_no_program() {
    let Some(place) = TestEnv::new("command_that_is_no_program") else { return };
    place.file("plain", "text", 0o644);
    symlink("loop", place.root.join("loop")).expect("a loop");
    place.check_refused(&["root", "/bin"], 126, &["'/bin'", "Is a directory"]);
    place.check_refused(&["root", "/plain"], 126, &["'/plain'", "Permission denied"]);
    place.check_refused(&["root", "/loop"], 126, &["'/loop'", "Too many levels of symbolic links"]);
}

#[test]
fn program_of_another_architecture() {
    let Some(place) = TestEnv::new("program_of_another_architecture") else { return };
    let mut program = fs::read(place.root.join("bin/busybox")).expect("busybox");
    let own = if cfg!(target_arch = "x86_64") { "x86-64" } else { "AArch64" };
    let (machine, other) = if own == "AArch64" { (62, "x86-64") } else { (183, "AArch64") };
    program[18] = machine;
    place.file("other", &program, 0o755);
    place.check_refused(&["root", "/other"], 126, &["'/other'", own, other]);
    for len in [40, 70, 200] {
        program[18] = if own == "AArch64" { 183 } else { 62 };
        place.file("cut", &program[..len], 0o755);
        place.check_refused(&["root", "/cut"], 126, &["'/cut'", "Exec format error"]);
    }
}

#[test]
fn program_for_32_bits_says_which_engine_cannot() {
    let Some(place) = TestEnv::new("program_for_32_bits_says_which_engine_cannot") else { return };
    let mut program = fs::read(place.root.join("bin/busybox")).expect("busybox");
    // elf(5): EI_CLASS is ELFCLASS32, e_machine EM_386.
    (program[4], program[18]) = (1, 3);
    place.file("small", &program, 0o755);
    place.check_refused(&["--engine=trap", "root", "/small"], 126, &["32-bit x86", "the trap engine runs"]);
    let outcome = place.newroot(&["--engine=trap", "root", "/small"]);
    assert!(outcome.stderr().contains("\nhint: `--engine namespace`"), "{}", outcome.stderr());
}

#[test]
fn hint_names_the_mistake() {
    let Some(place) = TestEnv::new("hint_names_the_mistake") else { return };
    let has_hint = |outcome: &Outcome, hint: &str| {
        assert_eq!(outcome.ending, Ending::Exit(if hint.contains("ulimit") { 126 } else { 127 }));
        assert!(outcome.stderr().contains(hint), "{}", outcome.stderr());
    };
    place.file("carriage", "#!/bin/sh\r\n", 0o755);
    let script = place.root.join("carriage");
    let mends = format!("`sed -i 's/\\r$//' {}`", script.display());
    for engine in ["--engine=trap", "--engine=namespace"] {
        let outcome = place.newroot(&[engine, "root", "/carriage"]);
        assert!(
            outcome.stderr().contains("hint: that line ends in a carriage return"),
            "{}",
            outcome.stderr()
        );
        if engine == "--engine=trap" {
            has_hint(&outcome, &mends);
        }
    }
    let world = place.bed.enter().cwd(place.bed.scratch()).user(User::ordinary());
    let mut shell = world.command(Path::new("/bin/sh"));
    let newroot = place.bed.program("newroot");
    let line = format!("ulimit -n 3; exec {} run --engine=trap --no-recommended root id", newroot.display());
    has_hint(
        &run(shell.args(["-c", &line])),
        "hint: newroot needs some descriptors to start: raise the limit (ulimit -n)",
    );
}

#[test]
fn hint_names_what_was_meant() {
    let Some(place) = TestEnv::new("hint_names_what_was_meant") else { return };
    for (arguments, hint) in [
        (&["cat", "/"][..], "to run it in the default root: newroot run -- cat"),
        (&["sh", "-c", "id"], "to run it in the default root: newroot run -- sh"),
        (&["root", "-c", "id"], "newroot binds only /proc"),
        (&["root", "--red", "id"], "for a program of this name: newroot run ROOTFS -- --red"),
        (&["no-such-image:12"], "docker export CONTAINER | newroot import - DIR"),
        (&["root", "/bin"], "for a command in that root: newroot run /bin [COMMAND]..."),
    ] {
        let outcome = place.newroot(arguments);
        assert!(outcome.stderr().contains("\nhint: "), "{}", outcome.stderr());
        assert!(outcome.stderr().contains(hint), "{}", outcome.stderr());
    }
    let world = place.bed.enter().cwd(place.bed.scratch()).user(User::ordinary());
    let newroot = place.bed.program("newroot");
    let outcome = run(world.command(&newroot).args(["import", "docker://debian", "d"]));
    check_refusal(&outcome, 125, &["'docker://debian'"]);
    assert!(outcome.stderr().contains("newroot pulls no images"), "{}", outcome.stderr());
    let outcome = run(world.command(&newroot).args(["run", "--env-file", "/dev/zero", "root", "id"]));
    check_refusal(&outcome, 125, &["'/dev/zero'", "larger than 6 MiB"]);
}

#[test]
fn link_that_hides_a_program_of_the_host_is_reported() {
    let Some(place) = TestEnv::new("link_that_hides_a_program_of_the_host_is_reported") else { return };
    let (ours, hosts) = (place.bed.scratch().join("root/ours"), place.bed.scratch().join("root/hosts"));
    fs::create_dir(&hosts).expect("a directory");
    fs::write(hosts.join("chroot"), "").expect("a program");
    let links = |path: &str| {
        let world = place.bed.enter().cwd(place.bed.scratch()).user(User::ordinary());
        let mut command = world.command(&place.bed.program("newroot"));
        run(command.args(["links", "--man", "root/man"]).arg(&ours).env("PATH", path))
    };
    let (ours_text, hosts_text) = (ours.display(), hosts.display());
    let outcome = links(&format!("{hosts_text}:{ours_text}"));
    assert_eq!((outcome.ending, outcome.stderr()), (Ending::Exit(0), String::new()));
    let outcome = links(&format!("{ours_text}:{hosts_text}"));
    let expected = format!("newroot: 'chroot' is newroot from now on, and no longer '{hosts_text}/chroot'\n");
    assert_eq!((outcome.ending, outcome.stderr()), (Ending::Exit(0), expected));
}

#[test]
fn script_whose_interpreter_is_missing() {
    let Some(place) = TestEnv::new("script_whose_interpreter_is_missing") else { return };
    place.file("script", "#!/usr/bin/nothing -x\n", 0o755);
    place.check_refused(&["root", "/script"], 127, &["'/script'", "'/usr/bin/nothing'"]);
    place.file("outer", "#!/script\n", 0o755);
    place.check_refused(&["root", "/outer"], 127, &["'/script'", "'/usr/bin/nothing'"]);
    place.file("itself", "#!/itself\n", 0o755);
    place.check_refused(&["root", "/itself"], 126, &["'/itself'", "Too many levels"]);
    place.file("carriage", "#!/bin/sh\r\n", 0o755);
    place.check_refused(&["root", "/carriage"], 127, &["'/carriage'"]);
}

#[test]
fn program_whose_loader_is_missing() {
    let test = "program_whose_loader_is_missing";
    let Some(place) = TestEnv::new(test) else { return };
    let program = fs::read("/usr/bin/env").expect("every host has env");
    place.file("program", &program, 0o755);
    let Some(start) = program.windows(5).position(|bytes| bytes == b"/lib/" || bytes == b"/lib6") else {
        return skip(test, "the host's programs are static");
    };
    let end = program[start..].iter().position(|&byte| byte == 0).expect("the name ends");
    let loader = String::from_utf8_lossy(&program[start..start + end]).into_owned();
    place.check_refused(&["root", "/program"], 127, &["'/program'", &format!("'{loader}'"), "loader"]);
}

#[test]
fn program_larger_than_memory() {
    const GIGABYTE: u64 = 1 << 30;
    let Some(place) = TestEnv::new("program_larger_than_memory") else { return };
    let mut program = fs::read(place.root.join("bin/busybox")).expect("busybox");
    // Makes the writable segment larger in memory (elf(5): p_flags and p_memsz of a program
    // header).
    let number = |at: usize, len: usize| {
        program[at..at + len].iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
    };
    let headers = (0..number(56, 2)).map(|index| (number(32, 8) + 56 * index) as usize);
    let [load, writable] = [1, 2];
    let mut segments = headers.filter(|&at| number(at, 4) == load && number(at + 4, 4) & writable != 0);
    let size = segments.next_back().expect("a segment for variables") + 40;
    let larger = number(size, 8) + GIGABYTE;
    program[size..size + 8].copy_from_slice(&larger.to_le_bytes());
    place.file("large", &program, 0o755);
    let world = place.bed.enter().limit("as", GIGABYTE).cwd(place.bed.scratch()).user(User::ordinary());
    let mut command = world.command(&place.bed.program("newroot"));
    let outcome = run(command.args(["run", "--engine=trap", "--no-recommended", "root", "/large"]));
    check_refusal(&outcome, 125, &["'/large'", "Cannot allocate memory"]);
}

#[test]
fn working_directory_that_cannot_be_entered() {
    let Some(place) = TestEnv::new("working_directory_that_cannot_be_entered") else { return };
    place.file("plain", "", 0o644);
    let check = |cwd, words: &[&str]| place.check_refused(&["-w", cwd, "root", "/bin/true"], 125, words);
    check("/nowhere", &["'/nowhere'", "No such file or directory"]);
    check("/plain", &["'/plain'", "Not a directory"]);
}

#[test]
fn binding_that_cannot_be_made() {
    let Some(place) = TestEnv::new("binding_that_cannot_be_made") else { return };
    symlink("loop", place.root.join("loop")).expect("a loop");
    place.file("plain", "", 0o644);
    let check =
        |binding, words: &[&str]| place.check_refused(&["-b", binding, "root", "/bin/true"], 125, words);
    check(":", &["':'"]);
    check("nowhere:/x", &["'nowhere'", "'/x'", "No such file or directory"]);
    check("root/plain:/bin", &["'root/plain'", "'/bin'", "directory"]);
    check("root:/plain", &["'root'", "'/plain'", "directory"]);
    check("root/plain:/loop/x", &["'/loop/x'", "Too many levels of symbolic links"]);
    check("root/plain:/plain/x", &["'/plain/x'", "Not a directory"]);
}

#[test]
fn options_with_invalid_values() {
    let Some(place) = TestEnv::new("options_with_invalid_values") else { return };
    let long = "x".repeat(65);
    let check = |option: &str, value: &str, words: &[&str]| {
        // Both spellings give the same error.
        place.check_refused(&[&format!("{option}={value}"), "root", "/bin/true"], 125, words);
        place.check_refused(&[option, value, "root", "/bin/true"], 125, words);
    };
    check("--unshare", "pid,foo", &["'foo'", "--unshare", "pid, net, ipc, uts, cgroup"]);
    for number in ["-1", "2", "+3", "x", "99999999999"] {
        check("--keep-fd", number, &[&format!("'{number}'"), "--keep-fd", "it is not a number of 3 or more"]);
    }
    for number in ["0", "x", "99999999999"] {
        check("--patch-after", number, &[&format!("'{number}'"), "it is not a number of 1 or more"]);
    }
    check("--cap-add", "nonsense", &["'nonsense'", "--cap-add", "no capability"]);
    for mask in ["999", "1000", "-1", "+7", "0x7", "7.", ""] {
        check("--umask", mask, &[&format!("'{mask}'"), "--umask", "octal"]);
    }
    check("--hostname", "", &["--hostname", "empty"]);
    check("--hostname", &long, &["--hostname", "longer than 64 bytes"]);
    check("--engine", "foo", &["'foo'", "--engine", "auto, trap, namespace, chroot"]);
}

#[test]
fn unknown_users_and_groups() {
    let Some(place) = TestEnv::new("unknown_users_and_groups") else { return };
    for engine in ["--engine=trap", "--engine=namespace"] {
        let check = |options: [&str; 2], words: &[&str]| {
            place.check_refused(&[&[engine][..], &options, &["root", "/bin/true"]].concat(), 125, words)
        };
        check(["-u", "nobody:no-group-at-all"], &["'no-group-at-all'"]);
        check(["-u", "no-user-at-all"], &["'no-user-at-all'"]);
        check(["-u", "+4294967295"], &["'+4294967295'"]);
        check(["-u", "987654321"], &["987654321", "group"]);
        check(["--groups", ","], &["','"]);
        check(["--groups", "4,no-group-at-all"], &["'no-group-at-all'"]);
    }
}

#[test]
fn fifo_in_place_of_passwd_blocks_nothing() {
    let Some(place) = TestEnv::new("fifo_in_place_of_passwd_blocks_nothing") else { return };
    fs::create_dir(place.root.join("etc")).expect("a directory of the root");
    let made = std::process::Command::new("mkfifo").arg(place.root.join("etc/passwd")).status();
    assert!(made.expect("mkfifo").success());
    for engine in ["--engine=trap", "--engine=namespace"] {
        let outcome = place.newroot(&[engine, "root", "/bin/sh", "-c", "echo $HOME"]);
        assert_eq!(outcome.stdout(), "/\n", "{engine}: {}", outcome.stderr());
    }
}

#[test]
fn too_many_arguments() {
    let Some(place) = TestEnv::new("too_many_arguments") else { return };
    // The arguments just fit for newroot itself. The plan doesn't fit: it has the bindings' host
    // paths in full, which are longer than they are written here. There are so few that the plan is
    // still passed as variables.
    let deep = ["d".repeat(250).as_str(); 4].join("/");
    fs::create_dir_all(place.bed.scratch().join(&deep)).expect("a directory with a long path");
    symlink(&deep, place.bed.scratch().join("deep")).expect("a short name for it");
    let names: Vec<String> = (0..18).map(|n| format!("deep:/m{n}")).collect();
    let mut arguments: Vec<&str> = names.iter().flat_map(|name| ["-b", name.as_str()]).collect();
    arguments.extend(["root", "/bin/true"]);
    let space = 2 * 1024 * 1024 - 12 * 1024;
    let used: usize = arguments.iter().map(|argument| argument.len() + 9).sum();
    let filling = "x".repeat(100_000);
    let rest = "x".repeat((space - used) % (filling.len() + 9));
    arguments.extend(vec![filling.as_str(); (space - used) / (filling.len() + 9)]);
    arguments.push(&rest);
    let world = place.bed.enter().limit("stack", 8 << 20).cwd(place.bed.scratch()).user(User::ordinary());
    let mut command = world.command(&place.bed.program("newroot"));
    let outcome = run(command.args(["run", "--no-recommended"]).args(arguments));
    check_refusal(&outcome, 126, &["'/bin/true'", "Argument list too long"]);
}

#[test]
fn host_without_seccomp_filters() {
    let Some(place) = TestEnv::new("host_without_seccomp_filters") else { return };
    let world = place.bed.enter().cwd(place.bed.scratch()).user(User::ordinary()).without_seccomp();
    let mut command = world.command(&place.bed.program("newroot"));
    let outcome = run(command.args(["run", "--engine=trap", "--no-recommended", "root", "/bin/true"]));
    check_refusal(&outcome, 125, &["seccomp"]);
}

/// Checks that newroot runs on a prepared host. Its own directory is mounted at `/mnt`.
fn check_runs(test: &str, prepare: impl FnOnce(Enter) -> Enter, before: &str) {
    let Some(place) = TestEnv::new(test) else { return };
    let world = place.bed.enter().mounts().bind(place.bed.scratch(), Path::new("/mnt"));
    if run(&mut world.command(Path::new("/bin/true"))).ending != Ending::Exit(0) {
        return skip(test, "neither root nor user namespaces are available");
    }
    let world = prepare(world).cwd(Path::new("/mnt")).user(User::ordinary());
    let mut command = world.command(Path::new("/bin/sh"));
    let newroot = "/mnt/bin/newroot run --engine=trap --no-recommended -w / root ls";
    let outcome = run(command.args(["-c", &format!("{before}{newroot}")]).env("HOME", "/tmp"));
    assert_eq!(outcome.stdout(), "bin\n", "{}", outcome.stderr());
    assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
}

#[test]
fn host_with_noexec_home_and_tmp_runs() {
    let tmp = Path::new("/tmp");
    check_runs("host_with_noexec_home_and_tmp_runs", |world| world.bind_noexec(tmp, tmp), "");
}

#[test]
fn host_with_read_only_home_and_tmp_runs() {
    let tmp = Path::new("/tmp");
    check_runs("host_with_read_only_home_and_tmp_runs", |world| world.bind_read_only(tmp, tmp), "");
}

#[test]
fn host_with_full_tmp_and_home_runs() {
    let small = "size=4k,mode=1777";
    let fill = "dd if=/dev/zero of=/tmp/filling 2>/dev/null; touch /tmp/more 2>/dev/null; ";
    check_runs("host_with_full_tmp_and_home_runs", |world| world.tmpfs(small, Path::new("/tmp")), fill);
}

#[test]
fn host_without_proc_runs() {
    check_runs("host_without_proc_runs", |world| world.tmpfs("mode=755", Path::new("/proc")), "");
}

#[test]
fn host_without_user_namespaces_or_ptrace_runs() {
    let test = "host_without_user_namespaces_or_ptrace_runs";
    check_runs(test, |world| world.without_user_namespaces().without_ptrace(), "");
}

#[test]
fn host_without_newer_calls_says_so_first() {
    let Some(place) = TestEnv::new("host_without_newer_calls_says_so_first") else { return };
    place.file("newer", fs::read(place.bed.tool("newer_calls")).expect("the tool"), 0o755);
    let world = place.bed.enter().cwd(place.bed.scratch()).user(User::ordinary());
    let calls = ["epoll_pwait2", "faccessat2", "fchmodat2", "setxattrat"];
    let world = calls.iter().fold(world, |world, call| world.deny(&format!("{call}=ENOSYS")));
    let mut command = world.command(&place.bed.program("newroot"));
    let outcome = run(command.args(["run", "--engine=trap", "--no-recommended", "root", "/newer"]));
    assert_eq!(outcome.stdout().matches(": ENOSYS\n").count(), calls.len(), "{}", outcome.facts());
    assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
}

/// Checks `newroot run` where the home, a new file system on `/tmp`, can't hold the default root:
/// it fails with one line that has `why` in it, and `left` are the names that the home then holds.
fn check_no_default_root(
    test: &str,
    prepare: impl FnOnce(Enter) -> Enter,
    before: &str,
    why: &str,
    left: &str,
) {
    let bed = newroot_testkit::bed!();
    let world = bed.enter().mounts().bind(bed.scratch(), Path::new("/mnt"));
    if run(&mut world.command(Path::new("/bin/true"))).ending != Ending::Exit(0) {
        return skip(test, "neither root nor user namespaces are available");
    }
    let world = prepare(world).cwd(Path::new("/mnt")).user(User::ordinary());
    let mut command = world.command(Path::new("/bin/sh"));
    let script = format!("{before}/mnt/bin/newroot run; status=$?; ls -A /tmp >&2; exit $status");
    let mut outcome = run(command.args(["-c", &script]).env("HOME", "/tmp"));
    let stderr = outcome.stderr();
    outcome.stderr = stderr.strip_suffix(left).unwrap_or_else(|| panic!("left in the home: {stderr}")).into();
    check_refusal(&outcome, 125, &[why]);
    assert!(outcome.stderr().contains("XDG_DATA_HOME"), "{stderr}");
}

const TMP: &str = "/tmp";

#[test]
fn full_home_has_no_place_for_the_default_root() {
    let test = "full_home_has_no_place_for_the_default_root";
    let full = "dd if=/dev/zero of=/tmp/filling 2>/dev/null; ";
    let why = "No space left on device";
    check_no_default_root(test, |world| world.tmpfs("size=16k", Path::new(TMP)), full, why, "filling\n");
    // The file system has space for a part of the root.
    check_no_default_root(test, |world| world.tmpfs("size=256k", Path::new(TMP)), "", why, "");
}

#[test]
fn read_only_home_has_no_place_for_the_default_root() {
    let test = "read_only_home_has_no_place_for_the_default_root";
    let tmp = Path::new(TMP);
    let prepare = |world: Enter| world.tmpfs("mode=1777", tmp).bind_read_only(tmp, tmp);
    check_no_default_root(test, prepare, "", "Read-only file system", "");
}

#[test]
fn noexec_home_has_no_place_for_the_default_root() {
    let test = "noexec_home_has_no_place_for_the_default_root";
    let tmp = Path::new(TMP);
    let prepare = |world: Enter| world.tmpfs("mode=1777", tmp).bind_noexec(tmp, tmp);
    check_no_default_root(test, prepare, "", "noexec", "");
}

#[test]
fn foreign_home_has_no_place_for_the_default_root() {
    let test = "foreign_home_has_no_place_for_the_default_root";
    if !User::we_are_root() {
        return skip(test, "only root can make a home that another user owns");
    }
    let prepare = |world: Enter| world.tmpfs("mode=755", Path::new(TMP));
    check_no_default_root(test, prepare, "", "Permission denied", "");
}
