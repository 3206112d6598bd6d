//! Nothing stays behind: whichever step fails and whichever process is killed, the host's mounts
//! are byte for byte as before, and so are the root and the processes.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use newroot_testkit::{Bed, Ending, Enter, Outcome, User, own, run, skip, snapshot};

/// A root with busybox, a host file, and the first state of the host.
struct TestEnv {
    bed: Bed,
    mounts: String,
    files: String,
}

impl TestEnv {
    fn new(test: &str) -> Option<Self> {
        let bed = newroot_testkit::bed!();
        let root = bed.busybox_root_or_skip(test, "root", User::ordinary())?;
        fs::create_dir(root.join("there")).expect("a directory of the root");
        fs::write(root.join("there/file"), "").expect("a file of the root");
        fs::write(bed.scratch().join("host"), "host\n").expect("a host file");
        own(bed.scratch(), User::ordinary());
        let files = snapshot(bed.scratch());
        Some(Self { bed, mounts: mounts(), files })
    }

    fn world(&self, user: User) -> Enter {
        self.bed.enter().cwd(self.bed.scratch()).user(user)
    }

    /// Returns a command of newroot with bindings of every kind.
    fn command(&self, world: &Enter, options: &[&str], script: &str) -> Command {
        let mut newroot = world.command(&self.bed.program("newroot"));
        newroot.args(["run", "-b", "host:/new/file", "-b", "host:/there/file:ro", "-b", "host:/there/other"]);
        newroot.args(options).args(["root", "--", "/bin/sh", "-c", script]);
        newroot
    }

    fn check_nothing_is_left(&self, what: &str) {
        assert_eq!(mounts(), self.mounts, "{what}: the host's mounts");
        assert_eq!(snapshot(self.bed.scratch()), self.files, "{what}: the files");
    }
}

fn mounts() -> String {
    fs::read_to_string("/proc/self/mountinfo").expect("the host's mounts")
}

/// Returns an ordinary user, and root where root runs the tests.
fn users() -> Vec<User> {
    if User::we_are_root() { vec![User::ROOT, User::ordinary()] } else { vec![User::ordinary()] }
}

const ENGINES: [&[&str]; 4] = [
    &["--engine=namespace"],
    &["--engine=namespace", "--kill-on-exit"],
    &["--unshare=pid"],
    &["--engine=trap", "--kill-on-exit"],
];

#[test]
fn after_success_and_after_failure_of_the_command() {
    let Some(place) = TestEnv::new("after_success_and_after_failure_of_the_command") else { return };
    for user in users() {
        for options in ENGINES {
            for script in ["cat /new/file", "exit 3", "kill -9 $$"] {
                let outcome = run(&mut place.command(&place.world(user), options, script));
                assert_ne!(outcome.ending, Ending::Exit(125), "{options:?}: {}", outcome.stderr());
                place.check_nothing_is_left(&format!("{user:?} {options:?} {script}"));
            }
        }
    }
}

/// Checks for one line that says what failed and why, and at most a hint; nothing was run.
fn check_refusal(outcome: &Outcome, what: &str) {
    let stderr = outcome.stderr();
    assert_eq!(outcome.ending, Ending::Exit(125), "{what}: {stderr}");
    assert_eq!(outcome.stdout(), "", "{what}");
    let mut lines = stderr.lines();
    let line = lines.next().unwrap_or_default();
    assert!(line.starts_with("newroot: ") && line.contains("can"), "{what}: {stderr}");
    let reasons = ["No such file or directory", "Operation not permitted", "No space left on device"];
    assert!(reasons.iter().any(|reason| line.contains(reason)), "{what}: {stderr}");
    assert!(lines.next().is_none_or(|line| line.starts_with("hint: ")), "{what}: {stderr}");
    assert_eq!(lines.next(), None, "{what}: {stderr}");
}

/// Each step of the set-up fails, with each of these errnos.
#[test]
fn after_failure_of_each_step() {
    let Some(place) = TestEnv::new("after_failure_of_each_step") else { return };
    let steps = [
        "unshare",
        "mount",
        "open_tree",
        "move_mount",
        "fsopen",
        "fsmount",
        "mount_setattr",
        "pivot_root",
        "umount2",
        "sethostname",
    ];
    for user in users() {
        for step in steps {
            for errno in ["ENOENT", "EPERM", "ENOSPC"] {
                let rule = format!("{step}={errno}");
                for options in [&["--hostname=x"][..], &["--hostname=x", "--unshare=pid"]] {
                    let world = place.world(user).deny(&rule);
                    let options = [options, &["--engine=namespace"]].concat();
                    let outcome = run(&mut place.command(&world, &options, "echo ran"));
                    check_refusal(&outcome, &format!("{user:?} {rule} {options:?}"));
                    place.check_nothing_is_left(&format!("{user:?} {rule}"));
                }
            }
        }
    }
}

#[test]
fn after_failure_to_become_the_user() {
    let test = "after_failure_to_become_the_user";
    let Some(place) = TestEnv::new(test) else { return };
    if !User::we_are_root() {
        return skip(test, "only root can become another user");
    }
    for step in ["setgroups", "setresgid", "setresuid"] {
        for engine in ["--engine=namespace", "--engine=chroot", "--engine=trap"] {
            let world = place.world(User::ROOT).deny(&format!("{step}=EPERM"));
            let outcome = run(&mut place.command(&world, &[engine, "-u", "5:6", "--groups=7"], "echo ran"));
            check_refusal(&outcome, &format!("{step} {engine}"));
            place.check_nothing_is_left(&format!("{step} {engine}"));
        }
    }
}

/// A running command.
struct Running {
    newroot: Child,
    output: BufReader<ChildStdout>,
    /// The host's number for the command's process.
    command: Pid,
}

impl Running {
    /// Starts newroot with a shell that waits and prints its number. That is the host's number
    /// unless the command has a PID namespace of its own.
    fn start(place: &TestEnv, user: User, options: &[&str]) -> Self {
        let script = "echo started; sleep 600; :";
        let mut command = place.command(&place.world(user), options, script);
        let mut newroot = command.stdout(Stdio::piped()).process_group(0).spawn().expect("newroot");
        let mut output = BufReader::new(newroot.stdout.take().expect("it is piped"));
        let mut line = String::new();
        output.read_line(&mut line).expect("the command's line");
        assert_eq!(line, "started\n", "{options:?}");
        let command = innermost(Pid::from_child(&newroot));
        Self { newroot, output, command }
    }

    /// Waits until no process has the command's standard output open: all its processes have ended.
    fn wait(mut self) {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).expect("the end of the output");
        self.newroot.wait().expect("the end of newroot");
    }
}

/// Returns the shell: the only child of the only child …, above the sleeping process if that has
/// started.
fn innermost(process: Pid) -> Pid {
    let children = |process: Pid| -> Vec<Pid> {
        let path = format!("/proc/{0}/task/{0}/children", process.as_raw_nonzero());
        let list = fs::read_to_string(path).unwrap_or_default();
        list.split_whitespace().filter_map(|number| Pid::from_raw(number.parse().ok()?)).collect()
    };
    let mut at = process;
    while let [child] = children(at)[..]
        && !children(child).is_empty()
    {
        at = child;
    }
    at
}

/// newroot is killed, or the command, or both.
#[test]
fn after_a_kill() {
    let Some(place) = TestEnv::new("after_a_kill") else { return };
    for user in users() {
        for options in ENGINES {
            for (who, of_newroot, of_command) in
                [("newroot", true, false), ("the command", false, true), ("both", true, true)]
            {
                let running = Running::start(&place, user, options);
                let newroot = Pid::from_child(&running.newroot);
                if of_command {
                    kill_process(running.command, Signal::KILL).expect("the command is there");
                }
                if of_newroot {
                    // Nothing has waited for it yet: no other process can have its number, even if
                    // it has ended.
                    kill_process(newroot, Signal::KILL).expect("newroot is there");
                }
                // Where newroot became the command, its child is left as an orphan.
                let _ = kill_process_group(newroot, Signal::KILL);
                running.wait();
                place.check_nothing_is_left(&format!("{user:?} {options:?}: {who}"));
            }
        }
    }
}

/// The mounts outlive newroot for exactly as long as one of the command's processes sees them.
#[test]
fn mounts_last_as_long_as_the_last_process() {
    let Some(place) = TestEnv::new("mounts_last_as_long_as_the_last_process") else { return };
    let fifo = place.bed.directory("fifos", User::ordinary()).join("go");
    assert!(Command::new("mkfifo").args(["-m", "666"]).arg(&fifo).status().expect("mkfifo").success());
    let binding: PathBuf = fifo.parent().expect("its directory").to_owned();
    let script = "(read -r go < /fifos/go; cat /new/file) & exit 5";
    let mut command = place.command(
        &place.world(User::ordinary()),
        &["--engine=namespace", "-b", &format!("{}:/fifos", binding.display())],
        script,
    );
    let mut newroot = command.stdout(Stdio::piped()).spawn().expect("newroot");
    let mut output = newroot.stdout.take().expect("it is piped");
    assert_eq!(newroot.wait().expect("its end").code(), Some(5));
    fs::write(&fifo, "go\n").expect("the FIFO");
    let mut printed = String::new();
    output.read_to_string(&mut printed).expect("the daemon's output");
    assert_eq!(printed, "host\n");
    fs::remove_dir_all(binding).expect("the FIFO's directory");
    place.check_nothing_is_left("a daemon");
    assert!(!Path::new("/new").exists());
}
