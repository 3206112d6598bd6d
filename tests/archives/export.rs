//! Round trips of roots and archives: an ordinary user's fake root exports as if root had made it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use newroot_testkit::{Bed, Ending, Outcome, User, own, run, skip};

use crate::facts::{assert_same, facts};

/// Script that changes a root. An ordinary user's fake root runs it, and real root does.
const DEEDS: &str = r#"
set -e
umask 022
mkdir -p /d/e /d/closed /d/sticky "/d/a name with spaces"
echo one > /d/file; chown 33:44 /d/file; chmod 4755 /d/file
ln /d/file /d/e/hard
echo secret > /d/nothing; chmod 0000 /d/nothing
echo mine > /d/mine; chown 0:0 /d/mine
echo other > /d/program; chmod 0711 /d/program; setxattr /d/program security.capability 0100000200040000000000000000000000000000
setxattr /d/mine user.comment 68656c6c6f
setxattr /d/mine trusted.secret 00ff
setxattr /d/e system.posix_acl_default 0200000001000700ffffffff020006002100000004000500ffffffff10000700ffffffff20000500ffffffff
setxattr /d/file system.posix_acl_access 0200000001000700ffffffff020006002100000004000500ffffffff10000700ffffffff20000500ffffffff
chown 5:6 /d/closed; chmod 0 /d/closed
chmod 3777 /d/sticky
ln -s ../file /d/e/sym; chown -h 7:8 /d/e/sym
ln -s /nowhere /d/dangling
mknod /d/null c 1 3; chmod 666 /d/null
mknod /d/disk b 259 70000; chown 0:6 /d/disk; chmod 660 /d/disk
ln /d/disk /d/e/disk
mkfifo /d/fifo; chown 9:9 /d/fifo; chmod 1640 /d/fifo
chown 65534:65534 "/d/a name with spaces"
find /d -depth -exec touch -h -d '2021-02-03 04:05:06' {} +
"#;

struct TestEnv {
    bed: Bed,
}

impl TestEnv {
    fn new() -> Self {
        Self { bed: newroot_testkit::bed!() }
    }

    /// Returns a command that runs newroot as `user`, in the directory of the roots.
    fn command(&self, user: User) -> Command {
        self.bed.enter().cwd(self.bed.scratch()).user(user).command(&self.bed.program("newroot"))
    }

    /// Runs newroot on a host that refuses hard links.
    #[track_caller]
    fn succeeds_without_links(&self, user: User, words: &[&str]) -> String {
        let world = self.bed.enter().cwd(self.bed.scratch()).user(user).without_hard_links();
        let outcome = run(world.command(&self.bed.program("newroot")).args(words));
        assert_eq!(outcome.ending, Ending::Exit(0), "{words:?}: {}", outcome.stderr());
        outcome.stdout()
    }

    fn newroot(&self, user: User, words: &[&str]) -> Outcome {
        run(self.command(user).args(words))
    }

    #[track_caller]
    fn succeeds(&self, user: User, words: &[&str]) -> String {
        let outcome = self.newroot(user, words);
        assert_eq!(outcome.ending, Ending::Exit(0), "{words:?}: {}", outcome.stderr());
        outcome.stdout()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.bed.scratch().join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).expect("an archive")
    }

    /// Makes a directory that all users may write to.
    fn open_directory(&self, name: &str) -> PathBuf {
        let path = self.bed.directory(name, User::ordinary());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("its mode");
        path
    }

    /// Makes a root with busybox and the program `setxattr`.
    fn root(&self, test: &str, name: &str, user: User) -> Option<PathBuf> {
        let root = self.bed.busybox_root_or_skip(test, name, user)?;
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/archives/setxattr.c");
        let program = root.join("bin/setxattr");
        fs::copy(self.bed.program_of(&source), &program).expect("a copy");
        own(&program, user);
        Some(root)
    }

    /// Has root unpack an archive with GNU tar.
    fn unpacked_by_tar(&self, archive: &str, name: &str) -> PathBuf {
        let directory = self.bed.directory(name, User::ROOT);
        let mut tar = Command::new("tar");
        tar.args(["--same-owner", "--xattrs", "--xattrs-include=*", "-p", "-C"]).arg(&directory);
        let outcome = run(tar.arg("-xf").arg(self.at(archive)));
        assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
        assert_eq!(outcome.stderr(), "", "tar understands all of it");
        directory
    }
}

/// Whether root and GNU tar are available as the oracle.
fn has_oracle(test: &str) -> bool {
    if !User::we_are_root() {
        skip(test, "only root can produce the expected result");
        return false;
    }
    let is_gnu = Command::new("tar").arg("--version").output();
    if !is_gnu.is_ok_and(|version| version.stdout.starts_with(b"tar (GNU tar)")) {
        skip(test, "GNU tar is not installed");
        return false;
    }
    true
}

#[test]
fn exported_fake_root_equals_one_made_by_root() {
    let test = "exported_fake_root_equals_one_made_by_root";
    if !has_oracle(test) {
        return;
    }
    let place = TestEnv::new();
    let out = place.open_directory("out");
    let user = User::ordinary();
    let (Some(_), Some(real)) = (place.root(test, "fake", user), place.root(test, "real", User::ROOT)) else {
        return;
    };
    place.succeeds(user, &["run", "--root", "fake", "--", "/bin/sh", "-c", DEEDS]);
    let world = place.bed.enter().mounts().root(&real).cwd(Path::new("/"));
    let outcome = run(world.command(Path::new("/bin/sh")).args(["-c", DEEDS]));
    assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());

    let expected = facts(&real.join("d"));
    place.succeeds(user, &["export", "fake", "-o", "out/fake.tar"]);
    let unpacked = place.unpacked_by_tar("out/fake.tar", "unpacked");
    assert_same(&facts(&unpacked.join("d")), &expected);
    assert!(!unpacked.join(".newroot").exists());

    // Root's export is the same, and the copy that a user unpacks with newroot is as good.
    place.succeeds(User::ROOT, &["export", "fake", "-o", "out/by-root.tar"]);
    assert!(place.bytes("out/by-root.tar") == place.bytes("out/fake.tar"));
    place.succeeds(User::ROOT, &["import", "out/fake.tar", "by-root"]);
    assert_same(&facts(&place.at("by-root/d")), &expected);
    place.succeeds(user, &["import", "out/fake.tar", "out/by-user"]);
    place.succeeds(user, &["export", "out/by-user", "-o", "out/again.tar"]);
    assert!(place.bytes("out/again.tar") == place.bytes("out/fake.tar"));
    // The owner of a copy can read and remove all of it.
    assert!(out.join("by-user/.newroot/owners").is_dir());
    let outcome =
        run(place.bed.enter().user(user).command(Path::new("/bin/rm")).arg("-r").arg(out.join("by-user")));
    assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
}

#[test]
fn links_that_the_host_refused_are_hard_links_in_the_archive() {
    let test = "links_that_the_host_refused_are_hard_links_in_the_archive";
    let place = TestEnv::new();
    place.open_directory("out");
    let user = User::ordinary();
    let (Some(_), Some(_)) = (place.root(test, "granted", user), place.root(test, "refused", user)) else {
        return;
    };
    place.succeeds(user, &["run", "--root", "granted", "--", "/bin/sh", "-c", DEEDS]);
    let refused = ["run", "--root", "--link2symlink", "refused", "--", "/bin/sh", "-c", DEEDS];
    place.succeeds_without_links(user, &refused);
    let export = |root: &str, archive: &str| {
        // The two roots got their files at different times: one time for all makes them equal.
        place.succeeds(user, &["export", root, "-o", archive, "--mtime=1612325106"]);
        place.bytes(archive)
    };
    let expected = export("granted", "out/granted.tar");
    assert!(export("refused", "out/refused.tar") == expected);

    // Import works too where the host refuses links.
    place.succeeds_without_links(user, &["import", "--link2symlink", "out/granted.tar", "out/copy"]);
    let links = place.at("out/copy/.newroot/links");
    assert_eq!(fs::read_dir(&links).expect("the kept files").count(), 2, "a file and a device");
    assert!(export("out/copy", "out/copy.tar") == expected);
    let seen = ["run", "--root", "out/copy", "--", "/bin/stat", "-c", "%h %a %u:%g", "/d/e/hard"];
    assert_eq!(place.succeeds(user, &seen), "2 4775 33:44\n");
    // Import into a directory with the same names replaces them.
    place.succeeds_without_links(
        user,
        &["import", "--force", "--link2symlink", "out/granted.tar", "out/copy"],
    );
    assert_eq!(fs::read_dir(&links).expect("the kept files").count(), 2, "the old ones are gone");
    assert!(export("out/copy", "out/copy.tar") == expected);

    let world = place.bed.enter().cwd(place.bed.scratch()).user(user).without_hard_links();
    let outcome =
        run(world.command(&place.bed.program("newroot")).args(["import", "out/granted.tar", "out/none"]));
    assert_eq!(outcome.ending, Ending::Exit(125));
    assert_eq!(
        outcome.stderr(),
        "newroot: cannot import '/d/e/disk': the host refuses hard links\nhint: --link2symlink makes them all the same\n"
    );
    assert!(!place.at("out/none").exists());
}

#[test]
fn imported_root_shows_its_owners_in_a_fake_root() {
    let test = "imported_root_shows_its_owners_in_a_fake_root";
    let place = TestEnv::new();
    place.open_directory("out");
    let user = User::ordinary();
    let Some(_) = place.root(test, "fake", user) else { return };
    place.succeeds(user, &["run", "--root", "fake", "--", "/bin/sh", "-c", DEEDS]);
    place.succeeds(user, &["export", "fake", "-o", "out/fake.tar"]);
    place.succeeds(user, &["import", "out/fake.tar", "out/copy"]);
    let look = "cd /d; stat -c '%n %f %u:%g %h %t:%T %Y' * e/*; cat nothing";
    let seen = |root: &str| place.succeeds(user, &["run", "--root", root, "--", "/bin/sh", "-c", look]);
    assert_eq!(seen("out/copy"), seen("fake"));
    assert!(seen("out/copy").contains("disk 61b0 0:6 2 103:11170 1612325106\n"), "{}", seen("out/copy"));
}

#[test]
fn same_root_gives_the_same_bytes() {
    let test = "same_root_gives_the_same_bytes";
    let place = TestEnv::new();
    place.open_directory("out");
    let user = User::ordinary();
    let Some(root) = place.root(test, "root", user) else { return };
    for format in ["tar", "oci-layer"] {
        for name in ["out/one", "out/other"] {
            place.succeeds(user, &["export", "--format", format, "--mtime=@1000", "root", "-o", name]);
        }
        assert!(place.bytes("out/one") == place.bytes("out/other"), "{format}");
    }
    // A time after the limit becomes the limit, so the file counts as unchanged; an earlier time is
    // kept.
    let before = place.bytes("out/one");
    fs::write(root.join("bin/busybox"), fs::read(root.join("bin/busybox")).expect("busybox")).expect("again");
    let printed =
        place.succeeds(user, &["export", "--format=oci-layer", "--mtime", "1000", "root", "-o", "out/other"]);
    assert!(place.bytes("out/other") == before);

    let sum = |script: &str| {
        let outcome = run(Command::new("sh").arg("-c").arg(script).current_dir(place.at("out")));
        outcome.stdout().split_whitespace().next().unwrap_or_default().to_owned()
    };
    assert!(printed.contains(&format!("\ndigest sha256:{}\n", sum("sha256sum other"))), "{printed}");
    assert!(
        printed.contains(&format!("\ndiff-id sha256:{}\n", sum("gzip -dc other | sha256sum"))),
        "{printed}"
    );
}

#[test]
fn archive_goes_to_standard_output() {
    let test = "archive_goes_to_standard_output";
    let place = TestEnv::new();
    place.open_directory("out");
    let user = User::ordinary();
    let Some(_) = place.root(test, "root", user) else { return };
    place.succeeds(user, &["export", "root", "-o", "out/file"]);
    let outcome = place.newroot(user, &["export", "root"]);
    assert!(outcome.stdout == place.bytes("out/file"));
    assert_eq!(outcome.stderr(), "");
    let outcome = run(place.command(user).env("SOURCE_DATE_EPOCH", "5").args([
        "export",
        "root",
        "-o-",
        "--mtime=SOURCE_DATE_EPOCH",
    ]));
    assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
    let listed = "TZ=UTC tar -tvf out/epoch | grep -c '1970-01-01 00:00'; tar -tf out/epoch | wc -l";
    fs::write(place.at("out/epoch"), outcome.stdout).expect("a file");
    let counts = run(Command::new("sh").arg("-c").arg(listed).current_dir(place.bed.scratch())).stdout();
    let counts: Vec<&str> = counts.split_whitespace().collect();
    assert!(counts.len() == 2 && counts[0] == counts[1], "{counts:?}");
}

#[test]
fn failed_export_leaves_the_file_as_it_was() {
    let test = "failed_export_leaves_the_file_as_it_was";
    if !User::we_are_root() {
        return skip(test, "only root can make files that a user can't read");
    }
    let place = TestEnv::new();
    let out = place.open_directory("out");
    let Some(root) = place.root(test, "root", User::ordinary()) else { return };
    fs::write(root.join("secret"), "root's own").expect("a file");
    fs::set_permissions(root.join("secret"), fs::Permissions::from_mode(0o600)).expect("its mode");
    fs::write(out.join("archive"), "before").expect("a file");
    let outcome = place.newroot(User::ordinary(), &["export", "root", "-o", "out/archive"]);
    assert_eq!(outcome.ending, Ending::Exit(125));
    assert!(
        outcome.stderr().starts_with("newroot: cannot read '/secret': Permission denied\n"),
        "{}",
        outcome.stderr()
    );
    assert_eq!(fs::read_to_string(out.join("archive")).expect("the file"), "before");
    assert_eq!(fs::read_dir(&out).expect("a directory").count(), 1);
}

#[test]
fn archive_in_the_root_and_sockets_are_left_out() {
    let test = "archive_in_the_root_and_sockets_are_left_out";
    let place = TestEnv::new();
    let user = User::ordinary();
    let Some(root) = place.root(test, "root", user) else { return };
    fs::write(root.join("old.tar"), "").expect("a file");
    own(&root.join("old.tar"), user);
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).expect("a socket");
    let outcome = place.newroot(user, &["export", "root", "-o", "root/old.tar"]);
    assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
    assert!(outcome.stderr().contains("leaving out '/socket': an archive can't hold a socket\n"));
    assert!(outcome.stderr().contains("leaving out '/old.tar': it is the archive itself\n"));
    let listed = run(Command::new("tar").arg("-tf").arg(root.join("old.tar"))).stdout();
    assert!(
        listed.starts_with("./\nbin/\nbin/[\n") && !listed.contains("old.tar") && !listed.contains("socket")
    );
}

#[test]
fn files_that_only_root_could_read_are_exported_as_they_are() {
    let test = "files_that_only_root_could_read_are_exported_as_they_are";
    let place = TestEnv::new();
    place.open_directory("out");
    let user = User::ordinary();
    let Some(root) = place.root(test, "root", user) else { return };
    let mode = |path: &str, mode| {
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(mode)).expect("its mode");
    };
    // As a program other than newroot unpacks them for a user: nothing is recorded.
    fs::create_dir_all(root.join("closed/inner")).expect("directories");
    fs::write(root.join("closed/inner/shadow"), "secret").expect("a file");
    own(&root.join("closed"), user);
    mode("closed/inner/shadow", 0);
    mode("closed/inner", 0o300);
    mode("closed", 0o005);
    place.succeeds(user, &["export", "root", "-o", "out/archive"]);
    let list = "tar --numeric-owner -tvf out/archive | grep closed | tr -s ' ' | cut -d' ' -f1,2,3,6";
    let listed = || run(Command::new("sh").arg("-c").arg(list).current_dir(place.bed.scratch())).stdout();
    let expected =
        "d------r-x 0/0 0 closed/\nd-wx------ 0/0 0 closed/inner/\n---------- 0/0 6 closed/inner/shadow\n";
    assert_eq!(listed(), expected);
    // The guest sees no difference, and a second export has none.
    let look = "stat -c '%a %u:%g' /closed /closed/inner /closed/inner/shadow";
    let seen = place.succeeds(user, &["run", "--root", "root", "--", "/bin/sh", "-c", look]);
    assert_eq!(seen, "5 0:0\n300 0:0\n0 0:0\n");
    place.succeeds(user, &["export", "root", "-o", "out/archive"]);
    assert_eq!(listed(), expected);
}

/// The suffix of the file's name selects the compression, and an option overrides it.
#[test]
fn archive_is_compressed_as_its_name_says() {
    let place = TestEnv::new();
    let user = User::ordinary();
    let root = place.bed.directory("root", user);
    fs::write(root.join("file"), "text ".repeat(10_000)).expect("a file");
    own(&root, user);
    let out = place.bed.directory("out", user);
    let magic = |bytes: &[u8]| match bytes {
        [0x1f, 0x8b, ..] => "gzip",
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => "xz",
        _ => "none",
    };
    for (arguments, name, expected) in [
        (&[][..], "a.tar", "none"),
        (&[], "a.tar.gz", "gzip"),
        (&[], "a.tgz", "gzip"),
        (&[], "a.tar.xz", "xz"),
        (&["--compress=none"], "b.tar.gz", "none"),
        (&["--compress=xz"], "b.tar", "xz"),
        (&["--format=oci-layer"], "layer", "gzip"),
        (&["--compress=none"], "a.tar.zst", "none"),
    ] {
        let output = format!("out/{name}");
        place.succeeds(user, &[&["export", "root", "-o", &output], arguments].concat());
        let bytes = fs::read(out.join(name)).expect("an archive");
        assert_eq!(magic(&bytes), expected, "{name}");
        place.succeeds(user, &["import", &output, &format!("out/{name}.root")]);
        let unpacked = fs::read(out.join(format!("{name}.root/file"))).expect("the file");
        assert_eq!(unpacked.len(), 50_000, "{name}");
        if expected == "gzip" || expected == "xz" {
            let tested =
                Command::new(expected).arg("-t").stdin(fs::File::open(out.join(name)).unwrap()).status();
            assert!(tested.is_ok_and(|status| status.success()), "{name} by {expected} itself");
        }
    }
}
