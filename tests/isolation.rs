//! What a command doesn't share with the host, and what it may do, as the options ask for it.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use newroot_testkit::{Bed, Ending, Enter, Outcome, User, run, skip};

/// A root with busybox in it.
struct Place {
    bed: Bed,
    _root: PathBuf,
}

impl Place {
    fn new(test: &str) -> Option<Self> {
        let bed = newroot_testkit::bed!();
        let root = bed.busybox_root_or_skip(test, "root", User::ordinary())?;
        Some(Self { bed, _root: root })
    }

    fn world(&self, user: User) -> Enter {
        self.bed.enter().cwd(self.bed.scratch()).user(user)
    }

    fn command(&self, world: &Enter, options: &[&str], script: &str) -> Command {
        let mut newroot = world.command(&self.bed.program("newroot"));
        newroot.arg("run").args(options).args(["root", "--", "/bin/sh", "-c", script]);
        newroot
    }

    fn run(&self, user: User, options: &[&str], script: &str) -> Outcome {
        run(&mut self.command(&self.world(user), options, script))
    }

    /// Runs it as an ordinary user.
    fn check(&self, options: &[&str], script: &str, expected: &str) {
        let outcome = self.run(User::ordinary(), options, script);
        assert_eq!(outcome.stdout(), expected, "{options:?}: {}", outcome.stderr());
    }
}

#[test]
fn processes_of_its_own() {
    let Some(place) = Place::new("processes_of_its_own") else { return };
    // newroot is the init, the shell its child; nobody else is there.
    place.check(&["--unshare=pid"], "echo $$ /proc/[0-9]*", "2 /proc/1 /proc/2\n");
    let outcome = place.run(User::ordinary(), &["--unshare", "pid"], "exit 9");
    assert_eq!(outcome.ending, Ending::Exit(9), "{}", outcome.stderr());
    let outcome = place.run(User::ordinary(), &["--unshare", "pid"], "kill -9 $$");
    assert_eq!(outcome.ending, Ending::Exit(137), "{}", outcome.stderr());
}

#[test]
fn init_reaps_orphans_and_ends_daemons() {
    let Some(place) = Place::new("init_reaps_orphans_and_ends_daemons") else { return };
    // Both lose their parent at once: the one that ends is waited for by the init, so that no zombie is
    // left, and the other is the init's child from then on.
    let script = "sh -c \"sh -c 'exit 3' & sleep 61234 & echo \\$! > /tmp/daemon\"; read -r daemon < /tmp/daemon; \
                  while grep -q '^State:.Z' /proc/[0-9]*/status; do :; done; grep PPid /proc/$daemon/status";
    let directory = place.bed.directory("tmp", User::ordinary());
    let binding = format!("{}:/tmp", directory.display());
    place.check(&["--unshare=pid", "-b", &binding], script, "PPid:\t1\n");
    let is_daemon = |process: fs::DirEntry| {
        fs::read(process.path().join("cmdline")).is_ok_and(|words| words.starts_with(b"sleep\x0061234\x00"))
    };
    assert!(!fs::read_dir("/proc").expect("the processes").filter_map(Result::ok).any(is_daemon));
}

#[test]
fn init_shows_nothing_of_newroot() {
    let Some(place) = Place::new("init_shows_nothing_of_newroot") else { return };
    let script = "readlink /proc/1/exe; cat /proc/1/maps | head -n 1; ls /proc/1/fd; ls /proc/1/root";
    place.check(&["--unshare=pid"], script, "");
}

#[test]
fn network_is_a_loopback_device_alone() {
    let Some(place) = Place::new("network_is_a_loopback_device_alone") else { return };
    place.check(
        &["--unshare=net"],
        "ls /proc/self/net/dev >/dev/null; grep -c : /proc/self/net/dev; ip -o link | grep -c LOOPBACK,UP",
        "1\n1\n",
    );
}

#[test]
fn host_name_of_its_own() {
    let Some(place) = Place::new("host_name_of_its_own") else { return };
    let before = fs::read("/proc/sys/kernel/hostname").expect("the host's name");
    place.check(&["--hostname=elsewhere"], "hostname", "elsewhere\n");
    assert_eq!(fs::read("/proc/sys/kernel/hostname").expect("the host's name"), before);
}

#[test]
fn all_namespaces_at_once() {
    let Some(place) = Place::new("all_namespaces_at_once") else { return };
    let kinds = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];
    let links = kinds.map(|kind| format!("/proc/self/ns/{kind}")).join(" ");
    let outcome = place.run(
        User::ordinary(),
        &["--unshare=pid,net,ipc", "--unshare=uts,cgroup"],
        &format!("for l in {links}; do readlink $l; done"),
    );
    let inside = outcome.stdout();
    assert_eq!(inside.lines().count(), kinds.len(), "{}", outcome.stderr());
    for kind in kinds {
        let host = fs::read_link(format!("/proc/self/ns/{kind}")).expect("a namespace's link");
        assert!(!inside.contains(&*host.to_string_lossy()), "{kind} is the host's");
    }
}

#[test]
fn options_of_the_kernels_are_refused_by_the_trap_engine() {
    let Some(place) = Place::new("options_of_the_kernels_are_refused_by_the_trap_engine") else { return };
    for options in [&["--unshare=net"][..], &["--hostname=x"], &["--map-root"], &["--cap-add=chown"]] {
        let outcome = place.run(User::ordinary(), &[options, &["--engine=trap"]].concat(), "echo ran");
        assert_eq!(outcome.ending, Ending::Exit(125), "{options:?}");
        assert_eq!(outcome.stdout(), "", "{options:?}");
        assert!(
            outcome.stderr().starts_with("newroot: the trap engine can't run here: "),
            "{}",
            outcome.stderr()
        );
    }
}

#[test]
fn mask_is_the_one_asked_for() {
    let Some(place) = Place::new("mask_is_the_one_asked_for") else { return };
    for engine in ["--engine=trap", "--engine=namespace"] {
        place.check(&[engine, "--umask=027"], "umask", "0027\n");
        place.check(&[engine], "umask", "0022\n");
    }
}

#[test]
fn ordinary_users_command_gains_no_privilege() {
    let Some(place) = Place::new("ordinary_users_command_gains_no_privilege") else { return };
    for options in [&["--engine=trap"][..], &["--engine=namespace"], &["--map-root"], &["--unshare=pid"]] {
        place.check(options, "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1\n");
    }
    place.check(
        &["--engine=namespace"],
        "grep -E 'Cap(Eff|Prm|Amb)' /proc/self/status | cut -f 2 | uniq",
        "0000000000000000\n",
    );
}

#[test]
fn capabilities_are_dropped_and_added() {
    let test = "capabilities_are_dropped_and_added";
    let Some(place) = Place::new(test) else { return };
    let show = "grep -E 'CapEff' /proc/self/status | cut -f 2";
    // In the user namespace, of no use outside of it.
    place.check(&["--cap-add=net_raw"], show, "0000000000002000\n");
    if !User::we_are_root() {
        return skip(test, "only root has capabilities to drop");
    }
    for (options, expected) in [
        (&["--cap-drop=all"][..], "0000000000000000\n"),
        (&["--cap-drop=all", "--cap-add=CAP_CHOWN"], "0000000000000001\n"),
        (&["-u", "5:6"], "0000000000000000\n"),
        (&["-u", "5:6", "--cap-add=net_raw"], "0000000000002000\n"),
    ] {
        let outcome = place.run(User::ROOT, options, show);
        assert_eq!(outcome.stdout(), expected, "{options:?}: {}", outcome.stderr());
    }
    // What was dropped can't come back.
    let bounding = place.run(User::ROOT, &["--cap-drop=sys_chroot"], "chroot / true; echo $?");
    assert_eq!(bounding.stdout(), "1\n", "{}", bounding.stderr());
}

#[test]
fn root_becomes_somebody_else_in_every_engine() {
    let test = "root_becomes_somebody_else_in_every_engine";
    let Some(place) = Place::new(test) else { return };
    if !User::we_are_root() {
        return skip(test, "only root can");
    }
    for engine in ["--engine=namespace", "--engine=chroot", "--engine=trap"] {
        let outcome = place.run(User::ROOT, &[engine, "-u", "54321:54322", "--groups=7,8"], "id; echo $HOME");
        assert_eq!(outcome.stdout(), "uid=54321 gid=54322 groups=7,8\n/\n", "{engine}: {}", outcome.stderr());
    }
}

#[test]
fn ordinary_user_can_seem_to_be_anyone_in_the_trap_engine() {
    let Some(place) = Place::new("ordinary_user_can_seem_to_be_anyone_in_the_trap_engine") else { return };
    let user = User::ordinary();
    let own = format!("{}:{}", user.uid, user.gid);
    place.check(&["--engine=trap", "-u", &own], "id -u", &format!("{}\n", user.uid));
    place.check(&["--engine=trap", "-u", "5:6", "--groups=7,8"], "id", "uid=5 gid=6 groups=7,8\n");
    place.check(&["--engine=trap", "--root"], "id", "uid=0 gid=0\n");
}

#[test]
fn only_kept_descriptors_are_handed_on() {
    let Some(place) = Place::new("only_kept_descriptors_are_handed_on") else { return };
    let newroot = place.bed.program("newroot");
    for (option, expected) in [("", "3: 8: 9: "), ("--keep-fd=8", "3: 8:kept 9: ")] {
        let line = format!(
            "exec {} run --engine=namespace {option} root -- /bin/sh -c \
             'for n in 3 8 9; do echo -n \"$n:\"; cat <&$n 2>/dev/null; echo -n \" \"; done' 3<. 8<in 9<in",
            newroot.display()
        );
        fs::write(place.bed.scratch().join("in"), "kept").expect("a file");
        let outcome =
            run(place.world(User::ordinary()).command(std::path::Path::new("/bin/sh")).args(["-c", &line]));
        assert_eq!(outcome.stdout(), expected, "{}", outcome.stderr());
    }
    let outcome = place.run(User::ordinary(), &["--engine=namespace", "--keep-fd=77"], "echo ran");
    assert_eq!(outcome.stderr(), "newroot: cannot keep descriptor 77: Bad file descriptor\n");
}

#[test]
fn command_ends_with_the_process_that_started_newroot() {
    let test = "command_ends_with_the_process_that_started_newroot";
    let Some(place) = Place::new(test) else { return };
    for options in [&["--engine=trap"][..], &["--engine=namespace"], &["--unshare=pid"], &["--kill-on-exit"]]
    {
        let newroot = place.bed.program("newroot");
        let inner = "echo started; exec sleep 600";
        let line = format!(
            "{} run --die-with-parent {} root -- /bin/sh -c '{inner}' & read -r line < go; kill -9 $$",
            newroot.display(),
            options.join(" ")
        );
        // The shell dies as soon as somebody opens the FIFO; the pipe's end tells that nobody has it.
        let fifo = place.bed.scratch().join("go");
        assert!(Command::new("mkfifo").args(["-m", "666"]).arg(&fifo).status().expect("mkfifo").success());
        let mut shell = place.world(User::ordinary()).command(std::path::Path::new("/bin/sh"));
        let child = shell.args(["-c", &line]).stdout(Stdio::piped()).process_group(0).spawn();
        let mut child = child.expect("a shell");
        let mut output = std::io::BufReader::new(child.stdout.take().expect("it is piped"));
        let mut started = String::new();
        std::io::BufRead::read_line(&mut output, &mut started).expect("the command's line");
        assert_eq!(started, "started\n", "{options:?}");
        fs::write(&fifo, "go\n").expect("the FIFO");
        child.wait().expect("the shell's end");
        // Returns once the command has let go of the pipe.
        std::io::Read::read_to_string(&mut output, &mut started).expect("the end");
        fs::remove_file(&fifo).expect("the FIFO");
    }
}

#[test]
fn variables_in_procfs_hold_nothing_of_newroots() {
    let Some(place) = Place::new("variables_in_procfs_hold_nothing_of_newroots") else { return };
    let options = ["--engine=trap", "-e", "SEEN=yes"];
    // Where the kernel is told where the guest's variables end, and where it can't be.
    let world = place.world(User::ordinary());
    for world in [world.clone(), world.deny("prctl_set_mm=EINVAL")] {
        let outcome = run(&mut place.command(&world, &options, "exec cat /proc/self/environ"));
        let seen = outcome.stdout();
        assert!(seen.contains("SEEN=yes\0"), "{seen}{}", outcome.stderr());
        // Behind them stands the name of what is executed; busybox executes itself.
        let is_right = |word: &str| word.is_empty() || word.contains('=') || word == "/proc/self/exe";
        assert!(seen.split('\0').all(is_right), "{seen}");
    }
}
