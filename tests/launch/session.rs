//! The session that this project started from, word for word: a directory with nothing but busybox,
//! which a user without privileges enters.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use newroot_testkit::{Bed, Ending, Outcome, Terminal, User, own, run, snapshot, static_busybox};

/// The directory `newroot` and the shell in it.
struct Session {
    bed: Bed,
    root: PathBuf,
}

/// The caller's groups; no host has names for them.
const GROUPS: [u32; 3] = [54321, 54322, 54323];

impl Session {
    fn start(test: &str) -> Option<Self> {
        let bed = newroot_testkit::bed!();
        let root = bed.busybox_root_or_skip(test, "newroot", User::ordinary())?;
        Some(Self { root, bed })
    }

    /// Runs `line` in a shell of the user, in the directory.
    fn shell(&self, line: &str) -> Outcome {
        self.host(Path::new("/bin/sh"), &["-c", line])
    }

    /// Runs `line` with a terminal as standard input, output and error.
    fn terminal(&self, line: &str) -> Outcome {
        let mut outcome = self.host(Path::new("/usr/bin/script"), &["-qec", line, "/dev/null"]);
        outcome.stdout.retain(|&byte| byte != b'\r');
        outcome
    }

    fn host(&self, program: &Path, arguments: &[&str]) -> Outcome {
        let world = self.bed.enter().cwd(&self.root).user_in_groups(User::ordinary(), &GROUPS);
        let mut command = world.command(program);
        let programs = self.bed.program("proot");
        let directory = programs.parent().expect("a directory of programs").display();
        command.args(arguments).env("PATH", format!("{directory}:/usr/bin:/bin")).env("HOME", "/home");
        run(&mut command)
    }

    /// Runs the host's own busybox as the same user.
    fn on_host(&self, applet: &str) -> Outcome {
        self.host(&static_busybox().expect("the one that was copied"), &[applet])
    }
}

fn check(outcome: &Outcome, stdout: &str, ending: Ending) {
    assert_eq!(outcome.stdout(), stdout, "standard error: {}", outcome.stderr());
    assert_eq!(outcome.ending, ending, "standard error: {}", outcome.stderr());
}

/// Removes the names, which only the host has, from `uid=1000(me) gid=…`.
fn without_names(id: &str) -> String {
    let mut parts = id.split(['(', ')']);
    let mut numbers = String::new();
    while let Some(part) = parts.next() {
        numbers.push_str(part);
        parts.next();
    }
    numbers
}

#[test]
fn id_is_the_callers_own() {
    let Some(session) = Session::start("id_is_the_callers_own") else { return };
    let outcome = session.shell("proot -r . -w / id");
    assert_eq!(without_names(&outcome.stdout()), without_names(&session.on_host("id").stdout()));
    if User::we_are_root() {
        check(&outcome, "uid=54321 gid=54321 groups=54321,54322,54323\n", Ending::Exit(0));
    }
}

#[test]
fn mount_finds_no_proc() {
    let Some(session) = Session::start("mount_finds_no_proc") else { return };
    let outcome = session.shell("proot -r . -w / mount");
    check(&outcome, "", Ending::Exit(1));
    assert_eq!(outcome.stderr(), "mount: no /proc/mounts\n");
}

#[test]
fn ps_finds_no_proc() {
    let Some(session) = Session::start("ps_finds_no_proc") else { return };
    let outcome = session.shell("proot -r . -w / ps");
    assert_eq!(outcome.ending, Ending::Exit(1));
    assert_eq!(outcome.stderr(), "ps: can't open '/proc': No such file or directory\n");
}

#[test]
fn tty_finds_no_name_for_the_terminal() {
    let Some(session) = Session::start("tty_finds_no_name_for_the_terminal") else { return };
    check(&session.terminal("proot -r . -w / tty"), "not a tty\n", Ending::Exit(1));
    check(&session.shell("proot -r . -w / tty"), "not a tty\n", Ending::Exit(1));
}

#[test]
fn mount_with_proc_lists_the_hosts_mounts() {
    let Some(session) = Session::start("mount_with_proc_lists_the_hosts_mounts") else { return };
    let outcome = session.shell("proot -r . -w / -b /proc -b /sys -b /dev -b /dev/pts mount");
    check(&outcome, &session.on_host("mount").stdout(), Ending::Exit(0));
    assert!(outcome.stdout().contains(" on / type "), "{}", outcome.stdout());
}

#[test]
fn ps_with_proc_lists_the_hosts_processes() {
    let Some(session) = Session::start("ps_with_proc_lists_the_hosts_processes") else { return };
    let outcome = session.shell("proot -r . -w / -b /proc -b /sys -b /dev -b /dev/pts ps");
    assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
    let listed: BTreeSet<u32> =
        outcome.stdout().lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect();
    assert!(listed.contains(&std::process::id()), "{}", outcome.stdout());
    assert!(listed.contains(&1), "{}", outcome.stdout());
}

#[test]
fn tty_with_dev_names_the_terminal() {
    let Some(session) = Session::start("tty_with_dev_names_the_terminal") else { return };
    let outcome = session.terminal("proot -r . -w / -b /proc -b /sys -b /dev -b /dev/pts tty");
    assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stdout());
    let number = outcome.stdout().trim_end().strip_prefix("/dev/pts/").map(str::parse::<u32>);
    assert!(matches!(number, Some(Ok(_))), "{}", outcome.stdout());
}

/// Program that prints the size of its terminal, and again when it changes; nothing else wakes it.
const WATCHES_ITS_SIZE: &str =
    "trap 'stty size; kill $!; exit 7' WINCH; stty size; sleep 600 & echo up; wait";

impl Session {
    /// Runs `script` in the directory, on a terminal of 24 rows and 80 columns: once where newroot
    /// becomes the command, and once where newroot stays to kill the remaining processes.
    fn on_terminals(&self, script: &str) -> [Terminal; 2] {
        [&[][..], &["--kill-on-exit"]].map(|options: &[&str]| {
            let world = self.bed.enter().cwd(&self.root).user(User::ordinary());
            let mut command = world.command(&self.bed.program("proot"));
            command.args(options).args(["-r", ".", "-w", "/", "-b", "/dev", "/bin/sh", "-c", script]);
            Terminal::start(&command, (24, 80))
        })
    }
}

#[test]
fn resize_of_the_terminal_reaches_the_guest() {
    let Some(session) = Session::start("resize_of_the_terminal_reaches_the_guest") else { return };
    for mut terminal in session.on_terminals(WATCHES_ITS_SIZE) {
        terminal.expect("24 80\r\nup\r\n");
        terminal.resize((50, 132));
        terminal.expect("50 132\r\n");
        assert_eq!(terminal.end(), Ending::Exit(7));
    }
}

#[test]
fn interrupt_key_reaches_the_guest() {
    let Some(session) = Session::start("interrupt_key_reaches_the_guest") else { return };
    for mut terminal in session.on_terminals("trap 'echo caught; exit 9' INT; sleep 600 & echo up; wait") {
        terminal.expect("up\r\n");
        terminal.type_in("\x03");
        terminal.expect("caught\r\n");
        assert_eq!(terminal.end(), Ending::Exit(9));
    }
}

#[test]
fn directory_bound_at_its_own_path_stays_the_working_directory() {
    let test = "directory_bound_at_its_own_path_stays_the_working_directory";
    let Some(session) = Session::start(test) else { return };
    let bindings = "-b /proc -b /sys -b /dev -b /dev/pts -b $PWD:$PWD";
    let outcome = session.shell(&format!("proot -r . {bindings} readlink -f ."));
    check(&outcome, &format!("{}\n", session.root.display()), Ending::Exit(0));
    let both = session.shell(&format!("proot -r . {bindings} ls -d /bin/busybox $PWD/bin/busybox"));
    let expected = format!("/bin/busybox\n{}/bin/busybox\n", session.root.display());
    check(&both, &expected, Ending::Exit(0));
}

#[test]
fn variable_of_the_working_directory_is_the_guests() {
    let test = "variable_of_the_working_directory_is_the_guests";
    let Some(session) = Session::start(test) else { return };
    let root = session.root.display().to_string();
    let in_root = "/bin/busybox env | sed -n s/^PWD=//p";
    for (line, pwd) in [
        // The caller's directory is at two guest paths.
        ("proot -b $PWD:/foo/bar -w /foo/bar /bin/sh -c pwd".to_owned(), "/foo/bar"),
        ("proot -b $PWD:/foo/bar -w /foo/bar printenv PWD".to_owned(), "/foo/bar"),
        ("proot -b $PWD:/foo/bar printenv PWD".to_owned(), &*root),
        (format!("unset PWD; proot -r . -b /proc -w /proc/../bin {in_root}"), "/bin"),
        (format!("newroot run --engine trap --no-recommended . {in_root}"), "/"),
        (format!("newroot run --engine trap --workdir /bin . {in_root}"), "/bin"),
        (format!("newroot run --engine namespace --workdir /bin . {in_root}"), "/bin"),
        (format!("newroot run --clear-env --workdir bin . {in_root}"), "/bin"),
        (format!("newroot run --workdir /bin --env PWD=/mine . {in_root}"), "/mine"),
        (format!("newroot chroot . {in_root}"), "/"),
        // A path through a symlink that leads to the same directory is as good, and is the
        // caller's.
        ("ln -s . linked; cd linked; proot printenv PWD".to_owned(), &*format!("{root}/linked")),
        ("newroot run --skip-chdir / printenv PWD".to_owned(), &*root),
    ] {
        let outcome = session.shell(&line);
        assert_eq!(outcome.stdout(), format!("{pwd}\n"), "{line}: {}", outcome.stderr());
    }
}

#[test]
fn all_names_of_the_kernel_can_be_given() {
    let Some(session) = Session::start("all_names_of_the_kernel_can_be_given") else { return };
    let names = r"\Syst\no de\1.2.3-x\#1 ver\mach\dom\0\";
    let outcome = session.shell(&format!(
        "proot -r . -w / -k '{names}' /bin/sh -c '/bin/busybox uname -snrvm; /bin/busybox uname -o; exec /bin/busybox uname -n'"
    ));
    check(&outcome, "Syst no de 1.2.3-x #1 ver mach\nGNU/Linux\nno de\n", Ending::Exit(0));
    let hosts = session.shell("uname -snvm; echo 1.2.3").stdout();
    let outcome = session
        .shell("proot -r . -w / -k 1.2.3 /bin/sh -c '/bin/busybox uname -snvm; /bin/busybox uname -r'");
    check(&outcome, &hosts, Ending::Exit(0));
    let capabilities = |kernel: &str| {
        let line = format!("LD_SHOW_AUXV=1 proot -k '{kernel}' /bin/true | grep HWCAP:");
        session.shell(&line).stdout().split_whitespace().last().map(str::to_owned)
    };
    assert_eq!(capabilities(r"\s\n\9.9.9\v\m\d\1f\").as_deref(), Some("1f"));
    assert_eq!(capabilities(r"\s\n\9.9.9\v\m\d\-1\"), capabilities("9.9.9"));
    let refused = session.shell(r"proot -r . -k '\s\n\r\v\m\d' /bin/true");
    assert!(
        refused.stderr().contains(r"cannot use '\s\n\r\v\m\d' as the kernel's names"),
        "{}",
        refused.stderr()
    );
}

#[test]
fn programs_of_launchers_are_the_proot_dialect() {
    let Some(session) = Session::start("programs_of_launchers_are_the_proot_dialect") else { return };
    let outcome = session.shell(
        "ln -s \"$(command -v newroot)\" proot-x86_64-4_8_0
         ./proot-x86_64-4_8_0 --kill-on-exit --sysvipc -L -H --ashmem-memfd -r . -w / /bin/sh -c 'echo ran; ls /bin'
         ./proot-x86_64-4_8_0 -q qemu-arm /bin/true",
    );
    assert!(outcome.stdout().starts_with("ran\n"), "{}", outcome.stderr());
    assert!(
        outcome.stderr().starts_with("proot: newroot doesn't support PRoot's option '-q'"),
        "{}",
        outcome.stderr()
    );
}

/// Prepares a program in the root that sends datagrams, and a host directory whose path is longer
/// than a socket address.
fn with_datagrams(session: &Session) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/launch/session/datagrams.c");
    fs::copy(session.bed.program_of(&source), session.root.join("bin/datagrams")).expect("the program");
    let place = session.bed.scratch().join("long").join("x".repeat(110));
    fs::create_dir_all(&place).expect("a long path");
    own(&session.root, User::ordinary());
    own(&session.bed.scratch().join("long"), User::ordinary());
    place
}

#[test]
fn datagrams_below_a_long_path_are_answered_by_another_session() {
    let test = "datagrams_below_a_long_path_are_answered_by_another_session";
    let Some(session) = Session::start(test) else { return };
    let place = with_datagrams(&session);
    let place = place.display();
    // Each session binds the directory at another guest path.
    let outcome = session.shell(&format!(
        "newroot run --engine trap --no-recommended -b {place}:/there . /bin/datagrams answer /there/server > {place}/log & \
         until [ -s {place}/log ]; do :; done
         timeout 20 newroot run --engine trap --no-recommended -b {place}:/here . /bin/datagrams ask /here/server /here/client
         wait; cat {place}/log"
    ));
    check(&outcome, "answer from /here/server\nready\nquestion from /there/client\n", Ending::Exit(0));
}

#[test]
fn datagrams_below_a_long_path_are_answered_by_a_host_program() {
    let test = "datagrams_below_a_long_path_are_answered_by_a_host_program";
    let Some(session) = Session::start(test) else { return };
    let place = with_datagrams(&session);
    let short = session.bed.scratch().join("s");
    let server = UnixDatagram::bind(&short).expect("a socket");
    own(&short, User::ordinary());
    server.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    std::thread::scope(|scope| {
        let answers = scope.spawn(|| {
            let (len, from) = server.recv_from(&mut [0; 40]).expect("a question");
            let path = from.as_pathname().expect("an address that is a path").to_owned();
            server.send_to(b"answer", &path).expect("an answer");
            (len, path)
        });
        let outcome = session.shell(&format!(
            "exec timeout 20 newroot run --engine trap --no-recommended -b {}:/here -b {}:/server . \
             /bin/datagrams ask /server /here/client",
            place.display(),
            short.display(),
        ));
        check(&outcome, "answer from /server\n", Ending::Exit(0));
        let (len, path) = answers.join().expect("the server");
        assert_eq!(len, b"question".len());
        let own = fs::canonicalize(&path).expect("the address leads to the socket");
        assert_eq!(own, fs::canonicalize(place.join("client")).expect("the socket"));
    });
}

#[test]
fn recommended_bindings_are_listed_where_nothing_is() {
    let test = "recommended_bindings_are_listed_where_nothing_is";
    let Some(session) = Session::start(test) else { return };
    let outcome = session.shell("proot -R . ls");
    assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
    let listed: BTreeSet<String> = outcome.stdout().lines().map(str::to_owned).collect();
    for name in ["bin", "dev", "etc", "home", "proc", "run", "sys", "tmp"] {
        assert!(listed.contains(name), "{name} is missing: {listed:?}");
    }
    assert!(!listed.contains("usr"), "the host shines through: {listed:?}");
    let in_root: Vec<_> = fs::read_dir(&session.root).expect("the root").collect();
    assert_eq!(in_root.len(), 1, "only bin is there: {in_root:?}");
}

#[test]
fn nothing_stays_behind() {
    let Some(session) = Session::start("nothing_stays_behind") else { return };
    let mounts = || fs::read_to_string("/proc/self/mountinfo").expect("the host's mounts");
    let (mounts_before, files_before) = (mounts(), snapshot(session.bed.scratch()));
    for line in [
        "proot -r . -w / id",
        "proot -r . -w / -b /proc -b /sys -b /dev -b /dev/pts mount",
        "proot -r . -b /proc -b /sys -b /dev -b /dev/pts -b $PWD:$PWD readlink -f .",
        "proot -r . -b /etc/passwd:/a/b/c -b /proc:/a/d cat /a/b/c",
        "proot -R . ls",
        "proot -R . /bin/nothing",
    ] {
        let _ = session.shell(line);
    }
    assert_eq!(snapshot(session.bed.scratch()), files_before);
    assert_eq!(mounts(), mounts_before);
}

/// Command that starts a daemon, which leaves its process group and its parent; then the shell that
/// started it ends.
const DAEMON: &str = "proot --kill-on-exit -r . -w / -b /dev /bin/sh -c \
                      '(setsid /bin/sh -c \"echo \\$\\$; exec >/dev/null 2>&1 sleep 600\" &) | head -n 1; exit 5'";

/// Whether a process runs: one that has ended may still wait for its new parent to reap it.
fn runs(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or_default().starts_with(" Z"))
}

#[test]
fn kill_on_exit_ends_daemons_too() {
    let Some(session) = Session::start("kill_on_exit_ends_daemons_too") else { return };
    let outcome = session.shell(DAEMON);
    assert_eq!(outcome.ending, Ending::Exit(5), "standard error: {}", outcome.stderr());
    let daemon = outcome.stdout().trim().parse::<u32>().expect("the daemon's number");
    assert!(!runs(daemon), "the daemon {daemon} is still there");
}

#[test]
fn kill_on_exit_takes_the_command_along_when_newroot_is_killed() {
    let Some(session) = Session::start("kill_on_exit_takes_the_command_along_when_newroot_is_killed") else {
        return;
    };
    // The command prints its number and kills newroot, its parent. cat waits until no process has
    // the pipe open; a process that is being killed closes it a little before its end.
    let outcome = session
        .shell("proot --kill-on-exit -r . -w / /bin/sh -c 'echo $$; kill -KILL $PPID; exec sleep 600' | cat");
    let command = outcome.stdout().trim().parse::<u32>().expect("the command's number");
    let deadline = Instant::now() + Duration::from_secs(20);
    while runs(command) {
        assert!(Instant::now() < deadline, "the command {command} is still there");
        std::thread::yield_now();
    }
}

#[test]
fn group_alone_leaves_the_user() {
    let Some(session) = Session::start("group_alone_leaves_the_user") else { return };
    let own = User::ordinary().uid;
    for (option, ids) in [("-u :100", "gid=100"), ("--groups=7", &format!("gid={own}"))] {
        let outcome = session.shell(&format!("newroot run --no-recommended --engine=trap {option} . id"));
        assert!(outcome.stdout().starts_with(&format!("uid={own} {ids}")), "{option}: {}", outcome.facts());
    }
    let listed = session.shell("newroot run --no-recommended --engine=trap --groups=7 . id");
    assert!(listed.stdout().trim_end().ends_with(" groups=7"), "{}", listed.facts());
    let kept = session.shell("newroot run --no-recommended --engine=trap -u :100 . id");
    if User::we_are_root() {
        assert!(kept.stdout().contains("54322,54323"), "{}", kept.facts());
    }
}

impl Session {
    /// Runs `script` in a shell in the root, on a host that refuses hard links.
    fn without_hard_links(&self, script: &str) -> Outcome {
        let world = self.bed.enter().cwd(&self.root).user(User::ordinary()).without_hard_links();
        let mut command = world.command(&self.bed.program("newroot"));
        command.args(["run", "--engine=trap", "--no-recommended", "--link2symlink", ".", "sh", "-c", script]);
        run(&mut command)
    }

    /// Returns the directory of name references of the one file with several names.
    fn name_refs(&self) -> PathBuf {
        let links = self.root.join(".newroot/links");
        let mut entries =
            fs::read_dir(links).expect("the links").map(|entry| entry.expect("an entry").path());
        let own = entries.next().expect("a file with several names");
        assert!(entries.next().is_none(), "one file is enough");
        own.join("names")
    }
}

/// newroot counts a file's names without listing them: the directory with one reference for each
/// name can't be read here.
#[test]
fn names_of_a_file_are_counted_without_listing_them() {
    let Some(session) = Session::start("names_of_a_file_are_counted_without_listing_them") else { return };
    let made = session.without_hard_links(
        "echo x > f; i=0; while [ $i -lt 50 ]; do ln f n$i || exit; i=$((i + 1)); done; stat -c %h f",
    );
    check(&made, "51\n", Ending::Exit(0));
    let name_refs = session.name_refs();
    let mode = |mode| fs::set_permissions(&name_refs, Permissions::from_mode(mode)).expect("its mode");
    mode(0o300);
    check(&session.without_hard_links("stat -c %h n7"), "51\n", Ending::Exit(0));
    check(&session.without_hard_links("ls -l n7 | awk '{ print $2 }'"), "51\n", Ending::Exit(0));
    mode(0o700);
    check(
        &session.without_hard_links("rm n7; mv n8 m8; mv n9 n10; ln f g; stat -c %h m8"),
        "51\n",
        Ending::Exit(0),
    );
    mode(0o300);
    check(&session.without_hard_links("stat -c %h m8"), "51\n", Ending::Exit(0));
    mode(0o700);
    // A store without the noted number, as older versions leave it: the names are listed until a
    // change notes their number.
    fs::File::open(&name_refs).expect("the references").set_modified(SystemTime::now()).expect("a time");
    check(&session.without_hard_links("stat -c %h m8"), "51\n", Ending::Exit(0));
    check(&session.without_hard_links("rm m8; stat -c %h f"), "50\n", Ending::Exit(0));
    mode(0o300);
    check(&session.without_hard_links("stat -c %h f"), "50\n", Ending::Exit(0));
    mode(0o700);
    check(&session.without_hard_links("rm g n*; stat -c %h f; rm f"), "1\n", Ending::Exit(0));
    let left = fs::read_dir(session.root.join(".newroot/links")).expect("the links").count();
    assert_eq!(left, 0);
}

#[test]
fn root_that_cannot_be_written_to_gets_no_links_and_a_warning() {
    let test = "root_that_cannot_be_written_to_gets_no_links_and_a_warning";
    let Some(session) = Session::start(test) else { return };
    fs::set_permissions(&session.root, Permissions::from_mode(0o555)).expect("its mode");
    let outcome = session.without_hard_links("echo ran");
    check(&outcome, "ran\n", Ending::Exit(0));
    let warning = "newroot: warning: not making hard links where the host refuses them: cannot make ";
    assert!(outcome.stderr().starts_with(warning), "{}", outcome.stderr());
    assert!(outcome.stderr().trim_end().ends_with(": Permission denied"), "{}", outcome.stderr());
    fs::set_permissions(&session.root, Permissions::from_mode(0o755)).expect("its mode");
}
