//! Fake root's records and where they are: across commands, moves and sudden ends, and nowhere
//! else.

use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use newroot_testkit::{Bed, Ending, Outcome, User, own, run, skip};
use rustix::process::{Pid, Signal, kill_process_group};

/// An ordinary user's root with busybox.
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

    fn command(&self, root: &Path, options: &[&str], script: &str) -> Command {
        let world = self.bed.enter().cwd(self.bed.scratch()).user(User::ordinary());
        let mut newroot = world.command(&self.bed.program("newroot"));
        newroot.args(["run", "--engine=trap", "-w", "/"]).args(options);
        if !options.contains(&"-u") {
            newroot.arg("--root");
        }
        newroot.arg(root);
        newroot.args(["--", "/bin/sh", "-c", script]);
        newroot
    }

    fn run(&self, options: &[&str], script: &str) -> Outcome {
        run(&mut self.command(&self.root, options, script))
    }

    fn check(&self, options: &[&str], script: &str, expected: &str) {
        let outcome = self.run(options, script);
        assert_eq!(outcome.stdout(), expected, "{script}: {}", outcome.stderr());
    }

    /// Makes a directory beside the root, for the same user.
    fn directory(&self, name: &str) -> PathBuf {
        self.bed.directory(name, User::ordinary())
    }
}

/// Makes a file of each kind, with owners and modes that the host wouldn't grant.
const MAKE: &str = "echo x > file && chown 1:2 file && chmod 4711 file &&
    mkdir dir && chown 3:4 dir && chmod 0 dir && echo y > dir/inner && chown 5:6 dir/inner &&
    ln -s file link && chown -h 7:8 link && mkfifo fifo && chown 9:10 fifo && chmod 0 fifo &&
    mknod null c 1 3 && chown 11:12 null && chmod 640 null && mknod disk b 7 99";
const SHOW: &str = "stat -c '%n %F %a %u:%g %t,%T' file dir dir/inner link fifo null disk";
const SHOWN: &str = "file regular file 4711 1:2 0,0\ndir directory 0 3:4 0,0\ndir/inner regular file 644 5:6 0,0\n\
                     link symbolic link 777 7:8 0,0\nfifo fifo 0 9:10 0,0\n\
                     null character special file 640 11:12 1,3\ndisk block special file 644 0:0 7,63\n";

#[test]
fn owners_outlast_the_command_that_gave_them() {
    let Some(place) = TestEnv::new("owners_outlast_the_command_that_gave_them") else { return };
    place.check(&[], &format!("{MAKE}; {SHOW}"), SHOWN);
    place.check(&[], SHOW, SHOWN);
}

#[test]
fn a_session_that_never_began_or_is_over_with_its_newroot_leaves_no_file() {
    let test = "a_session_that_never_began_or_is_over_with_its_newroot_leaves_no_file";
    let Some(place) = TestEnv::new(test) else { return };
    let files = || fs::read_dir(place.root.join(".newroot/sessions")).expect("the store").count();
    let status = |options: &[&str], script: &str| place.run(options, script).ending;
    let [shell, elsewhere] = ["bin/sh", "bin/elsewhere"].map(|name| place.root.join(name));
    fs::rename(&shell, &elsewhere).expect("a move");
    assert_eq!(status(&[], "true"), Ending::Exit(127));
    assert_eq!(files(), 0);
    fs::rename(&elsewhere, &shell).expect("a move back");
    // Identities can't be emulated where file locks are limited. newroot finds that in its last
    // step, or its child does.
    for options in [&[][..], &["--kill-on-exit"]] {
        let inner = place.command(&place.root, options, "true");
        let mut limited = Command::new("prlimit");
        limited.args(["--locks=9:9", "--"]).arg(inner.get_program()).args(inner.get_args());
        limited.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let outcome = run(&mut limited);
        assert!(outcome.stderr().contains("limit on file locks"), "{}", outcome.stderr());
        assert_eq!((outcome.ending, files()), (Ending::Exit(125), 0));
    }
    let script = "mkdir m && mount -t tmpfs none m && echo x > m/file; sleep 60 & exit 7";
    assert_eq!(status(&["--kill-on-exit"], script), Ending::Exit(7));
    assert_eq!(files(), 0);
    // A process that becomes the command leaves the session's file to a later launch.
    assert_eq!(status(&[], "exit 7"), Ending::Exit(7));
    assert_eq!(files(), 1);
}

#[test]
fn launches_use_one_file_that_stays_small() {
    let Some(place) = TestEnv::new("launches_use_one_file_that_stays_small") else { return };
    let sessions = place.root.join(".newroot/sessions");
    let one_file = |most: u64| {
        let files: Vec<_> = fs::read_dir(&sessions).expect("the store").flatten().collect();
        assert_eq!(files.len(), 1, "{files:?}");
        let len = files[0].metadata().expect("the file").len();
        assert!(len <= most, "{len} bytes");
    };
    let launch = |count: usize| {
        for number in 0..count {
            let user = format!("{0}:{0}", 1000 + number);
            let outcome = place.run(&["-u", &user], "[ $(id -u) -ge 1000 ]");
            assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
        }
    };
    launch(150);
    one_file(64 << 10);
    // The entries that they leave in the file are freed even while another process lives.
    let mut living = place.command(&place.root, &[], "echo begun; read x; stat -c %u /");
    let mut child = living.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("newroot");
    let mut first = [0; 6];
    child.stdout.as_mut().expect("a pipe").read_exact(&mut first).expect("a line");
    launch(400);
    one_file(128 << 10);
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("its output");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "0\n");
}

/// A tree that was made in a root, as bootstrappers make one, is a root with the same owners and
/// devices: used as a root, exported, changed from inside and outside, and moved.
#[test]
fn a_tree_made_in_a_root_is_a_root_like_any() {
    let Some(place) = TestEnv::new("a_tree_made_in_a_root_is_a_root_like_any") else { return };
    let inner = place.root.join("srv/x");
    let at_inner = |script: &str| {
        let outcome = run(&mut place.command(&inner, &[], script));
        assert_eq!(outcome.ending, Ending::Exit(0), "{script}: {}", outcome.stderr());
        outcome.stdout().to_string()
    };
    let at_outer = |script: &str| {
        let outcome = place.run(&[], &format!("cd srv/x && {script}"));
        assert_eq!(outcome.ending, Ending::Exit(0), "{script}: {}", outcome.stderr());
        outcome.stdout().to_string()
    };
    place.check(&[], "mkdir -p srv/x && cp -a bin srv/x", "");
    assert_eq!(at_outer(&format!("{MAKE}; {SHOW}")), SHOWN);

    let archive = place.directory("archives").join("x.tar");
    let mut export = place.bed.enter().user(User::ordinary()).command(&place.bed.program("newroot"));
    export.arg("export").arg("-o").arg(&archive).arg(&inner);
    let outcome = run(&mut export);
    assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
    let listed =
        run(Command::new("tar").args(["--numeric-owner", "-tvf"]).arg(&archive)).stdout().to_string();
    let of = |name: &str| {
        let line = listed.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{listed}"));
        line.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        [of(" null"), of(" link ->"), of(" fifo")],
        ["crw-r----- 11/12 1,3", "lrwxrwxrwx 7/8 0", "p--------- 9/10 0"]
    );

    assert_eq!(at_inner(SHOW), SHOWN);
    let show = "stat -c '%n %F %u:%g' link tty late";
    let changed = "link symbolic link 21:22\ntty character special file 0:0\nlate fifo 23:24\n";
    let change = "chown -h 21:22 link; mknod tty c 5 0; mkfifo late; chown 23:24 late";
    assert_eq!(at_inner(&format!("{change}; {show}")), changed);
    assert_eq!(at_outer(show), changed);
    let back = "link symbolic link 0:0\ntty character special file 0:0\nlate fifo 31:32\n";
    assert_eq!(at_outer(&format!("chown -h 0:0 link; chown 31:32 late; {show}")), back);
    assert_eq!(at_inner(show), back);
    // A new file with the inode number of a removed one has none of its attributes.
    assert_eq!(at_inner("rm late; mkfifo late; stat -c %u:%g late"), "0:0\n");
    assert_eq!(at_outer("stat -c %u:%g late; chown 31:32 late"), "0:0\n");

    let away = place.directory("away").join("x");
    fs::rename(&inner, &away).expect("a move");
    let outcome = run(&mut place.command(&away, &[], SHOW));
    assert_eq!(outcome.stdout(), SHOWN.replace("link 777 7:8", "link 777 0:0"), "{}", outcome.stderr());
}

#[test]
fn a_root_that_is_moved_keeps_its_owners() {
    let Some(mut place) = TestEnv::new("a_root_that_is_moved_keeps_its_owners") else { return };
    place.check(&[], MAKE, "");
    let moved = place.bed.scratch().join("elsewhere");
    fs::rename(&place.root, &moved).expect("a move");
    place.root = moved;
    place.check(&[], SHOW, SHOWN);
}

#[test]
fn a_session_may_begin_as_another_user() {
    let Some(place) = TestEnv::new("a_session_may_begin_as_another_user") else { return };
    place.check(&[], "echo x > theirs && chown 33:44 theirs", "");
    place.check(&["-u", "+33:+44"], "id -u; cat theirs; touch new 2>/dev/null || echo no", "33\nx\nno\n");
}

/// Returns the names of a file's attributes on the host.
fn attributes(path: &Path) -> Vec<u8> {
    let mut names = vec![0u8; 4096];
    let len = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    names.truncate(len);
    names
}

#[test]
fn nothing_in_a_binding_is_marked() {
    let Some(place) = TestEnv::new("nothing_in_a_binding_is_marked") else { return };
    let bound = place.directory("bound");
    fs::write(bound.join("file"), "x").expect("a file");
    symlink("file", bound.join("link")).expect("a link");
    own(&bound, User::ordinary());
    let binding = format!("{}:/bound", bound.display());
    let script = "cd /bound && chown 5:6 file . && chown -h 5:6 link && chmod 640 file && mkdir dir && mkfifo fifo && \
                  chown 7:7 fifo dir && echo made > made && chown 7:7 made; mknod null c 1 3 2>/dev/null || echo refused";
    place.check(&["-b", &binding], script, "refused\n");
    for name in ["", "file", "link", "dir", "fifo", "made"] {
        assert_eq!(attributes(&bound.join(name)), b"", "{name}");
    }
    assert_eq!(fs::read_dir(&bound).expect("the binding").count(), 5);
    let records = fs::read_dir(place.root.join(".newroot/owners")).expect("the store");
    assert_eq!(records.count(), 0, "records of files outside of the root");
    let mode = fs::metadata(bound.join("file")).expect("the file").permissions().mode();
    assert_eq!(mode & 0o7777, 0o640, "a file's mode is no secret of the root");
}

#[test]
fn owners_in_an_unwritable_root_are_recorded_elsewhere() {
    let test = "owners_in_an_unwritable_root_are_recorded_elsewhere";
    let Some(place) = TestEnv::new(test) else { return };
    let inside = place.root.join("inside");
    fs::create_dir(&inside).expect("a directory");
    own(&inside, User::ordinary());
    fs::set_permissions(&place.root, fs::Permissions::from_mode(0o555)).expect("a mode");
    if User::we_are_root() {
        std::os::unix::fs::chown(&place.root, Some(0), Some(0)).expect("another owner");
    }
    let home = place.directory("home");
    let at_home = |script: &str| {
        let mut command = place.command(&place.root, &[], script);
        run(command.env("HOME", &home))
    };
    let made = at_home("cd /inside && ln -s x link && chown -h 7:8 link && echo y > file && chown 5:6 file");
    assert_eq!(made.ending, Ending::Exit(0), "{}", made.stderr());
    assert!(home.join(".local/state/newroot/roots").is_dir());
    let seen = at_home("stat -c %u:%g /inside/link /inside/file");
    assert_eq!(seen.stdout(), "7:8\n5:6\n", "{}", seen.stderr());
    assert!(!place.root.join(".newroot").exists());
    if User::we_are_root() {
        // Reported in one line, and not at all with --quiet.
        let store = home.join(".local/state/newroot/roots");
        for text in [made.stderr(), seen.stderr()] {
            let first =
                format!("newroot: the root '{}' can't be written to (Permission", place.root.display());
            assert!(text.starts_with(&first) && text.contains(&store.display().to_string()), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
        }
        let quiet = run(place.command(&place.root, &["--quiet"], "true").env("HOME", &home));
        assert_eq!((quiet.ending, &*quiet.stderr()), (Ending::Exit(0), ""));
    }
    // A root that can be made writable isn't reported.
    own(&place.root, User::ordinary());
    fs::set_permissions(&place.root, fs::Permissions::from_mode(0o555)).expect("a mode");
    let outcome = at_home("touch /new");
    assert_eq!((outcome.ending, &*outcome.stderr()), (Ending::Exit(0), ""));
}

#[test]
fn changes_to_files_of_other_users_are_forgotten() {
    let Some(place) = TestEnv::new("changes_to_files_of_other_users_are_forgotten") else { return };
    let state = place.directory("home").join("state");
    let theirs = place.root.join("theirs");
    fs::create_dir(&theirs).expect("a directory that root owns");
    for path in [&theirs, &place.root] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("modes");
        std::os::unix::fs::chown(path, Some(0), Some(0)).expect("owners");
    }
    let script = "chown 0 /theirs && chown 5:6 /theirs && chmod 1777 /theirs && touch -d @7 /theirs && chown 0:0 / \
                  && stat -c '%a %u:%g' /theirs; rm -r /theirs 2>/dev/null || echo kept";
    let mut command = place.command(&place.root, &[], script);
    let outcome = run(command.env("XDG_STATE_HOME", &state));
    assert_eq!(outcome.stdout(), "755 0:0\nkept\n", "{}", outcome.stderr());
}

#[test]
fn tmp_is_the_roots_own() {
    let Some(place) = TestEnv::new("tmp_is_the_roots_own") else { return };
    let script = "mkdir -p /tmp && echo x > /tmp/f && chown 5:6 /tmp/f && chmod 2711 /tmp/f";
    place.check(&[], &format!("{script}; stat -c '%a %u:%g' /tmp/f"), "2711 5:6\n");
    place.check(&[], "stat -c '%a %u:%g' /tmp/f", "2711 5:6\n");
    assert!(place.root.join("tmp/f").exists());
    let shared = place.directory("shared");
    place.check(&["-b", &format!("{}:/tmp", shared.display())], "ls /tmp", "");
}

/// chroot(2) works in directories that root may search and the host's user may not.
#[test]
fn chroot_to_a_root_in_a_closed_directory_works() {
    let Some(place) = TestEnv::new("chroot_to_a_root_in_a_closed_directory_works") else { return };
    place.check(&[], "mkdir -p /closed/root && cp -a /bin /closed/root && echo made", "made\n");
    fs::set_permissions(place.root.join("closed"), fs::Permissions::from_mode(0o000)).expect("a mode");
    place.check(&[], "chroot /closed/root /bin/sh -c 'ls /'", "bin\n");
}

/// With the host's root as root, /tmp is no binding: owners of files in it are recorded.
#[test]
fn hosts_root_has_no_bindings_of_its_own_directories() {
    let Some(place) = TestEnv::new("hosts_root_has_no_bindings_of_its_own_directories") else { return };
    let state = place.directory("home").join("state");
    let made = Path::new("/tmp").join(format!("newroot-test-{}", std::process::id()));
    let name = made.display();
    let script = format!(
        "mkdir {name} && cd {name} && mknod n c 1 3 && echo x > f && chown 5:6 f && chmod 6755 f \
         && stat -c '%F %a %u:%g %t,%T' n f; rm -r {name}"
    );
    for named in [&[][..], &["-b", "/tmp"]] {
        let mut command = place.command(Path::new("/"), named, &script);
        let outcome = run(command.env("XDG_STATE_HOME", &state));
        if named.is_empty() {
            let expected = "character special file 644 0:0 1,3\nregular file 6755 5:6 0,0\n";
            assert_eq!(outcome.stdout(), expected, "{}", outcome.stderr());
        } else {
            assert!(outcome.stderr().contains("not permitted"), "{}", outcome.stderr());
        }
        assert!(!made.exists());
    }
}

#[test]
fn the_command_is_not_run_where_nothing_can_be_recorded() {
    let test = "the_command_is_not_run_where_nothing_can_be_recorded";
    let Some(place) = TestEnv::new(test) else { return };
    if !User::we_are_root() {
        return skip(test, "only root can make a root that another user owns");
    }
    own(&place.root, User::ROOT);
    let mut command = place.command(&place.root, &[], "echo it runs");
    let outcome = run(command.env("HOME", "/nowhere"));
    assert_eq!(outcome.ending, Ending::Exit(125));
    assert_eq!(outcome.stdout(), "");
    let message = outcome.stderr();
    assert!(message.contains("cannot make") && message.contains(".newroot"), "{message}");
}

/// Several processes change the same few files and files of their own, until they are killed.
/// Owner, group and mode together identify each state that a file goes through.
const CHANGES: &str = "
    loop() { while :; do $1; done; }
    attribute() { chown 1:1 file; chown 2:2 file; }
    beside() { chown 1:1 fifo; chown 2:2 fifo; chown -h 1:1 link; chown -h 2:2 link; }
    devices() { mknod n$1 c 1 3; mv n$1 m$1; rm m$1; }
    moves() { mv a b; mv b a; }
    for worker in 1 2; do
        loop attribute & loop beside & loop \"devices $worker\" &
    done 2>/dev/null
    loop moves &
    wait";

#[test]
fn a_sudden_end_leaves_no_half_records() {
    let Some(place) = TestEnv::new("a_sudden_end_leaves_no_half_records") else { return };
    let prepare = "echo x > file; mkfifo fifo; ln -s x link; echo x > a; chown 9:9 a; chown 1:1 file fifo; \
                   chown -h 1:1 link";
    place.check(&[], prepare, "");
    for round in 0..12u64 {
        let mut command = place.command(&place.root, &[], CHANGES);
        command.process_group(0).stderr(std::process::Stdio::null()).stdout(std::process::Stdio::null());
        let mut child = command.spawn().expect("newroot");
        std::thread::sleep(Duration::from_millis(60 + round * 37 % 150));
        kill_process_group(Pid::from_child(&child), Signal::KILL).expect("our own group");
        child.wait().expect("our own child");
        let seen = place.run(&[], "stat -c '%u:%g' file fifo link; stat -c '%u:%g' a b 2>/dev/null");
        let text = seen.stdout();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4, "round {round}: {text}{}", seen.stderr());
        for line in &lines[..3] {
            assert!(["1:1", "2:2"].contains(line), "round {round}: {text}");
        }
        assert_eq!(lines[3], "9:9", "round {round}");
        // A device has its number as soon as it has its name.
        let devices =
            place.run(&[], "for d in [nm][12]; do [ -e $d ] && stat -c '%F %t,%T' $d; done; rm -f [nm][12]");
        for line in devices.stdout().lines() {
            assert_eq!(line, "character special file 1,3", "round {round}");
        }
    }
}
