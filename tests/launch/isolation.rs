//! Options for isolation: what a command no longer shares with the host, and what it may do.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use newroot_testkit::{Bed, Ending, Enter, Outcome, User, run, skip};

/// A root with busybox.
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

    /// Runs `script` as an ordinary user and checks what it prints.
    fn check(&self, options: &[&str], script: &str, expected: &str) {
        let outcome = self.run(User::ordinary(), options, script);
        assert_eq!(outcome.stdout(), expected, "{options:?}: {}", outcome.stderr());
    }
}

#[test]
fn processes_of_its_own() {
    let Some(place) = TestEnv::new("processes_of_its_own") else { return };
    // newroot is the init, the shell its child; there are no other processes.
    place.check(&["--unshare=pid"], "echo $$ /proc/[0-9]*", "2 /proc/1 /proc/2\n");
    let outcome = place.run(User::ordinary(), &["--unshare", "pid"], "exit 9");
    assert_eq!(outcome.ending, Ending::Exit(9), "{}", outcome.stderr());
    let outcome = place.run(User::ordinary(), &["--unshare", "pid"], "kill -9 $$");
    assert_eq!(outcome.ending, Ending::Exit(137), "{}", outcome.stderr());
}

#[test]
fn init_reaps_orphans_and_ends_daemons() {
    let Some(place) = TestEnv::new("init_reaps_orphans_and_ends_daemons") else { return };
    // Both lose their parent at once. The init reaps the one that ends, so that no zombie is left,
    // and becomes the parent of the other.
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
    let Some(place) = TestEnv::new("init_shows_nothing_of_newroot") else { return };
    let script = "readlink /proc/1/exe; cat /proc/1/maps | head -n 1; ls /proc/1/fd; ls /proc/1/root";
    place.check(&["--unshare=pid"], script, "");
}

#[test]
fn network_is_a_loopback_device_alone() {
    let Some(place) = TestEnv::new("network_is_a_loopback_device_alone") else { return };
    place.check(
        &["--unshare=net"],
        "ls /proc/self/net/dev >/dev/null; grep -c : /proc/self/net/dev; ip -o link | grep -c LOOPBACK,UP",
        "1\n1\n",
    );
}

#[test]
fn host_name_of_its_own() {
    let Some(place) = TestEnv::new("host_name_of_its_own") else { return };
    let before = fs::read("/proc/sys/kernel/hostname").expect("the host's name");
    place.check(&["--hostname=elsewhere"], "hostname", "elsewhere\n");
    assert_eq!(fs::read("/proc/sys/kernel/hostname").expect("the host's name"), before);
}

#[test]
fn all_namespaces_at_once() {
    let Some(place) = TestEnv::new("all_namespaces_at_once") else { return };
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
        assert!(!inside.contains(&*host.to_string_lossy()), "{kind} is the host's namespace");
    }
}

#[test]
fn kernel_only_options_are_refused_by_the_trap_engine() {
    let Some(place) = TestEnv::new("kernel_only_options_are_refused_by_the_trap_engine") else { return };
    for options in [&["--unshare=net"][..], &["--hostname=x"], &["--map-root"], &["--cap-add=chown"]] {
        let outcome = place.run(User::ordinary(), &[options, &["--engine=trap"]].concat(), "echo ran");
        assert_eq!(outcome.ending, Ending::Exit(125), "{options:?}");
        assert_eq!(outcome.stdout(), "", "{options:?}");
        assert!(
            outcome.stderr().starts_with("newroot: the trap engine can't do this: "),
            "{}",
            outcome.stderr()
        );
    }
}

#[test]
fn mask_is_the_one_asked_for() {
    let Some(place) = TestEnv::new("mask_is_the_one_asked_for") else { return };
    for engine in ["--engine=trap", "--engine=namespace"] {
        place.check(&[engine, "--umask=027"], "umask", "0027\n");
        place.check(&[engine], "umask", "0022\n");
    }
}

#[test]
fn ordinary_users_command_gains_no_privilege() {
    let Some(place) = TestEnv::new("ordinary_users_command_gains_no_privilege") else { return };
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
    let Some(place) = TestEnv::new(test) else { return };
    let show = "grep -E 'CapEff' /proc/self/status | cut -f 2";
    // The capability holds in the user namespace only, and has no effect outside of it.
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
    // A dropped capability can't come back.
    let bounding = place.run(User::ROOT, &["--cap-drop=sys_chroot"], "chroot / true; echo $?");
    assert_eq!(bounding.stdout(), "1\n", "{}", bounding.stderr());
}

#[test]
fn root_becomes_another_user_in_every_engine() {
    let test = "root_becomes_another_user_in_every_engine";
    let Some(place) = TestEnv::new(test) else { return };
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
    let Some(place) = TestEnv::new("ordinary_user_can_seem_to_be_anyone_in_the_trap_engine") else { return };
    let user = User::ordinary();
    let own = format!("{}:{}", user.uid, user.gid);
    place.check(&["--engine=trap", "-u", &own], "id -u", &format!("{}\n", user.uid));
    place.check(&["--engine=trap", "-u", "5:6", "--groups=7,8"], "id", "uid=5 gid=6 groups=7,8\n");
    place.check(&["--engine=trap", "--root"], "id", "uid=0 gid=0\n");
}

#[test]
fn only_kept_descriptors_are_inherited() {
    let Some(place) = TestEnv::new("only_kept_descriptors_are_inherited") else { return };
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
    let Some(place) = TestEnv::new(test) else { return };
    for options in [&["--engine=trap"][..], &["--engine=namespace"], &["--unshare=pid"], &["--kill-on-exit"]]
    {
        let newroot = place.bed.program("newroot");
        let inner = "echo started; exec sleep 600";
        let line = format!(
            "{} run --die-with-parent {} root -- /bin/sh -c '{inner}' & read -r line < go; kill -9 $$",
            newroot.display(),
            options.join(" ")
        );
        // The shell dies as soon as a process opens the FIFO; the pipe ends when no process has it
        // open.
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
        // Returns when the command no longer has the pipe open.
        std::io::Read::read_to_string(&mut output, &mut started).expect("the end");
        fs::remove_file(&fifo).expect("the FIFO");
    }
}

#[test]
fn procfs_shows_no_variables_of_newroot() {
    let Some(place) = TestEnv::new("procfs_shows_no_variables_of_newroot") else { return };
    let options = ["--engine=trap", "-e", "SEEN=yes"];
    // With a kernel that lets newroot set the end of the guest's variables, and one that doesn't.
    let world = place.world(User::ordinary());
    for world in [world.clone(), world.deny("prctl_set_mm=EINVAL")] {
        let outcome = run(&mut place.command(&world, &options, "exec cat /proc/self/environ"));
        let seen = outcome.stdout();
        assert!(seen.contains("SEEN=yes\0"), "{seen}{}", outcome.stderr());
        // The name of the executed file follows the variables; busybox executes itself.
        let is_right = |word: &str| word.is_empty() || word.contains('=') || word == "/proc/self/exe";
        assert!(seen.split('\0').all(is_right), "{seen}");
    }
}

/// The root's files of users before anything is added to them. One of the root's users may have the
/// caller's name.
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nann:x:7:7::/:/bin/sh";
const GROUP: &str = "root:x:0:\nann:x:7:\n";

impl TestEnv {
    /// Gives the root files of users without the ordinary user.
    fn with_users(self) -> Self {
        let etc = self.root.join("etc");
        fs::create_dir(&etc).expect("a directory");
        for (name, text) in [("passwd", PASSWD), ("group", GROUP), ("hosts", ""), ("resolv.conf", "")] {
            fs::write(etc.join(name), text).expect("a file");
        }
        newroot_testkit::own(&etc, User::ordinary());
        self
    }

    /// Makes an empty directory that the ordinary user owns.
    fn directory(&self, name: &str) -> PathBuf {
        self.bed.directory(name, User::ordinary())
    }

    /// Runs `script` as an ordinary user with these additional environment variables.
    fn run_with(&self, variables: &[(&str, &str)], options: &[&str], script: &str) -> Outcome {
        let mut command = self.command(&self.world(User::ordinary()), options, script);
        run(command
            .env("XDG_RUNTIME_DIR", self.bed.scratch().join("runtime"))
            .envs(variables.iter().copied()))
    }
}

impl TestEnv {
    /// Runs `script` with a TMPDIR, and counts the fresh directories that are left there.
    fn run_in_tmp(&self, user: User, arguments: &[&str], script: &str) -> (Outcome, usize) {
        let directory = self.bed.scratch().join(format!("tmp-{}", user.uid));
        if !directory.exists() {
            let _ = self.bed.directory(&format!("tmp-{}", user.uid), user);
        }
        let world = self.world(user);
        let mut command = self.command(&world, &[&["--no-recommended"], arguments].concat(), script);
        let outcome = run(command.env("TMPDIR", &directory));
        let scratch = directory.join(format!("newroot-{}/scratch", user.uid));
        (outcome, fs::read_dir(scratch).map_or(0, |entries| entries.flatten().count()))
    }
}

/// Whether the host has an entry for the ordinary user, whose name would differ from the
/// environment's.
fn host_knows_user() -> bool {
    let uid = User::ordinary().uid.to_string();
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    passwd.lines().any(|line| line.split(':').nth(2) == Some(&uid))
}

#[test]
fn user_missing_in_the_root_finds_an_entry() {
    let test = "user_missing_in_the_root_finds_an_entry";
    let Some(place) = TestEnv::new(test) else { return };
    if host_knows_user() {
        return skip(test, "the host has an entry for the ordinary user");
    }
    let place = place.with_users();
    let runtime = place.directory("runtime");
    let User { uid, gid, .. } = User::ordinary();
    let script = "id -un; id -gn; cat /etc/passwd; (echo x >> /etc/passwd) 2>/dev/null || echo refused; \
                  echo x > /etc/new && mv /etc/new /etc/passwd 2>/dev/null || echo refused; rm -f /etc/new";
    for engine in ["--engine=trap", "--engine=namespace"] {
        for (name, called) in [("bea", "bea"), ("ann", &format!("user{uid}")), ("a:b", &format!("user{uid}"))]
        {
            let variables = [("USER", name), ("HOME", "/home/of"), ("SHELL", "/bin/none")];
            let outcome = place.run_with(&variables, &[engine], script);
            let line = format!("{called}:x:{uid}:{gid}::/home/of:/bin/sh");
            let expected = format!("{called}\n{called}\n{PASSWD}\n{line}\nrefused\nrefused\n");
            assert_eq!(outcome.stdout(), expected, "{engine}: {}", outcome.stderr());
        }
        for option in ["--no-passwd", "--no-recommended"] {
            let outcome =
                place.run_with(&[("USER", "bea")], &[engine, option], "cat /etc/passwd; id -un >&2");
            assert_eq!(outcome.stdout(), PASSWD, "{engine} {option}");
            assert_eq!(outcome.ending, Ending::Exit(1), "{engine} {option}");
        }
    }
    assert_eq!(fs::read_to_string(place.root.join("etc/passwd")).expect("the root's file"), PASSWD);
    assert_eq!(fs::read_to_string(place.root.join("etc/group")).expect("the root's file"), GROUP);
    // passwd and group for each of the two names, after any number of launches.
    let kept = fs::read_dir(runtime.join("newroot/accounts")).expect("a directory").count();
    assert_eq!(kept, 4);
}

#[test]
fn entry_needs_no_file_in_the_root() {
    let test = "entry_needs_no_file_in_the_root";
    let Some(place) = TestEnv::new(test) else { return };
    if host_knows_user() {
        return skip(test, "the host has an entry for the ordinary user");
    }
    place.directory("runtime");
    let outcome = place.run_with(&[("USER", "bea")], &["--engine=trap"], "id -un; id -gn; ls /etc/passwd");
    assert_eq!(outcome.stdout(), "bea\nbea\n/etc/passwd\n", "{}", outcome.stderr());
    assert!(!place.root.join("etc").exists());
    // This root also lacks /dev and other mount points, and the stand-in for it has all of them.
    let outcome = place.run_with(&[("USER", "bea")], &["--engine=namespace"], "id -un; id -gn");
    assert_eq!(outcome.stdout(), "bea\nbea\n", "{}", outcome.stderr());
    // If only the files would need a stand-in, the namespace engine leaves them out.
    for directory in ["dev", "etc", "proc", "sys", "tmp"] {
        place.directory(&format!("root/{directory}"));
    }
    let outcome =
        place.run_with(&[("USER", "bea")], &["--engine=namespace"], "echo ran > /etc/x; cat /etc/x");
    assert_eq!(outcome.stdout(), "ran\n");
    assert!(outcome.stderr().contains("'/etc/passwd'"), "{}", outcome.stderr());
}

#[test]
fn launches_at_once_share_the_files_with_the_entry() {
    let test = "launches_at_once_share_the_files_with_the_entry";
    let Some(place) = TestEnv::new(test) else { return };
    if host_knows_user() {
        return skip(test, "the host has an entry for the ordinary user");
    }
    let place = place.with_users();
    let runtime = place.directory("runtime");
    std::thread::scope(|scope| {
        let launches: Vec<_> = (0..12)
            .map(|_| scope.spawn(|| place.run_with(&[("USER", "bea")], &["--engine=trap"], "id -un; id -gn")))
            .collect();
        for launch in launches {
            let outcome = launch.join().expect("a launch");
            assert_eq!(outcome.stdout(), "bea\nbea\n", "{}", outcome.stderr());
        }
    });
    let kept = fs::read_dir(runtime.join("newroot/accounts")).expect("a directory").count();
    assert_eq!(kept, 2);
}

#[test]
fn directory_that_another_user_made_is_not_used() {
    let test = "directory_that_another_user_made_is_not_used";
    let Some(place) = TestEnv::new(test) else { return };
    if !User::we_are_root() || host_knows_user() {
        return skip(test, "only root can make another user's directory");
    }
    let place = place.with_users();
    let (runtime, home) = (place.directory("runtime"), place.directory("home"));
    let trap = place.bed.scratch().join("trap");
    fs::create_dir(&trap).expect("a directory");
    let home_text = home.display().to_string();
    for kind in ["link", "theirs"] {
        let there = runtime.join("newroot");
        match kind {
            "link" => std::os::unix::fs::symlink(&trap, &there).expect("a link"),
            _ => {
                fs::remove_file(&there).expect("the link");
                fs::create_dir(&there).expect("a directory that root owns");
                fs::set_permissions(&there, std::os::unix::fs::PermissionsExt::from_mode(0o777))
                    .expect("a mode");
            }
        }
        let outcome = place.run_with(&[("USER", "bea"), ("HOME", &home_text)], &["--engine=trap"], "id -un");
        assert_eq!(outcome.stdout(), "bea\n", "{kind}: {}", outcome.stderr());
        assert_eq!(fs::read_dir(&there).expect("a directory").count(), 0, "{kind}");
    }
    assert!(home.join(".cache/newroot/accounts").is_dir());
}

#[test]
fn root_and_fake_root_have_the_roots_own_users() {
    let Some(place) = TestEnv::new("root_and_fake_root_have_the_roots_own_users") else { return };
    let place = place.with_users();
    place.directory("runtime");
    let script =
        "id -un; echo 'root:x:0:0::/:/bin/sh' > /etc/new && mv /etc/new /etc/passwd && cat /etc/passwd";
    let outcome = place.run_with(&[("USER", "bea")], &["--engine=trap", "--root"], script);
    assert_eq!(outcome.stdout(), "root\nroot:x:0:0::/:/bin/sh\n", "{}", outcome.stderr());
    if !User::we_are_root() {
        return;
    }
    let outcome = place.run(User::ROOT, &[], script);
    assert_eq!(outcome.stdout(), "root\nroot:x:0:0::/:/bin/sh\n", "{}", outcome.stderr());
    // A user that only the host knows, and an unknown number.
    for (engine, expected) in [
        ("--engine=namespace", "daemon\ndaemon\n"),
        ("--engine=chroot", "daemon\ndaemon\n"),
        ("--engine=trap", "1\n"),
    ] {
        let outcome = place.run(User::ROOT, &[engine, "-u", "daemon"], "id -un && id -gn");
        assert_eq!(outcome.stdout(), expected, "{engine}: {}", outcome.stderr());
        let outcome = place.run(User::ROOT, &[engine, "-u", "54329:54329"], "id -un");
        assert_eq!(outcome.ending, Ending::Exit(1), "{engine}: {}", outcome.stdout());
    }
}

#[test]
fn home_is_a_directory_that_the_root_has() {
    let Some(place) = TestEnv::new("home_is_a_directory_that_the_root_has") else { return };
    let place = place.with_users();
    place.directory("runtime");
    let home = place.directory("home");
    fs::write(home.join("file"), "mine").expect("a file");
    newroot_testkit::own(&home, User::ordinary());
    let uid = User::ordinary().uid;
    let text = home.display().to_string();
    let show = "echo $HOME";
    for engine in ["--engine=trap", "--engine=namespace"] {
        // /tmp would show the directory.
        let check = |options: &[&str], script: &str, expected: &str| {
            let options = [&[engine, "--no-recommended"], options].concat();
            let outcome = place.run_with(&[("HOME", &text)], &options, script);
            assert_eq!(outcome.stdout(), expected, "{options:?}: {}", outcome.stderr());
        };
        check(&[], show, "/\n");
        check(&["-b", &text], show, &format!("{text}\n"));
        check(&["--home"], "echo $HOME; cat ~/file", &format!("{text}\nmine"));
        check(&["--home", "-e", "HOME=/etc"], show, "/etc\n");
        check(&["--home", "--clear-env"], show, &format!("{text}\n"));
        // The root's own entry.
        let passwd = place.root.join("etc/passwd");
        fs::write(&passwd, format!("me:x:{uid}:1::/etc:/bin/sh\n")).expect("the root's file");
        check(&[], show, "/etc\n");
        check(&["-b", &text], show, &format!("{text}\n"));
        fs::write(&passwd, PASSWD).expect("the root's file");
    }
    let root = ["--engine=trap", "--no-recommended", "--root", "-b", &text];
    let outcome = place.run_with(&[("HOME", &text)], &root, show);
    assert_eq!(outcome.stdout(), "/\n", "root's home isn't the caller's: {}", outcome.stderr());
    let outcome = place.run_with(&[("HOME", &text)], &[&root[..3], &["--home"]].concat(), show);
    assert_eq!(outcome.stdout(), format!("{text}\n"), "{}", outcome.stderr());
    let outcome = place.run_with(&[("HOME", "/")], &["--home"], show);
    assert_eq!(outcome.ending, Ending::Exit(125));
    assert_eq!(
        outcome.stderr(),
        "newroot: cannot bind the home directory: HOME is not set to the path of one\n"
    );
}

/// Returns the available engines, and the users that start them.
fn engines() -> Vec<(&'static str, User)> {
    let mut engines = vec![("--engine=trap", User::ordinary()), ("--engine=namespace", User::ordinary())];
    if User::we_are_root() {
        let roots = ["--engine=trap", "--engine=namespace", "--engine=chroot"];
        engines.extend(roots.map(|engine| (engine, User::ROOT)));
    }
    engines
}

#[test]
fn root_can_be_read_only() {
    let Some(place) = TestEnv::new("root_can_be_read_only") else { return };
    let place = place.with_users();
    let data = place.directory("data");
    for directory in ["data", "mnt"] {
        fs::create_dir(place.root.join(directory)).expect("a place to mount on");
    }
    newroot_testkit::own(&place.root, User::ordinary());
    let binding = format!("{}:/data", data.display());
    let script = "touch /x; mkdir /etc/y; rm /etc/passwd; chmod 600 /etc/group; mv /etc/group /etc/z; touch /data/x; \
                  touch /mnt/x; ls /data /mnt; rm /data/x";
    let before = newroot_testkit::snapshot(&place.root);
    for (engine, user) in engines() {
        let options = ["--no-recommended", engine, "--read-only", "-b", &binding, "--tmpfs=/mnt"];
        let outcome = place.run(user, &options, script);
        assert_eq!(outcome.stdout(), "/data:\nx\n\n/mnt:\nx\n", "{engine}: {}", outcome.stderr());
        let refused = outcome.stderr().matches("Read-only file system").count();
        assert_eq!(refused, 5, "{engine}: {}", outcome.stderr());
        // The stand-in for a root without mount points is read-only, and so are its files.
        let options =
            ["--no-recommended", engine, "--read-only", "-b", "/proc", "-b", "/etc/hosts:/new/hosts"];
        let outcome = place.run(user, &options, "touch /x; touch /etc/x; test -f /new/hosts && echo there");
        assert_eq!(outcome.stdout(), "there\n", "{engine}: {}", outcome.stderr());
        let refused = outcome.stderr().matches("Read-only file system").count();
        assert_eq!(refused, 2, "{engine}: {}", outcome.stderr());
    }
    assert_eq!(newroot_testkit::snapshot(&place.root), before);
    // Before Linux 5.12 newroot makes a mount read-only in another way.
    let world = place.world(User::ordinary()).deny("mount_setattr=ENOSYS");
    let options = ["--no-recommended", "--engine=namespace", "--read-only", "-b", &binding, "--tmpfs=/mnt"];
    let outcome = run(&mut place.command(&world, &options, script));
    assert_eq!(outcome.stdout(), "/data:\nx\n\n/mnt:\nx\n", "{}", outcome.stderr());
    assert_eq!(outcome.stderr().matches("Read-only file system").count(), 5, "{}", outcome.stderr());
    let outcome = place.run(User::ordinary(), &["--root", "--read-only"], "chown 5:6 /bin/sh; touch /x");
    assert_eq!(outcome.stderr().matches("Read-only file system").count(), 2, "{}", outcome.stderr());
}

#[test]
fn verbose_launch_names_only_the_users_bindings() {
    let Some(place) = TestEnv::new("verbose_launch_names_only_the_users_bindings") else { return };
    place.check(&["--root", "--no-recommended"], "ls -d /.newroot", "");
    let options = ["--engine=trap", "--no-recommended", "-v", "-b", "/proc"];
    let outcome = place.run(User::ordinary(), &options, "echo ran");
    assert_eq!(outcome.stdout(), "ran\n", "{}", outcome.stderr());
    let bindings: Vec<String> =
        outcome.stderr().lines().filter(|line| line.contains("the host's")).map(str::to_owned).collect();
    assert_eq!(bindings, ["newroot: '/proc' is the host's '/proc'"]);
}

#[test]
fn tmpfs_is_empty_and_gone_with_the_command() {
    let Some(place) = TestEnv::new("tmpfs_is_empty_and_gone_with_the_command") else { return };
    let place = place.with_users();
    let data = place.directory("data");
    fs::create_dir_all(place.root.join("mnt/below")).expect("a place to mount on");
    newroot_testkit::own(&place.root, User::ordinary());
    let deep = format!("{}:/mnt/a/b", data.display());
    for (engine, user) in engines() {
        let run = |arguments: &[&str], script: &str| place.run_in_tmp(user, arguments, script);
        let script = "stat -c %a /mnt; ls -A /mnt; mkdir -p /mnt/d/e && touch /mnt/d/f && chmod 0 /mnt/d; \
                      ls -A /mnt; (sleep 600 &); exit 3";
        for _ in 0..2 {
            let (outcome, left) = run(&[engine, "--tmpfs", "/mnt"], script);
            assert_eq!(outcome.stdout(), "1777\nd\n", "{engine}: {}", outcome.stderr());
            assert_eq!((outcome.ending, left), (Ending::Exit(3), 0), "{engine}");
        }
        let (outcome, _) = run(&[engine, "--tmpfs", "/mnt", "-b", &deep], "cd /mnt/a/b && pwd");
        assert_eq!(outcome.stdout(), "/mnt/a/b\n", "{engine}: {}", outcome.stderr());
        let (outcome, _) = run(&[engine, "--tmpfs", "/mnt", "-b", "root:/mnt"], "ls /mnt");
        assert_eq!(outcome.stdout(), "bin\netc\nmnt\n", "{engine}: {}", outcome.stderr());
        let (outcome, left) = run(&[engine, "--tmpfs", "/new", "-w", "/new"], "pwd; touch x && ls");
        assert_eq!((&*outcome.stdout(), left), ("/new\nx\n", 0), "{engine}: {}", outcome.stderr());
        let (outcome, _) = run(&[engine, "--tmpfs", "/etc/passwd"], "echo ran");
        let refused = "newroot: cannot provide a fresh directory at '/etc/passwd': Not a directory\n";
        assert_eq!((&*outcome.stdout(), &*outcome.stderr()), ("", refused), "{engine}");
    }
    for (value, why) in [("mnt", "it is not absolute"), ("/mnt:size=1", "it takes no options after a colon")]
    {
        let outcome = place.run(User::ordinary(), &["--tmpfs", value], "echo ran");
        assert!(outcome.stderr().contains(why) && outcome.stdout().is_empty(), "{}", outcome.stderr());
    }
    assert!(fs::read_dir(place.root.join("mnt")).expect("a directory").count() == 1);
}

#[test]
fn tmpfs_with_a_tree_deeper_than_descriptors_and_paths_reach_is_removed() {
    let test = "tmpfs_with_a_tree_deeper_than_descriptors_and_paths_reach_is_removed";
    let Some(place) = TestEnv::new(test) else { return };
    let directory = place.directory("tmp");
    let scratch = directory.join(format!("newroot-{}/scratch", User::ordinary().uid));
    let newroot = place.bed.program("newroot");
    let run_in = format!(
        "ulimit -n 64; exec {} run --engine=trap --no-recommended --tmpfs=/new root -- /bin/sh -c \"$0\"",
        newroot.display()
    );
    // A directory that can't be entered needs another mode, which goes by its path. A shell can't
    // go deeper than a path can name, so two chains of directories are put together.
    let script = |name: &str, levels: usize| {
        format!(
            "chain() {{ mkdir /new/$1 && cd /new/$1; i=0; while [ $i -lt {levels} ]; do \
             mkdir {name} && cd {name} || exit 9; i=$((i+1)); done; }}; \
             chain a; mkdir last && touch last/file && chmod 0 last; chain b; mv /new/a ."
        )
    };
    for (name, levels) in [("d".to_owned(), 200), ("long".repeat(50), 15)] {
        let mut shell = place.world(User::ordinary()).command(Path::new("/bin/sh"));
        let outcome = run(shell.args(["-c", &run_in, &script(&name, levels)]).env("TMPDIR", &directory));
        assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
        assert_eq!(fs::read_dir(&scratch).expect("a directory").count(), 0, "{levels} levels");
    }
}

#[test]
fn tmpfs_with_fake_root_remembers_owners_and_leaves_no_records() {
    let test = "tmpfs_with_fake_root_remembers_owners_and_leaves_no_records";
    let Some(place) = TestEnv::new(test) else { return };
    let script = "touch /new/f && ln -s f /new/l && mknod /new/n c 1 3 && chown 5:6 /new/f && chown -h 7:8 /new/l && \
                  stat -c '%u:%g' /new/f /new/l && stat -c %F /new/n";
    let options = ["--engine=trap", "--root", "--no-recommended", "--tmpfs=/new"];
    place.check(&options, script, "5:6\n7:8\ncharacter special file\n");
    for directory in ["owners", "scratch"] {
        let left = fs::read_dir(place.root.join(".newroot").join(directory)).expect("a directory").count();
        assert_eq!(left, 0, "{directory}");
    }
}

#[test]
fn tmpfs_of_a_killed_launch_is_removed_by_the_next_one() {
    let test = "tmpfs_of_a_killed_launch_is_removed_by_the_next_one";
    let Some(place) = TestEnv::new(test) else { return };
    let directory = place.directory("tmp");
    let scratch = directory.join(format!("newroot-{}/scratch", User::ordinary().uid));
    let listed = || fs::read_dir(&scratch).map_or(0, |entries| entries.flatten().count());
    let world = place.world(User::ordinary());
    let options = ["--engine=trap", "--no-recommended", "--tmpfs=/new"];
    let mut command = place.command(&world, &options, "touch /new/x; echo started; exec sleep 600");
    let child = command.env("TMPDIR", &directory).stdout(Stdio::piped()).process_group(0).spawn();
    let mut child = child.expect("newroot");
    let mut output = std::io::BufReader::new(child.stdout.take().expect("it is piped"));
    let mut text = String::new();
    std::io::BufRead::read_line(&mut output, &mut text).expect("the command's line");
    assert_eq!((&*text, listed()), ("started\n", 1));
    let another = |expected: usize| {
        let script = "ls -A /new";
        let outcome = run(place.command(&world, &options, script).env("TMPDIR", &directory));
        assert_eq!((&*outcome.stdout(), listed()), ("", expected), "{}", outcome.stderr());
    };
    // A living launch keeps its own directory.
    another(1);
    child.kill().expect("it lives");
    child.wait().expect("newroot's end");
    // Returns when the command no longer has the pipe open: it ends with newroot.
    std::io::Read::read_to_string(&mut output, &mut text).expect("the end");
    assert_eq!(listed(), 1);
    another(0);
}

#[test]
fn quiet_leaves_errors_alone() {
    let Some(place) = TestEnv::new("quiet_leaves_errors_alone") else { return };
    let place = place.with_users();
    fs::remove_file(place.root.join("etc/hosts")).expect("the file");
    let outcome = place.run(User::ordinary(), &["--engine=namespace"], "echo ran");
    assert!(outcome.stderr().contains("warning: not binding '/etc/hosts'"), "{}", outcome.stderr());
    for option in ["--quiet", "-q"] {
        let outcome = place.run(User::ordinary(), &["--engine=namespace", option], "echo ran");
        assert_eq!((&*outcome.stdout(), &*outcome.stderr()), ("ran\n", ""));
        let outcome = place.run(User::ordinary(), &[option, "-b", "nowhere"], "echo ran");
        assert!(outcome.stderr().starts_with("newroot: cannot bind 'nowhere'"), "{}", outcome.stderr());
    }
    let outcome = place.run(User::ordinary(), &["--quiet", "--verbose"], "echo ran");
    assert_eq!(outcome.ending, Ending::Exit(125));
}

#[test]
fn variables_come_from_a_file() {
    let Some(place) = TestEnv::new("variables_come_from_a_file") else { return };
    let file = place.bed.scratch().join("variables");
    fs::write(&file, "# ours\nA='1 2'\n  B=b \nHELD\nMISSING\nPATH=/bin:/x\n").expect("a file");
    let other = place.bed.scratch().join("others");
    fs::write(&other, "B=c\r\n").expect("a file");
    let show = "echo \"$A|$B|$HELD|${MISSING-none}|$PATH|$C\"";
    let options = ["--env-file", "variables", "-e", "C=x", "--clear-env"];
    let outcome = place.run_with(&[("HELD", "mine")], &options, show);
    assert_eq!(outcome.stdout(), "'1 2'|b |mine|none|/bin:/x|x\n", "{}", outcome.stderr());
    // The last file wins, and the command line has precedence over both.
    let options = ["-e", "A=3", "--env-file=variables", "--env-file=others"];
    let outcome = place.run_with(&[], &options, "echo \"$A|$B\"");
    assert_eq!(outcome.stdout(), "3|c\n", "{}", outcome.stderr());
    fs::write(&other, "B=c\nA B=1\n").expect("a file");
    for (name, why) in [
        ("others", "line 2: there is a blank in the variable's name"),
        ("nowhere", "No such file or directory"),
    ] {
        let outcome = place.run_with(&[], &["--env-file", name], "echo ran");
        let expected = format!("newroot: cannot read variables from '{name}': {why}\n");
        assert_eq!((&*outcome.stdout(), &*outcome.stderr()), ("", &*expected));
        assert_eq!(outcome.ending, Ending::Exit(125));
    }
}

#[test]
fn incomplete_confinement_is_reported() {
    let Some(place) = TestEnv::new("incomplete_confinement_is_reported") else { return };
    let strict = place.run(User::ordinary(), &["--confine=strict"], "echo ran");
    let outcome = place.run(User::ordinary(), &["--confine"], "echo ran");
    if outcome.ending != Ending::Exit(0) {
        return skip("incomplete_confinement_is_reported", "the kernel has no Landlock");
    }
    let is_whole = strict.ending == Ending::Exit(0);
    let said = outcome.stderr();
    assert_eq!(said.is_empty(), is_whole, "{said}");
    assert_eq!(said.contains("; not enforced: "), !is_whole, "{said}");
    let hows: &[&str] = if is_whole { &["--confine", "--confine=strict"] } else { &["--confine"] };
    for how in hows {
        let outcome = place.run(User::ordinary(), &[how, "-v"], "echo ran");
        let said = outcome.stderr();
        assert!(said.contains("newroot: confined to the root and the bindings by"), "{how}: {said}");
        assert_eq!(outcome.stdout(), "ran\n", "{how}");
    }
}
