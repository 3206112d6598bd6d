//! The namespace engine: what it shows where the root lacks mount points, and that the command is a
//! process like any other.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use newroot_testkit::{Bed, Ending, Enter, Outcome, User, own, run, skip, snapshot};

/// A root with busybox and without mount points.
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

    fn world(&self) -> Enter {
        self.bed.enter().cwd(self.bed.scratch())
    }

    /// Runs `newroot run --engine namespace` in this world, in the directory that holds the root.
    fn run_in(&self, world: &Enter, options: &[&str], command: &[&str]) -> Outcome {
        let mut newroot = world.command(&self.bed.program("newroot"));
        newroot.args(["run", "--engine=namespace", "--no-recommended"]).args(options).args(["root", "--"]);
        run(newroot.args(command))
    }

    /// Checks the output as an ordinary user, and as root where root runs the tests.
    fn check(&self, options: &[&str], script: &str, expected: &str) {
        own(self.bed.scratch(), User::ordinary());
        for user in self.users() {
            let outcome = self.run_in(&self.world().user(user), options, &["/bin/sh", "-c", script]);
            assert_eq!(outcome.stdout(), expected, "{user:?}: {}", outcome.stderr());
            assert_eq!(outcome.ending, Ending::Exit(0), "{user:?}: {}", outcome.stderr());
        }
    }

    fn users(&self) -> Vec<User> {
        if User::we_are_root() { vec![User::ordinary(), User::ROOT] } else { vec![User::ordinary()] }
    }
}

#[test]
fn view_shows_the_real_entries() {
    let Some(place) = TestEnv::new("view_shows_the_real_entries") else { return };
    fs::write(place.root.join("file"), "before\n").expect("a file in the root");
    fs::create_dir(place.root.join("dir")).expect("a directory in the root");
    symlink("file", place.root.join("link")).expect("a link in the root");
    symlink("nowhere", place.root.join("dangling")).expect("a link in the root");
    place.check(
        &["-b", "/proc"],
        "ls /; readlink /link; readlink /dangling; echo after > /link; cat /file; echo x > /dir/new; rm /dir/new",
        "bin\ndangling\ndir\nfile\nlink\nproc\nfile\nnowhere\nafter\n",
    );
    assert_eq!(fs::read_to_string(place.root.join("file")).expect("the file"), "after\n");
}

#[test]
fn view_loses_nothing_because_nothing_can_be_made_in_it() {
    let Some(place) = TestEnv::new("view_loses_nothing_because_nothing_can_be_made_in_it") else { return };
    fs::write(place.root.join("file"), "").expect("a file in the root");
    let before = snapshot(&place.root);
    let refused = "Read-only file system";
    for script in ["echo > /new", "mkdir /new", "mv /bin/sh /sh", "ln -s x /new", "mkdir /proc/../a"] {
        let world = place.world().user(User::ordinary());
        let outcome = place.run_in(&world, &["-b", "/proc"], &["/bin/sh", "-c", script]);
        assert_ne!(outcome.ending, Ending::Exit(0), "{script}");
        assert!(
            outcome.stderr().contains(refused) || script.starts_with("mv"),
            "{script}: {}",
            outcome.stderr()
        );
    }
    assert_eq!(snapshot(&place.root), before);
}

#[test]
fn root_with_mount_points_stays_writable() {
    let test = "root_with_mount_points_stays_writable";
    let Some(place) = TestEnv::new(test) else { return };
    fs::create_dir(place.root.join("proc")).expect("a mount point");
    place.check(&["-b", "/proc"], "echo > /new && ls / && rm /new", "bin\nnew\nproc\n");
}

#[test]
fn auto_leaves_a_root_writable_that_lacks_mount_points() {
    let test = "auto_leaves_a_root_writable_that_lacks_mount_points";
    let Some(place) = TestEnv::new(test) else { return };
    if !User::we_are_root() {
        return skip(test, "for users other than root auto is the trap engine");
    }
    let auto = || {
        let mut newroot = place.world().command(&place.bed.program("newroot"));
        newroot.args(["run", "-v", "--no-recommended", "-b", "/proc", "root", "--"]);
        run(newroot.args(["/bin/sh", "-c", "echo > /new && ls / && rm /new"]))
    };
    for engine in ["trap", "namespace"] {
        let outcome = auto();
        assert!(outcome.stderr().contains(&format!("engine {engine}\n")), "{}", outcome.stderr());
        assert_eq!(outcome.stdout(), "bin\nnew\nproc\n", "{}", outcome.stderr());
        assert_eq!(outcome.ending, Ending::Exit(0));
        // With the mount point the namespace engine shows the whole directory.
        fs::create_dir_all(place.root.join("proc")).expect("a mount point");
    }
}

#[test]
fn view_has_the_mode_and_owner_of_the_directory() {
    let test = "view_has_the_mode_and_owner_of_the_directory";
    let Some(place) = TestEnv::new(test) else { return };
    let directory = place.root.join("private");
    fs::create_dir(&directory).expect("a directory in the root");
    fs::set_permissions(&directory, Permissions::from_mode(0o751)).expect("its mode");
    place.check(
        &["-b", "/etc/passwd:/private/users"],
        &format!("stat -c '%a %u:%g' /private; [ $(id -u) = {} ] || echo -n", User::ordinary().uid),
        &format!("751 {0}:{0}\n", User::ordinary().uid),
    );
}

#[test]
fn read_only_root_is_good_enough() {
    let Some(place) = TestEnv::new("read_only_root_is_good_enough") else { return };
    own(place.bed.scratch(), User::ordinary());
    let world = place.world().mounts().bind_read_only(&place.root, &place.root).user(User::ordinary());
    let outcome = place.run_in(
        &world,
        &["-b", "/proc", "-b", "/dev"],
        &["/bin/sh", "-c", "ls / /proc/self/exe; echo > /dev/null"],
    );
    assert_eq!(outcome.stdout(), "/proc/self/exe\n\n/:\nbin\ndev\nproc\n", "{}", outcome.stderr());
}

#[test]
fn root_of_the_host_can_be_the_root() {
    let Some(place) = TestEnv::new("root_of_the_host_can_be_the_root") else { return };
    let host = place.bed.directory("host", User::ordinary());
    fs::write(host.join("file"), "bound\n").expect("a host file");
    own(&host, User::ordinary());
    for user in place.users() {
        let mut newroot = place.world().user(user).command(&place.bed.program("newroot"));
        newroot.args(["run", "--engine=namespace", "--no-recommended", "-b", "host/file:/etc/hostname"]);
        let outcome = run(newroot.args([
            "-b",
            "host:/newroot-is-here",
            "/",
            "cat",
            "/etc/hostname",
            "/newroot-is-here/file",
        ]));
        assert_eq!(outcome.stdout(), "bound\nbound\n", "{user:?}: {}", outcome.stderr());
    }
    assert!(!Path::new("/newroot-is-here").exists());
}

#[test]
fn read_only_binding_covers_what_is_mounted_in_it() {
    let Some(place) = TestEnv::new("read_only_binding_covers_what_is_mounted_in_it") else { return };
    let script = "echo > /memory/shm/x; echo > /memory/x; ls -d /memory/shm";
    let outcome = place.run_in(
        &place.world().user(User::ordinary()),
        &["-b", "/dev:/memory:ro"],
        &["/bin/sh", "-c", script],
    );
    assert_eq!(outcome.stdout(), "/memory/shm\n", "{}", outcome.stderr());
    assert_eq!(outcome.stderr().matches("Read-only file system").count(), 2, "{}", outcome.stderr());
}

#[test]
fn process_becomes_the_command() {
    let Some(place) = TestEnv::new("process_becomes_the_command") else { return };
    let newroot = place.bed.program("newroot");
    let line = format!(
        "echo $$; exec {} run --engine=namespace --no-recommended root -- /bin/sh -c 'echo $$; kill -USR1 $$'",
        newroot.display()
    );
    let mut shell = place.world().user(User::ordinary()).command(Path::new("/bin/sh"));
    let outcome = run(shell.args(["-c", &line]));
    let stdout = outcome.stdout();
    let mut lines = stdout.lines();
    assert_eq!(lines.next(), lines.next(), "{}", outcome.stderr());
    assert_eq!(outcome.ending, Ending::Signal(10), "{}", outcome.stderr());
}

#[test]
fn exit_status_is_the_commands() {
    let Some(place) = TestEnv::new("exit_status_is_the_commands") else { return };
    let world = place.world().user(User::ordinary());
    for (command, ending) in [
        (&["/bin/sh", "-c", "exit 7"][..], Ending::Exit(7)),
        (&["/bin/sh", "-c", "kill -9 $$"], Ending::Signal(9)),
        (&["/bin/nothing"], Ending::Exit(127)),
        (&["nothing"], Ending::Exit(127)),
        (&["/bin"], Ending::Exit(126)),
    ] {
        assert_eq!(place.run_in(&world, &[], command).ending, ending, "{command:?}");
    }
}

#[test]
fn user_and_group_stay_the_callers_or_are_roots_or_any_number() {
    let test = "user_and_group_stay_the_callers_or_are_roots_or_any_number";
    let Some(place) = TestEnv::new(test) else { return };
    let world = place.world().user(User::ordinary());
    let own = User::ordinary();
    for (options, expected) in [
        (&[][..], format!("uid={} gid={}\n", own.uid, own.gid)),
        (&["--map-root"], "uid=0 gid=0\n".to_owned()),
        (&["-u", "5:6"], "uid=5 gid=6\n".to_owned()),
    ] {
        let outcome = place.run_in(&world, options, &["id"]);
        assert_eq!(outcome.stdout(), expected, "{options:?}: {}", outcome.stderr());
    }
    let refused = place.run_in(&world, &["-u", "5:6", "--groups=7"], &["id"]);
    assert_eq!(refused.ending, Ending::Exit(125));
    assert!(
        refused.stderr().starts_with("newroot: cannot run as a member of other groups"),
        "{}",
        refused.stderr()
    );
}

#[test]
fn denied_namespaces_are_reported_in_one_line() {
    let Some(place) = TestEnv::new("denied_namespaces_are_reported_in_one_line") else { return };
    let world = place.world().user(User::ordinary());
    for (rule, reason) in [
        ("user_unshare=EPERM", "Operation not permitted"),
        ("user_unshare=ENOSPC", "No space left on device"),
        ("user_unshare=EINVAL", "Invalid argument"),
    ] {
        let outcome = place.run_in(&world.clone().deny(rule), &[], &["id"]);
        assert_eq!(outcome.ending, Ending::Exit(125), "{}", outcome.stderr());
        let stderr = outcome.stderr();
        let mut lines = stderr.lines();
        let expected =
            format!("newroot: the namespace engine can't run here: cannot create a user namespace: {reason}");
        assert_eq!(lines.next(), Some(expected.as_str()));
        assert!(lines.next().is_some_and(|line| line.starts_with("hint: ")), "{stderr}");
        assert_eq!(lines.next(), None, "{stderr}");
    }
}

/// The host's subordinate numbers of the user are users and groups in the root.
#[test]
fn subordinate_numbers_are_mapped_where_the_host_has_some() {
    let test = "subordinate_numbers_are_mapped_where_the_host_has_some";
    let Some(place) = TestEnv::new(test) else { return };
    let files = ["/etc/subuid", "/etc/subgid"].map(Path::new);
    if !User::we_are_root()
        || !Path::new("/usr/bin/newuidmap").exists()
        || !files.iter().all(|file| file.exists())
    {
        return skip(
            test,
            "only root can grant subordinate numbers, and newuidmap (package uidmap) maps them",
        );
    }
    let user = User::ordinary();
    let [numbers, passwd, own_files] =
        ["numbers", "passwd", "own"].map(|name| place.bed.scratch().join(name));
    fs::write(&numbers, format!("{}:200000:1000\n", user.uid)).expect("the user's numbers");
    // newuidmap needs the user's name.
    let known = fs::read_to_string("/etc/passwd").expect("the host's users");
    fs::write(&passwd, format!("{known}tester:x:{}:{}::/:/bin/sh\n", user.uid, user.gid)).expect("users");
    fs::create_dir(&own_files).expect("a directory");
    own(&own_files, user);
    let world = files
        .iter()
        .fold(place.world().mounts(), |world, file| world.bind(&numbers, file))
        .bind(&passwd, Path::new("/etc/passwd"))
        .user(user);
    let script = "id; touch /own/file; chown 5:6 /own/file; stat -c %u:%g /own/file";
    let outcome = place.run_in(&world, &["--map-root", "-b", "own:/own"], &["/bin/sh", "-c", script]);
    assert_eq!(outcome.stdout(), "uid=0 gid=0\n5:6\n", "{}", outcome.stderr());
    let file = fs::metadata(own_files.join("file")).expect("the file");
    assert_eq!((file.uid(), file.gid()), (200_004, 200_005));
    let outcome = place.run_in(&world, &["--map-root", "-u", "5:6", "--groups=7"], &["id"]);
    assert_eq!(outcome.stdout(), "uid=5 gid=6 groups=7\n", "{}", outcome.stderr());
    let outcome = place.run_in(&world, &["--map-root", "-u", "5000:6"], &["id"]);
    assert_eq!(outcome.stderr(), "newroot: cannot become user 5000: Invalid argument\n");
}

/// newroot doesn't silently replace fake root, which only the trap engine has, by a number without
/// power.
#[test]
fn fake_root_is_never_a_bare_number() {
    let Some(place) = TestEnv::new("fake_root_is_never_a_bare_number") else { return };
    let world = place.world().user(User::ordinary());
    let run_with = |options: &[&str]| {
        let mut newroot = world.command(&place.bed.program("newroot"));
        run(newroot.args(["run", "--no-recommended"]).args(options).args(["root", "id"]))
    };
    for options in [
        &["--root", "--unshare=ipc"][..],
        &["--root", "--hostname=x"],
        &["--root", "--engine=namespace"],
        &["-u", "5:6", "--unshare=ipc"],
    ] {
        let outcome = run_with(options);
        assert_eq!(outcome.ending, Ending::Exit(125), "{options:?}: {}", outcome.stdout());
        assert!(outcome.stderr().starts_with("newroot: cannot fake user "), "{}", outcome.stderr());
        assert!(outcome.stderr().contains("\nhint: "), "{}", outcome.stderr());
    }
    let both = run_with(&["--root", "--map-root"]);
    assert_eq!(both.ending, Ending::Exit(125));
    assert!(both.stderr().contains("'--root' cannot be used with '--map-root'"), "{}", both.stderr());
    if User::we_are_root() {
        let mut newroot = place.world().command(&place.bed.program("newroot"));
        newroot.args(["run", "--no-recommended", "--root", "--unshare=ipc", "root", "id"]);
        let outcome = run(&mut newroot);
        assert_eq!(outcome.stdout(), "uid=0 gid=0\n", "{}", outcome.stderr());
    }
}

impl TestEnv {
    /// Runs `newroot run` in this world, with all default bindings.
    fn run_as_usual(&self, world: &Enter, options: &[&str], script: &str) -> Outcome {
        let mut newroot = world.command(&self.bed.program("newroot"));
        run(newroot.args(["run", "-v"]).args(options).args(["root", "--", "/bin/sh", "-c", script]))
    }

    fn directories(&self, names: &[&str]) {
        for name in names {
            fs::create_dir(self.root.join(name)).expect("a directory of the root");
        }
        own(self.bed.scratch(), User::ordinary());
    }
}

/// newroot doesn't hide a root's /etc only to show the host's /etc/hosts.
#[test]
fn recommended_file_that_the_root_lacks_is_left_out() {
    let test = "recommended_file_that_the_root_lacks_is_left_out";
    let Some(place) = TestEnv::new(test) else { return };
    place.directories(&["proc", "sys", "dev", "tmp", "etc"]);
    let script = "echo made > /etc/made && cat /etc/made && ls /etc && rm /etc/made; echo > /dev/null && ls -d /proc/self";
    let mut cases = vec![(User::ordinary(), &["--engine=namespace"][..])];
    if User::we_are_root() {
        cases.extend([(User::ROOT, &["--engine=namespace"][..]), (User::ROOT, &[])]);
    }
    for (user, options) in &cases {
        let world = place.world().user(*user);
        let outcome = place.run_as_usual(&world, options, script);
        assert_eq!(outcome.stdout(), "made\nmade\n/proc/self\n", "{user:?}: {}", outcome.stderr());
        // Root needs no entry in the root's files of users.
        let files = match *user {
            User::ROOT => "'/etc/hosts', '/etc/resolv.conf'",
            _ => "'/etc/group', '/etc/hosts', '/etc/passwd', '/etc/resolv.conf'",
        };
        let warning = &format!("warning: not binding {files}: the root lacks these files");
        assert!(outcome.stderr().contains(warning), "{user:?}: {}", outcome.stderr());
        assert!(outcome.stderr().contains("engine namespace\n"), "{user:?}: {}", outcome.stderr());
    }
    // The trap engine binds without making mount points.
    let world = place.world().user(User::ordinary());
    let outcome = place.run_as_usual(&world, &["--engine=trap"], script);
    assert_eq!(
        outcome.stdout(),
        "made\ngroup\nhosts\nmade\npasswd\nresolv.conf\n/proc/self\n",
        "{}",
        outcome.stderr()
    );
    assert!(!outcome.stderr().contains("warning"), "{}", outcome.stderr());
    // A refused launch prints only its error.
    let outcome = place.run_as_usual(&world, &["--root", "--unshare=ipc"], "true");
    assert!(outcome.stderr().starts_with("newroot: cannot fake user "), "{}", outcome.stderr());
    // Empty files are enough.
    for name in ["group", "hosts", "passwd", "resolv.conf"] {
        fs::write(place.root.join("etc").join(name), "").expect("a file of the root");
    }
    own(place.bed.scratch(), User::ordinary());
    for (user, options) in &cases {
        let world = place.world().user(*user);
        let outcome =
            place.run_as_usual(&world, options, "cmp /etc/hosts /proc/1/root/etc/hosts; cat /etc/hosts");
        let host = fs::read_to_string("/etc/hosts").expect("the host's file");
        assert_eq!(outcome.stdout(), host, "{user:?}: {}", outcome.stderr());
        assert!(!outcome.stderr().contains("warning"), "{user:?}: {}", outcome.stderr());
    }
}

/// A directory that is a stand-in anyway has space for the files' mount points.
#[test]
fn recommended_files_come_along_into_a_view() {
    let Some(place) = TestEnv::new("recommended_files_come_along_into_a_view") else { return };
    let world = place.world().user(User::ordinary());
    let outcome = place.run_as_usual(&world, &["--engine=namespace"], "ls / /etc");
    let expected = "/:\nbin\ndev\netc\nproc\nsys\ntmp\n\n/etc:\ngroup\nhosts\npasswd\nresolv.conf\n";
    assert_eq!(outcome.stdout(), expected, "{}", outcome.stderr());
    assert!(!outcome.stderr().contains("warning"), "{}", outcome.stderr());
}

/// Links to themselves, as debootstrap's `proc` in a container, don't make a launch fail.
#[test]
fn looping_links_at_recommended_bindings_end_no_launch() {
    let test = "looping_links_at_recommended_bindings_end_no_launch";
    let Some(place) = TestEnv::new(test) else { return };
    place.directories(&["sys", "dev", "tmp", "etc"]);
    symlink("/proc", place.root.join("proc")).expect("a link");
    symlink("resolv.conf", place.root.join("etc/resolv.conf")).expect("a link");
    fs::create_dir(place.root.join("etc/hosts")).expect("a directory");
    let world = place.world().user(User::ordinary());
    let script = "ls -d /proc/self/exe; [ -r /etc/resolv.conf ] && echo readable; echo > /etc/new && rm /etc/new && echo writable";
    for (engine, expected) in [
        ("--engine=trap", "/proc/self/exe\nreadable\nwritable\n"),
        ("--engine=namespace", "/proc/self/exe\nwritable\n"),
    ] {
        let outcome = place.run_as_usual(&world, &[engine], script);
        assert_eq!(outcome.stdout(), expected, "{engine}: {}", outcome.stderr());
        let warning = "warning: not binding '/etc/hosts': a file can't be bound on a directory";
        assert!(outcome.stderr().contains(warning), "{engine}: {}", outcome.stderr());
    }
    // A binding by name must exist.
    let refused = place.run_in(&world, &["-b", "/proc"], &["/bin/sh", "-c", "true"]);
    assert_eq!(refused.ending, Ending::Exit(125));
    assert!(refused.stderr().contains("Too many levels of symbolic links"), "{}", refused.stderr());
}
