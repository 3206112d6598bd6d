//! Ways out of the root: none works where the kernel enforces the root or confines the command.
//!
//! `escapes/outside.c` tries them, with system calls of its own, and prints those that work. It
//! runs first where there is a way out, which shows that it finds one.

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use newroot_testkit::{Bed, Ending, Enter, Outcome, User, own, run, run_within, skip};

/// A root with the program, and its targets beside the root, outside.
struct TestEnv {
    bed: Bed,
    root: PathBuf,
    secret: PathBuf,
    socket: String,
    _listener: UnixListener,
    victim: Child,
}

impl TestEnv {
    fn new() -> Self {
        let bed = newroot_testkit::bed!();
        let root = bed.directory("root", User::ordinary());
        for name in ["bin", "here", "proc"] {
            fs::create_dir(root.join(name)).expect("a directory of the root");
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/robust/escapes/outside.c");
        fs::copy(bed.program_of(&source), root.join("bin/outside")).expect("the program");
        let secret = bed.scratch().join("secret");
        fs::write(&secret, "secret\n").expect("a host file");
        own(bed.scratch(), User::ordinary());
        let socket = format!("{}", bed.scratch().display());
        let address =
            <std::os::unix::net::SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(
                &socket,
            );
        let listener = UnixListener::bind_addr(&address.expect("a short name")).expect("an abstract socket");
        let sleep = Path::new("/bin/sleep");
        let victim = bed.enter().user(User::ordinary()).command(sleep).arg("600").spawn().expect("a process");
        // Until the victim has executed its program it belongs to another user, whom the program
        // may not signal or trace.
        let name = format!("/proc/{}/comm", victim.id());
        let deadline = Instant::now() + Duration::from_secs(30);
        while fs::read_to_string(&name).is_ok_and(|name| name != "sleep\n") {
            assert!(Instant::now() < deadline, "the victim doesn't start");
            std::thread::yield_now();
        }
        Self { bed, root, secret, socket, _listener: listener, victim }
    }

    fn world(&self, user: User) -> Enter {
        self.bed.enter().cwd(self.bed.scratch()).user(user)
    }

    /// Returns the program's arguments: its targets, and the number of seconds to try.
    fn arguments(&self, seconds: u32) -> [String; 4] {
        let secret = self.secret.to_str().expect("a plain path").to_owned();
        [secret, self.victim.id().to_string(), self.socket.clone(), seconds.to_string()]
    }

    fn run(&self, user: User, options: &[&str], seconds: u32) -> Outcome {
        let mut newroot = self.world(user).command(&self.bed.program("newroot"));
        newroot.args(["run", "--no-recommended", "-b", "/proc", "-w", "/here"]).args(options).arg(&self.root);
        run_within(
            newroot.args(["--", "/bin/outside"]).args(self.arguments(seconds)),
            Duration::from_secs(60),
        )
    }

    /// Checks that only these ways work.
    fn check(&self, user: User, options: &[&str], seconds: u32, ways: &[&str]) {
        let outcome = self.run(user, options, seconds);
        let mut expected: Vec<String> = ways.iter().map(|way| format!("escaped by {way}")).collect();
        if seconds > 0 {
            expected.insert(0, "raced: 1".to_owned());
        }
        expected.push(format!("{} escapes", ways.len()));
        let stdout = outcome.stdout();
        assert_eq!(stdout.lines().collect::<Vec<_>>(), expected, "{options:?}: {}", outcome.stderr());
        assert_eq!(outcome.ending, Ending::Exit(0), "{options:?}");
    }
}

impl Drop for TestEnv {
    fn drop(&mut self) {
        let _ = self.victim.kill();
        let _ = self.victim.wait();
    }
}

/// Ways that a root doesn't close unless asked to: processes and abstract sockets of the same user.
const NOT_FILES: [&str; 2] = ["a signal", "an abstract socket"];

#[test]
fn the_program_escapes_on_the_bare_host() {
    let place = TestEnv::new();
    let program = place.root.join("bin/outside");
    let world = place.world(User::ordinary()).cwd(&place.root.join("here"));
    let outcome = run(world.command(&program).args(place.arguments(0)));
    for way in ["its path", "..", "a link", "ptrace", "a signal", "an abstract socket"] {
        let line = format!("escaped by {way}\n");
        assert!(outcome.stdout().contains(&line), "{way} is missing: {}", outcome.stdout());
    }
}

#[test]
fn namespace_engine_shows_no_host_file() {
    let place = TestEnv::new();
    place.check(User::ordinary(), &["--engine=namespace"], 10, &NOT_FILES);
}

#[test]
fn namespaces_of_its_own_leave_no_process_to_signal() {
    let place = TestEnv::new();
    place.check(User::ordinary(), &["--unshare=pid,net,ipc,uts"], 0, &[]);
}

#[test]
fn confined_command_reaches_nothing_outside() {
    let place = TestEnv::new();
    place.check(User::ordinary(), &["--engine=namespace", "--confine=strict"], 0, &[]);
}

/// The trap engine's own translation is no boundary (the program makes its own system calls, though
/// they trap); the kernel's rules are.
#[test]
fn confined_command_of_the_trap_engine_reaches_nothing_outside() {
    let place = TestEnv::new();
    place.check(User::ordinary(), &["--engine=trap", "--confine=strict"], 10, &[]);
}

#[test]
fn user_that_root_becomes_is_kept_inside() {
    let test = "user_that_root_becomes_is_kept_inside";
    if !User::we_are_root() {
        return skip(test, "only root can become another user");
    }
    let place = TestEnv::new();
    let user = format!("+{}:+{}", User::ordinary().uid, User::ordinary().gid);
    let options = ["--engine=namespace", "-u", &user, "--groups="];
    // Without a user namespace of its own the command runs as that user outside, too, and may trace
    // and signal the user's processes.
    place.check(User::ROOT, &options, 0, &["ptrace", "a signal", "an abstract socket"]);
    place.check(User::ROOT, &[&options[..], &["--unshare=pid,net"]].concat(), 0, &[]);
    place.check(User::ROOT, &[&options[..], &["--confine=strict"]].concat(), 0, &[]);
}

/// Root in a bare chroot(2) escapes in the well-known way; in a root of a namespace it doesn't, nor
/// when confined.
#[test]
fn root_gets_out_of_a_bare_chroot_but_not_of_a_namespace() {
    let test = "root_gets_out_of_a_bare_chroot_but_not_of_a_namespace";
    if !User::we_are_root() {
        return skip(test, "only root can chroot");
    }
    let place = TestEnv::new();
    let by_chroot = |options: &[&str]| {
        let mut newroot = place.world(User::ROOT).command(&place.bed.program("newroot"));
        newroot.args(["run", "--no-recommended"]).args(options).arg(&place.root);
        let mut arguments = place.arguments(0);
        arguments[1] = "0".to_owned();
        run(newroot.args(["--", "/bin/outside"]).args(arguments)).stdout().contains("escaped by chroot\n")
    };
    assert!(by_chroot(&["--engine=chroot"]));
    assert!(!by_chroot(&["--engine=namespace"]));
    assert!(!by_chroot(&["--engine=chroot", "--confine=strict"]));
}
