//! The chroot dialect beside the host's own chroot(1): both run as root, with the same arguments,
//! in the same root. Output, exit status and error messages are the same.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use newroot_testkit::{Bed, Ending, Outcome, Terminal, User, own, run, skip, snapshot};
use rustix::fs::{CWD, RenameFlags, renameat_with};

/// A root with busybox and users of its own.
struct TestEnv {
    bed: Bed,
    root: PathBuf,
}

/// The root's users: one with groups, and one whose name is a number.
const PASSWD: &str = "root:x:0:0::/:/bin/sh\nann:x:500:100::/home/ann:/bin/sh\n77:x:501:101::/:/bin/sh\n";
const GROUP: &str = "root:x:0:\nusers:x:100:\nadm:x:4:ann,bob\naudio:x:29:ann\n";

impl TestEnv {
    fn new(test: &str) -> Option<Self> {
        let bed = newroot_testkit::bed!();
        let root = bed.busybox_root_or_skip(test, "root", User::ROOT)?;
        Some(Self { bed, root })
    }

    /// Returns an environment for tests that only root can run; skips others.
    fn as_root(test: &str) -> Option<Self> {
        if !User::we_are_root() {
            skip(test, "only root can run it");
            return None;
        }
        Self::new(test)
    }

    fn with_users(self) -> Self {
        fs::create_dir(self.root.join("etc")).expect("a directory of the root");
        fs::write(self.root.join("etc/passwd"), PASSWD).expect("its users");
        fs::write(self.root.join("etc/group"), GROUP).expect("its groups");
        self
    }

    /// Runs newroot's chroot, in the directory that holds the root.
    fn ours(&self, arguments: &[&str], shell: Option<&str>, user: User) -> Outcome {
        self.run(&self.bed.program("chroot"), arguments, shell, user)
    }

    fn run(&self, program: &Path, arguments: &[&str], shell: Option<&str>, user: User) -> Outcome {
        let world = self.bed.enter().cwd(self.bed.scratch()).user(user);
        let mut command = world.command(program);
        command.args(arguments);
        if let Some(shell) = shell {
            command.env("SHELL", shell);
        }
        run(&mut command)
    }

    /// Checks that both do the same.
    fn check(&self, arguments: &[&str]) {
        self.check_with_shell(arguments, None);
    }

    fn check_with_shell(&self, arguments: &[&str], shell: Option<&str>) {
        let theirs = self.run(Path::new("/usr/sbin/chroot"), arguments, shell, User::ROOT);
        let ours = self.ours(arguments, shell, User::ROOT);
        assert_eq!(ours.stdout(), theirs.stdout(), "{arguments:?}: {}", ours.stderr());
        assert_eq!(ours.ending, theirs.ending, "{arguments:?}: {}", ours.stderr());
        let [ours, theirs] = [&ours, &theirs].map(|outcome| {
            outcome.stderr().lines().next().unwrap_or_default().replace("/usr/sbin/chroot: ", "chroot: ")
        });
        // newroot may add details: which user, and why a program can't be run.
        let beginning = match theirs.strip_prefix("chroot: failed to run command") {
            Some(rest) => {
                format!("chroot: failed to run command{}", rest.split("': ").next().unwrap_or(rest))
            }
            None => theirs.clone(),
        };
        assert!(ours.starts_with(&beginning), "{arguments:?}\nours:   {ours}\ntheirs: {theirs}");
        assert_eq!(ours.is_empty(), theirs.is_empty(), "{arguments:?}\nours: {ours}\ntheirs: {theirs}");
    }
}

/// Script that prints its identity in numbers, whatever names exist.
const WHO: &str = "id -u; id -g; id -G";

#[test]
fn commands_run_and_fail_alike() {
    let Some(place) = TestEnv::as_root("commands_run_and_fail_alike") else { return };
    fs::write(place.root.join("plain"), "text").expect("a file in the root");
    symlink("/etc", place.root.join("out")).expect("a link in the root");
    for arguments in [
        &["root", "/bin/busybox", "echo", "--", "a b"][..],
        &["root", "echo", "hi"],
        &["--", "root", "sh", "-c", "exit 7"],
        &["root", "sh", "-c", "kill -9 $$"],
        &["root", "--", "echo"],
        &["root", "pwd"],
        &["./root/../root", "/bin/pwd"],
        &["root", "/bin/nothing"],
        &["root", "nothing"],
        &["root", ""],
        &["root", "/bin"],
        &["root", "/plain"],
        &["root", "/plain/x"],
        &["root", "/bin/busybox", "nothing"],
        &["nowhere", "/bin/true"],
        &["", "/bin/true"],
        &["root/plain", "/bin/true"],
        &["root/out", "/hostname"],
        &["/", "/bin/true"],
    ] {
        place.check(arguments);
    }
}

#[test]
fn without_a_command_the_callers_shell_is_run() {
    let Some(place) = TestEnv::as_root("without_a_command_the_callers_shell_is_run") else { return };
    for shell in [None, Some("/bin/sh"), Some("/bin/bash"), Some("sh"), Some("")] {
        place.check_with_shell(&["root"], shell);
    }
}

#[test]
fn users_and_groups_are_those_of_the_root() {
    let Some(place) = TestEnv::as_root("users_and_groups_are_those_of_the_root") else { return };
    let place = place.with_users();
    for specification in [
        "500:500",
        "500",
        "ann",
        "ann:",
        "ann:adm",
        "ann:29",
        ":500",
        ":adm",
        "77",
        "+77:1",
        "+500",
        "501:",
        "",
        ":",
        "9999",
        "9999:",
        "+9999:1",
        "nobody-here",
        "ann:nobody-here",
        ":nobody-here",
        "ann:adm:x",
        "4294967295",
        "99999999999",
        "-1",
    ] {
        place.check(&[&format!("--userspec={specification}"), "root", "sh", "-c", WHO]);
    }
    for groups in ["4,24", "", "adm,29", "+4, 29", "adm,nobody-here", ",", "4,,29"] {
        place.check(&[&format!("--groups={groups}"), "root", "sh", "-c", WHO]);
        place.check(&["--userspec=ann", "--groups", groups, "root", "sh", "-c", WHO]);
    }
}

/// The old spelling, for which coreutils prints a warning. A name with a dot in it is first looked
/// up as a name.
#[test]
fn dot_may_part_user_and_group() {
    let Some(place) = TestEnv::as_root("dot_may_part_user_and_group") else { return };
    let place = place.with_users();
    let append = |file, line| {
        let path = place.root.join(file);
        fs::write(&path, fs::read_to_string(&path).expect("its users") + line).expect("one more");
    };
    append("etc/passwd", "ann.adm:x:600:29::/:/bin/sh\n");
    append("etc/group", "b.c:x:45:\n");
    for specification in [
        "ann.users",
        "ann.adm",
        "ann.adm:",
        "ann.adm:audio",
        "ann.b.c",
        "ann.b",
        "ann.",
        "ann.:",
        ".adm",
        ".",
        "ann..adm",
        "500.500",
        "500.",
        "+500.",
        "77.",
        "77.4",
        "+77.+1",
        "+x.4",
        "4.+x",
        "9999.1",
        "9999.",
        "ann.nobody-here",
        "nobody-here.adm",
        "ann:adm.x",
        "ann.x:adm",
        "-1.1",
        "4294967295.1",
    ] {
        place.check(&[&format!("--userspec={specification}"), "root", "sh", "-c", WHO]);
    }
    place.check(&["--userspec=ann.users", "--groups=4,24", "root", "sh", "-c", WHO]);
    place.check(&["--userspec=ann.users", "--groups=nobody-here", "root", "sh", "-c", WHO]);
    place.check(&["--userspec=ann.users", "--userspec=ann", "root", "sh", "-c", WHO]);
    place.check(&["--userspec=ann.users", "nowhere", "sh", "-c", WHO]);
    place.check(&["--userspec=ann.users", "root", "nothing"]);
}

#[test]
fn numbers_need_no_file_of_users() {
    let Some(place) = TestEnv::as_root("numbers_need_no_file_of_users") else { return };
    for arguments in
        [&["--userspec=500:500"][..], &["--userspec=:500"], &["--groups=4,24"], &["--userspec=54321"]]
    {
        place.check(&[arguments, &["root", "sh", "-c", WHO]].concat());
    }
    let outcome = place.ours(&["--userspec", "500:500", "root", "id"], None, User::ROOT);
    assert_eq!(outcome.stdout(), "uid=500 gid=500\n", "{}", outcome.stderr());
}

/// coreutils refuses a name that only the host knows, because it looks the name up again inside.
#[test]
fn users_missing_in_the_root_are_the_hosts() {
    let Some(place) = TestEnv::as_root("users_missing_in_the_root_are_the_hosts") else { return };
    let outcome = place.ours(&["--userspec=daemon", "root", "sh", "-c", "id -u; id -g"], None, User::ROOT);
    assert_eq!(outcome.stdout(), "1\n1\n", "{}", outcome.stderr());
}

#[test]
fn fifo_in_place_of_passwd_blocks_nothing() {
    let Some(place) = TestEnv::as_root("fifo_in_place_of_passwd_blocks_nothing") else { return };
    fs::create_dir(place.root.join("etc")).expect("a directory of the root");
    let path = place.root.join("etc/passwd");
    let made = std::process::Command::new("mkfifo").arg(&path).status().expect("mkfifo");
    assert!(made.success());
    let outcome = place.ours(&["--userspec=500:500", "root", "pwd"], None, User::ROOT);
    assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
}

#[test]
fn working_directory_is_left_alone_only_where_it_does_not_lead_out() {
    let test = "working_directory_is_left_alone_only_where_it_does_not_lead_out";
    let Some(place) = TestEnv::as_root(test) else { return };
    for arguments in
        [&["--skip-chdir", "/", "pwd"][..], &["--skip", "/", "pwd"], &["--skip-chdir", "root", "pwd"]]
    {
        place.check(arguments);
    }
}

#[test]
fn misuse_is_refused_alike() {
    let Some(place) = TestEnv::as_root("misuse_is_refused_alike") else { return };
    for arguments in [
        &[][..],
        &["--foo", "root"],
        &["-x", "root"],
        &["--userspec"],
        &["--groups"],
        &["--skip-chdir=1", "/"],
        &["--userspec=1:1"],
    ] {
        place.check(arguments);
    }
}

#[test]
fn set_user_id_programs_still_work_for_root() {
    let Some(place) = TestEnv::as_root("set_user_id_programs_still_work_for_root") else { return };
    place.check(&[
        "root",
        "sh",
        "-c",
        "echo $0; umask; ulimit -n; ls /proc/self 2>/dev/null; echo $#",
        "name",
        "x",
    ]);
    place.check(&["--userspec=500:500", "root", "sh", "-c", "echo $PATH:$HOME:$SHELL"]);
}

#[test]
fn empty_root_says_how_to_fill_it() {
    let Some(place) = TestEnv::as_root("empty_root_says_how_to_fill_it") else { return };
    let _ = place.bed.directory("empty", User::ROOT);
    let outcome = place.ours(&["empty"], Some("/bin/bash"), User::ROOT);
    assert_eq!(outcome.ending, Ending::Exit(127));
    let expected = "chroot: failed to run command '/bin/bash': No such file or directory\n\
                    hint: `newroot add empty PROGRAM` copies a program of the host's with its libraries\n";
    assert_eq!(outcome.stderr(), expected);
}

#[test]
fn missing_program_comes_from_the_roots_package_manager() {
    let Some(place) = TestEnv::new("missing_program_comes_from_the_roots_package_manager") else { return };
    let root = place.bed.directory("distribution", User::ordinary());
    for name in ["usr/bin/apt-get", "script"] {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, "#!/no/such\n").expect("a program");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("its mode");
    }
    let hint = "hint: `newroot run --root distribution apt-get install PACKAGE` installs a package\n";
    for program in ["/bin/bash", "bash", "/script"] {
        let outcome = place.ours(&["distribution"], Some(program), User::ordinary());
        assert_eq!(outcome.ending, Ending::Exit(127), "{program}");
        assert!(outcome.stderr().ends_with(hint), "{program}: {}", outcome.stderr());
    }
}

/// Checks that programs that need /proc and /dev fail in a bare root and work with `--mount`;
/// afterwards the host has the same mounts, and the root the same files.
fn check_mounts(place: &TestEnv, user: User, options: &[&str]) {
    let mounts = || fs::read_to_string("/proc/self/mountinfo").expect("the host's mounts");
    let (mounts_before, files_before) = (mounts(), snapshot(&place.root));
    let run = |options: &[&str], script: &str| {
        place.ours(&[options, &["root", "sh", "-c", script]].concat(), None, user)
    };
    for script in ["mount", "ps", "echo > /dev/null"] {
        let bare = run(options, script);
        assert_ne!(bare.ending, Ending::Exit(0), "{script}: {}", bare.stdout());
        let mounted = run(&[options, &["--mount"]].concat(), script);
        assert_eq!(mounted.ending, Ending::Exit(0), "{script}: {}", mounted.stderr());
    }
    let listed =
        run(&[options, &["--mount"]].concat(), "ls /; ls /dev/pts /dev/shm >/dev/null && echo there");
    assert_eq!(listed.stdout(), "bin\ndev\netc\nproc\nrun\nsys\ntmp\nthere\n", "{}", listed.stderr());
    assert_eq!(snapshot(&place.root), files_before);
    assert_eq!(mounts(), mounts_before);
}

#[test]
fn mounts_are_the_commands_alone() {
    let Some(place) = TestEnv::as_root("mounts_are_the_commands_alone") else { return };
    check_mounts(&place, User::ROOT, &[]);
    check_mounts(&place, User::ROOT, &["--userspec=500:500"]);
}

#[test]
fn ordinary_user_gets_them_too() {
    let Some(place) = TestEnv::new("ordinary_user_gets_them_too") else { return };
    check_mounts(&place, User::ordinary(), &[]);
}

/// Checks that `--mount` gives a fresh /run and /tmp, which don't outlive the command.
fn check_fresh(place: &TestEnv, user: User, outcome: impl Fn(&[&str], &str) -> Outcome) {
    let marker = format!("/tmp/newroot-test-{}-{}", std::process::id(), user.uid);
    fs::write(&marker, "the host's").expect("a file of the host");
    let script = "stat -c '%n %a' /run /tmp; ls -A /run /tmp; echo x > /tmp/x && cat /tmp/x; echo y > /run/y && cat /run/y";
    for _ in 0..2 {
        let seen = outcome(&["--mount"], script);
        let expected = "/run 755\n/tmp 1777\n/run:\n\n/tmp:\nx\ny\n";
        assert_eq!(seen.stdout(), expected, "{user:?}: {}", seen.stderr());
    }
    for options in [["--mount", "--bind=/tmp"], ["--bind=/tmp", "--mount"]] {
        let seen = outcome(&options, &format!("cat {marker}"));
        assert_eq!(seen.stdout(), "the host's", "{user:?}: {}", seen.stderr());
    }
    fs::remove_file(&marker).expect("the marker");
    assert!(!place.root.join("tmp").exists());
}

#[test]
fn run_and_tmp_are_fresh() {
    let Some(place) = TestEnv::new("run_and_tmp_are_fresh") else { return };
    let command = |user: User, options: &[&str], script: &str| {
        place.ours(&[options, &["root", "sh", "-c", script]].concat(), None, user)
    };
    if User::we_are_root() {
        check_fresh(&place, User::ROOT, |options, script| command(User::ROOT, options, script));
    }
    let user = User::ordinary();
    check_fresh(&place, user, |options, script| command(user, options, script));
    // With the trap engine they are the user's own directories, which are removed afterwards.
    let tmp = place.bed.directory("tmpdir", user);
    let world = place.bed.enter().cwd(place.bed.scratch()).user(user).without_user_namespaces();
    check_fresh(&place, user, |options, script| {
        let mut command = world.command(&place.bed.program("chroot"));
        run(command.args(options).args(["root", "sh", "-c", script]).env("TMPDIR", &tmp))
    });
    let left = fs::read_dir(tmp.join(format!("newroot-{}/scratch", user.uid))).expect("a directory").count();
    assert_eq!(left, 0);
}

/// Checks what `tty` prints for an inherited terminal, in a bare root and with `--mount`.
fn check_terminals(place: &TestEnv, user: User) {
    let world = place.bed.enter().cwd(place.bed.scratch()).user(user);
    let start = |program: &Path, options: &[&str]| {
        let mut command = world.command(program);
        command.args(options).args(["root", "sh", "-c", "tty; echo status $?"]);
        Terminal::start(&command, (24, 80))
    };
    let ours = place.bed.program("chroot");
    let mut bare = vec![start(&ours, &[])];
    if user == User::ROOT {
        bare.push(start(Path::new("/usr/sbin/chroot"), &[]));
    }
    for mut terminal in bare {
        terminal.expect("not a tty\r\nstatus 1\r\n");
        assert_eq!(terminal.end(), Ending::Exit(0));
    }
    let mut terminal = start(&ours, &["--mount"]);
    terminal.expect("/dev/pts/");
    terminal.expect("\r\nstatus 0\r\n");
    assert_eq!(terminal.end(), Ending::Exit(0));
}

#[test]
fn terminal_has_a_name_where_dev_is_mounted() {
    let Some(place) = TestEnv::new("terminal_has_a_name_where_dev_is_mounted") else { return };
    if User::we_are_root() {
        check_terminals(&place, User::ROOT);
    }
    check_terminals(&place, User::ordinary());
}

#[test]
fn bindings_can_be_read_only() {
    let Some(place) = TestEnv::new("bindings_can_be_read_only") else { return };
    let host = place.bed.directory("host", User::ordinary());
    fs::write(host.join("file"), "from the host\n").expect("a host file");
    newroot_testkit::own(&host, User::ordinary());
    let outcome = place.ours(
        &[
            "--bind=host:/rw",
            "--ro-bind",
            "host:/ro",
            "root",
            "sh",
            "-c",
            "cat /ro/file; touch /ro/x; touch /rw/y; ls /ro",
        ],
        None,
        User::ordinary(),
    );
    assert_eq!(outcome.stdout(), "from the host\nfile\ny\n", "{}", outcome.stderr());
    assert!(outcome.stderr().contains("Read-only file system"), "{}", outcome.stderr());
}

#[test]
fn binding_that_cannot_be_made_leaves_nothing_behind() {
    let test = "binding_that_cannot_be_made_leaves_nothing_behind";
    let Some(place) = TestEnv::new(test) else { return };
    let mounts = || fs::read_to_string("/proc/self/mountinfo").expect("the host's mounts");
    let before = (mounts(), snapshot(place.bed.scratch()));
    let users = [User::ordinary(), User::ROOT];
    for user in users.into_iter().take(if User::we_are_root() { 2 } else { 1 }) {
        for (option, words, has_hint) in [
            ("--bind=", &["''", "--bind"][..], true),
            ("--bind=/etc:etc", &["'/etc:etc'", "--bind", "not absolute"], true),
            ("--ro-bind=nowhere:/x", &["'nowhere'", "'/x'", "No such file or directory"], false),
            ("--ro-bind=/etc/passwd:/bin", &["'/etc/passwd'", "'/bin'", "directory"], false),
        ] {
            let outcome = place.ours(&["--mount", option, "root", "echo", "ran"], None, user);
            let stderr = outcome.stderr();
            assert_eq!(outcome.ending, Ending::Exit(125), "{option}: {stderr}");
            assert_eq!(outcome.stdout(), "", "{option}");
            let (line, rest) = stderr.split_once('\n').expect("a line");
            assert!(line.starts_with("chroot: ") && words.iter().all(|word| line.contains(word)), "{stderr}");
            let hint = "hint: Try 'chroot --help' for more information.\n";
            assert_eq!(rest, if has_hint { hint } else { "" }, "{option}");
        }
    }
    assert_eq!((mounts(), snapshot(place.bed.scratch())), before);
}

#[test]
fn ordinary_user_without_namespaces_gets_the_trap_engine() {
    let test = "ordinary_user_without_namespaces_gets_the_trap_engine";
    let Some(place) = TestEnv::new(test) else { return };
    let user = User::ordinary();
    let world = place.bed.enter().cwd(place.bed.scratch()).user(user).without_user_namespaces();
    let run_with = |options: &[&str], arguments: &[&str]| {
        run(world.command(&place.bed.program("chroot")).args(options).arg("root").args(arguments))
    };
    let outcome = run_with(&["--mount"], &["id", "-u"]);
    assert_eq!(outcome.stdout(), format!("{}\n", user.uid), "{}", outcome.stderr());
    own(&place.root, user);
    let other = run_with(&["--userspec=1:1"], &["sh", "-c", "id -u; id -g"]);
    assert_eq!(other.stdout(), "1\n1\n", "{}", other.stderr());
}

/// An ordinary user's other identity is emulated: it can do what that identity may, whatever the
/// host grants.
#[test]
fn ordinary_users_root_may_do_what_root_may() {
    let Some(place) = TestEnv::new("ordinary_users_root_may_do_what_root_may") else { return };
    own(&place.root, User::ordinary());
    let script = "id -u; id -g; : > /file && chown 5:6 /file && stat -c %u:%g /file";
    let outcome = place.ours(&["--userspec=0:0", "root", "sh", "-c", script], None, User::ordinary());
    assert_eq!(outcome.stdout(), "0\n0\n5:6\n", "{}", outcome.stderr());
    let group = place.ours(&["--userspec=:7", "root", "sh", "-c", "id -u; id -g"], None, User::ordinary());
    let expected = format!("{}\n7\n", User::ordinary().uid);
    assert_eq!(group.stdout(), expected, "{}", group.stderr());
}

/// Root of a user namespace with a single number can't become another user.
#[test]
fn root_of_a_namespace_with_one_number_fakes_others() {
    let Some(place) = TestEnv::new("root_of_a_namespace_with_one_number_fakes_others") else { return };
    own(&place.root, User::ordinary());
    let world = place.bed.enter().cwd(place.bed.scratch()).user(User::ordinary());
    let inside = |program: &str, arguments: &[&str]| {
        let mut unshare = world.command(Path::new("/usr/bin/unshare"));
        run(unshare.arg("-r").arg(place.bed.program(program)).args(arguments))
    };
    let probe = inside("chroot", &["root", "id"]);
    if probe.stderr().contains("unshare") {
        return skip("root_of_a_namespace_with_one_number_fakes_others", "no user namespace is available");
    }
    assert_eq!(probe.stdout(), "uid=0 gid=0\n", "{}", probe.stderr());
    let script = "id; : > /tmp-file && chown 5:6 /tmp-file && stat -c %u:%g /tmp-file; rm -f /tmp-file";
    for (program, options, expected) in [
        ("chroot", &["--userspec=0", "--groups=", "root"][..], "uid=0 gid=0\n5:6\n"),
        ("newroot", &["run", "--root", "root"], "uid=0 gid=0\n5:6\n"),
        ("proot", &["-0", "-r", "root", "-w", "/"], "uid=0 gid=0\n5:6\n"),
    ] {
        let outcome = inside(program, &[options, &["sh", "-c", script]].concat());
        assert_eq!(outcome.stdout(), expected, "{program}: {}", outcome.stderr());
    }
    let outcome = inside("chroot", &["--userspec=65534:65534", "root", "sh", "-c", "id -u; id -g"]);
    assert_eq!(outcome.stdout(), "65534\n65534\n", "{}", outcome.stderr());
    let refused = inside("newroot", &["run", "--engine=chroot", "--root", "root", "id"]);
    assert_eq!(refused.ending, Ending::Exit(125));
    assert!(refused.stderr().starts_with("newroot: cannot run as somebody else: "), "{}", refused.stderr());
}

#[test]
fn chroot_engine_is_not_silently_another() {
    let Some(place) = TestEnv::new("chroot_engine_is_not_silently_another") else { return };
    let world = place.bed.enter().cwd(place.bed.scratch()).user(User::ordinary());
    for options in [&["--no-recommended"][..], &[]] {
        let mut newroot = world.command(&place.bed.program("newroot"));
        let outcome = run(newroot.args(["run", "--engine=chroot"]).args(options).args(["root", "id"]));
        assert_eq!(outcome.ending, Ending::Exit(125), "{options:?}");
        let expected = "newroot: the chroot engine can't run here: chroot(2) is for root alone\nhint: ";
        assert!(outcome.stderr().starts_with(expected), "{}", outcome.stderr());
    }
}

/// While the root's name switches between two directories, the command is never inside one root
/// with its working directory in the other.
#[test]
fn root_exchanged_during_the_launch_does_not_lead_out() {
    let Some(place) = TestEnv::as_root("root_exchanged_during_the_launch_does_not_lead_out") else { return };
    fs::write(place.root.join("marker"), "").expect("a file of the root");
    let [one, other] = ["one", "other"].map(|name| place.bed.scratch().join(name));
    symlink("/", &one).expect("a link");
    symlink(&place.root, &other).expect("a link");
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                let _ = renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE);
            }
        });
        let (mut entered, mut refused) = (0, 0);
        for _ in 0..300 {
            let inside = "if [ -e /marker ]; then echo escaped; fi";
            let outcome = place.ours(&["--skip-chdir", "one", "/bin/sh", "-c", inside], None, User::ROOT);
            assert_eq!(outcome.stdout(), "", "{}", outcome.stderr());
            match outcome.ending {
                Ending::Exit(0) => entered += 1,
                Ending::Exit(125) => refused += 1,
                other => panic!("{other:?}: {}", outcome.stderr()),
            }
        }
        ended.store(true, Ordering::Relaxed);
        assert!(entered > 0 && refused > 0, "{entered} were let in, {refused} refused");
    });
}
