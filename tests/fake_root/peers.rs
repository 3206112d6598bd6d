//! Fake root among processes: what /proc, sockets, signals and the calls about other processes
//! report and allow. The programs in `peers/` print facts, as real root in a real chroot and as an
//! ordinary user with fake root; the facts must be the same.
//!
//! Everything runs in a PID namespace and with a host name of its own, because the programs kill
//! processes and set the host name. Only root can make these; other users skip the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use newroot_testkit::{Bed, Ending, Outcome, User, own, run_within, skip};

/// A root with one of the programs.
struct TestEnv {
    bed: Bed,
    root: PathBuf,
}

impl TestEnv {
    fn new(test: &str, program: &str) -> Option<Self> {
        if !User::we_are_root() {
            skip(test, "only root can make the namespaces");
            return None;
        }
        let bed = newroot_testkit::bed!();
        let place = Self { root: Self::root(&bed, program, "root", User::ordinary()), bed };
        Some(place)
    }

    fn root(bed: &Bed, program: &str, name: &str, user: User) -> PathBuf {
        let root = bed.directory(name, user);
        for name in ["bin", "proc", "tmp"] {
            fs::create_dir(root.join(name)).expect("a directory of the root");
        }
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fake_root/peers");
        let built = bed.program_of(&sources.join(format!("{program}.c")));
        fs::copy(built, root.join("bin/guest")).expect("the program");
        own(&root, user);
        root
    }

    /// Restores the root's first state.
    fn clear(&self) {
        let tmp = self.root.join("tmp");
        fs::remove_dir_all(&tmp).and_then(|()| fs::create_dir(&tmp)).expect("an empty directory");
        own(&tmp, User::ordinary());
    }

    /// Runs the program as an ordinary user's fake root.
    fn faked(&self, options: &[&str]) -> Outcome {
        let world = self.bed.enter().cwd(self.bed.scratch()).user(User::ordinary());
        let mut newroot = world.command(&self.bed.program("newroot"));
        newroot.args(["run", "--engine=trap", "--root", "--no-recommended", "-b", "/proc"]).args(options);
        newroot.arg(&self.root).args(["--", "/bin/guest"]);
        run_within(&mut alone(&newroot), Duration::from_secs(60))
    }

    /// Runs the program as real root.
    fn real(&self, program: &str) -> Outcome {
        let root = Self::root(&self.bed, program, "real", User::ROOT);
        let world = self.bed.enter().mounts().bind(Path::new("/proc"), &root.join("proc")).root(&root);
        let guest = world.cwd(Path::new("/")).command(Path::new("/bin/guest"));
        run_within(&mut alone(&guest), Duration::from_secs(60))
    }

    fn same(&self, program: &str) {
        let real = self.real(program);
        assert_eq!(real.ending, Ending::Exit(0), "{}{}", real.stdout(), real.stderr());
        for options in [&["--patch-after=1"][..], &["--no-patch"]] {
            self.clear();
            let faked = self.faked(options);
            assert_eq!(faked.stdout(), real.stdout(), "{options:?} {}", faked.stderr());
            assert_eq!(faked.ending, real.ending, "{options:?}");
        }
    }
}

/// Returns the command in a PID namespace and with a host name of its own, so that it kills and
/// names nothing else.
fn alone(command: &Command) -> Command {
    let mut alone = Command::new("unshare");
    alone.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--uts", "--"]);
    alone.arg(command.get_program()).args(command.get_args()).env_clear();
    alone.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    alone
}

macro_rules! same_as_for_real_root {
    ($($test:ident: $program:literal),* $(,)?) => {
        $(
            #[test]
            fn $test() {
                let Some(place) = TestEnv::new(stringify!($test), $program) else { return };
                place.same($program);
            }
        )*
    };
}

same_as_for_real_root! {
    proc_tells_who_processes_seem_to_be: "processes",
    sockets_tell_who_is_at_the_other_end: "sockets",
    signals_reach_whom_they_may: "signals",
    others_are_left_alone_but_by_root: "others",
    everyone_stays_who_they_are: "churn",
    nothing_that_is_over_fills_a_session: "many",
}

/// Never run as real root: the calls would succeed.
#[test]
fn calls_that_change_the_machine_are_refused() {
    let Some(place) = TestEnv::new("calls_that_change_the_machine_are_refused", "machine") else { return };
    let faked = place.faked(&[]);
    assert_eq!(faked.ending, Ending::Exit(0), "{}", faked.stderr());
    for line in faked.stdout().lines() {
        let done = line.starts_with("unshare(CLONE_FS)");
        // The session emulates a mount namespace, and only root may make one; a PID namespace is
        // only pretended.
        if ["unshare(CLONE_NEWNS) = 0", "unshare(CLONE_NEWPID) = 0"].contains(&line) {
            continue;
        }
        // Some kernels have no modules, no ports, or can't start another kernel.
        let refused = line.ends_with(": EPERM") || line.ends_with(": ENOSYS");
        assert!(if done { line.ends_with(" = 0") } else { refused }, "{line}");
    }
    assert_eq!(faked.stdout().lines().count(), 38);
}

/// A signal to all processes doesn't hit processes of the same user outside of the session.
#[test]
fn signals_to_everybody_stay_in_the_session() {
    let test = "signals_to_everybody_stay_in_the_session";
    let Some(place) = TestEnv::new(test, "signals") else { return };
    let bed = &place.bed;
    let Some(root) = bed.busybox_root_or_skip(test, "shell", User::ordinary()) else { return };
    let world = bed.enter().cwd(bed.scratch()).user(User::ordinary());
    let mut shell = world.command(Path::new("/bin/sh"));
    let newroot = bed.program("newroot");
    fs::create_dir(root.join("etc")).expect("a directory of the root");
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\n").expect("the root's users");
    own(&root, User::ordinary());
    let inside = "sleep 60 & renice -n 5 -u root; cut -d\" \" -f 19 /proc/$!/stat; kill -9 -1; wait; \
                  kill -0 $! 2>/dev/null || echo gone";
    let script = format!(
        "sleep 60 & outside=$!; {} run --engine=trap --root {} -- /bin/sh -c '{inside}'; \
         kill -0 $outside && echo outside lives; cut -d' ' -f19 /proc/$outside/stat; kill $outside",
        newroot.display(),
        root.display()
    );
    shell.args(["-c", &script]);
    let outcome = run_within(&mut alone(&shell), Duration::from_secs(30));
    assert_eq!(outcome.stdout(), "5\ngone\noutside lives\n0\n", "{}", outcome.stderr());
}

/// A session knows the processes of another session on the same root for as long as they live.
#[test]
fn sessions_on_a_root_know_each_other() {
    let test = "sessions_on_a_root_know_each_other";
    let Some(place) = TestEnv::new(test, "signals") else { return };
    let bed = &place.bed;
    let Some(root) = bed.busybox_root_or_skip(test, "shell", User::ordinary()) else { return };
    let world = bed.enter().cwd(bed.scratch()).user(User::ordinary());
    let mut shell = world.command(Path::new("/bin/sh"));
    let run = format!("{} run --engine=trap -b /proc", bed.program("newroot").display());
    let root = root.display();
    // The second session has the first one's user, the third has another user, the fourth is root.
    // The last session starts when no process of the others is left.
    let script = format!(
        "{run} -u 33:34 {root} -- /bin/sleep 60 & sleeper=$!
         owner() {{ {run} --root {root} -- /bin/stat -c %u:%g /proc/$1; }}
         until [ \"$(owner $sleeper)\" = 33:34 ]; do kill -0 $sleeper || exit; done
         echo it is 33:34
         {run} -u 35:35 {root} -- /bin/kill -0 $sleeper 2>&1 | grep -o permitted
         {run} -u 33:34 {root} -- /bin/sh -c \"kill -0 $sleeper && echo may kill; kill -9 -1 2>/dev/null; echo left it alone\"
         kill -0 $sleeper && echo lives
         {run} -u 33:34 {root} -- /bin/kill $sleeper && wait $sleeper; echo $?
         {run} -u 36:36 {root} -- /bin/sh -c 'id -u; ls -dn /proc/$$ | grep -c \" 36 \"'"
    );
    shell.args(["-c", &script]);
    let outcome = run_within(&mut alone(&shell), Duration::from_secs(60));
    let expected = "it is 33:34\npermitted\nmay kill\nleft it alone\nlives\n143\n36\n1\n";
    assert_eq!(outcome.stdout(), expected, "{}", outcome.stderr());
}

/// However many processes are killed, a record is written twice only by a rare race.
#[test]
fn session_file_does_not_grow_with_killed_processes() {
    let Some(place) = TestEnv::new("session_file_does_not_grow_with_killed_processes", "churn") else {
        return;
    };
    let outcome = place.faked(&[]);
    assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
    let sessions = fs::read_dir(place.root.join(".newroot/sessions")).expect("the store");
    let file = sessions.flatten().next().expect("the session's file").path();
    let bytes = fs::read(file).expect("the session's file");
    let used = u32::from_ne_bytes(bytes[4..8].try_into().expect("a word")) as usize;
    // Space for twenty identities twice, and for the entries that eight concurrent processes may
    // write at the same time.
    assert!(used < 8192 + 400 * 128, "{used} bytes are taken");
}
