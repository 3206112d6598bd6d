//! Archives that other programs wrote, and hostile archives.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use newroot_testkit::{Bed, Ending, Outcome, User, own, run, skip, snapshot};
use rustix::process::{Pid, Signal, kill_process};

use crate::facts::{assert_same, facts};
use crate::forge::Forged;

struct TestEnv {
    bed: Bed,
    user: User,
}

impl TestEnv {
    fn new(user: User) -> Self {
        let bed = newroot_testkit::bed!();
        let out = bed.directory("out", User::ordinary());
        fs::set_permissions(out, fs::Permissions::from_mode(0o777)).expect("its mode");
        Self { bed, user }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.bed.scratch().join("out").join(name)
    }

    /// Runs newroot in the directory `out`.
    fn newroot(&self, words: &[&str]) -> Outcome {
        self.newroot_without(&[], words)
    }

    fn newroot_without(&self, denied: &[&str], words: &[&str]) -> Outcome {
        let world = self.bed.enter().cwd(&self.bed.scratch().join("out")).user(self.user);
        let world = denied.iter().fold(world, |world, rule| world.deny(rule));
        run(world.command(&self.bed.program("newroot")).args(words))
    }

    #[track_caller]
    fn succeeds(&self, words: &[&str]) -> Outcome {
        let outcome = self.newroot(words);
        assert_eq!(outcome.ending, Ending::Exit(0), "{words:?}: {}", outcome.stderr());
        outcome
    }

    /// Checks that the import of these bytes fails with one line that has all `words`, and leaves
    /// nothing behind.
    #[track_caller]
    fn refuses(&self, what: &str, bytes: &[u8], words: &[&str]) {
        fs::write(self.at("archive"), bytes).expect("an archive");
        for directory in ["new", "empty"] {
            if directory == "empty" {
                fs::create_dir(self.at("empty")).expect("a directory");
                own(&self.at("empty"), self.user);
            }
            for denied in [&[][..], &["openat2=ENOSYS"]] {
                let before = snapshot(self.bed.scratch());
                let outcome = self.newroot_without(denied, &["import", "archive", directory]);
                let stderr = outcome.stderr();
                assert_eq!(outcome.ending, Ending::Exit(125), "{what}: {stderr}");
                let line = stderr.lines().rfind(|line| !line.starts_with("hint: ")).unwrap_or_default();
                assert!(line.starts_with("newroot: cannot "), "{what}: {stderr}");
                assert!(words.iter().all(|word| line.contains(word)), "{what}: {stderr}");
                assert_eq!(snapshot(self.bed.scratch()), before, "{what}, in {directory}");
            }
        }
        fs::remove_dir(self.at("empty")).expect("an empty directory");
    }
}

/// Returns the users that import: an ordinary user, and root where root runs the tests.
fn users() -> Vec<User> {
    if User::we_are_root() { vec![User::ordinary(), User::ROOT] } else { vec![User::ordinary()] }
}

#[test]
fn nothing_leads_out_of_the_directory() {
    for user in users() {
        let place = TestEnv::new(user);
        fs::write(place.at("victim"), "untouched").expect("a file");
        fs::create_dir(place.at("victims")).expect("a directory");
        let start = || Forged::default().directory("a").file("a/first", "1");
        place.refuses("..", &start().file("a/../../victim", "x").end(), &["'a/../../victim'", "'..'"]);
        place.refuses(".. alone", &start().directory("..").end(), &["'..'"]);
        place.refuses(
            "a file through a link",
            &start().symlink("l", "../victims").file("l/x", "x").end(),
            &["'l/x'", "behind something that is no directory"],
        );
        place.refuses(
            "a directory through a link",
            &start().symlink("l", "/").directory("l/etc/x").end(),
            &["behind something that is no directory"],
        );
        place.refuses(
            "a file through two links",
            &start().symlink("a/l", "..").symlink("m", "a/l/..").file("m/victim", "x").end(),
            &["behind something that is no directory"],
        );
        place.refuses(
            "a hard link to outside",
            &start().hard_link("h", "../victim").file("h", "x").end(),
            &["'h'", "'..'"],
        );
        place.refuses(
            "a hard link through a link",
            &start().symlink("l", "..").hard_link("h", "l/victim").file("h", "x").end(),
            &["'h'", "a link to something that the archive doesn't have"],
        );
        let outside = place.at("victim").display().to_string();
        place.refuses(
            "a hard link to an absolute name",
            &start().hard_link("h", &outside).end(),
            &["'h'", "a link to something that the archive doesn't have"],
        );
        place.refuses(
            "a device through a link",
            &start().symlink("l", "../victims").entry(b'3', b"l/null", b"", b"").end(),
            &["behind something that is no directory"],
        );
        place.refuses(
            "a name of an extended header",
            &start().extended("path", b"x/../../victim").file("harmless", "x").end(),
            &["'..'"],
        );
        place.refuses(
            "a directory's place",
            &start().file("a", "x").end(),
            &["'a'", "replace a directory with something in it"],
        );
        place.refuses("the root's place", &start().file(".", "x").end(), &["replace the root directory"]);
        assert_eq!(fs::read_to_string(place.at("victim")).expect("the file"), "untouched");
        assert_eq!(fs::metadata(place.at("victim")).expect("the file").nlink(), 1);
        assert_eq!(fs::read_dir(place.at("victims")).expect("a directory").count(), 0);
    }
}

#[test]
fn links_and_absolute_names_mean_the_root() {
    for user in users() {
        let place = TestEnv::new(user);
        fs::write(place.at("victim"), "untouched").expect("a file");
        let archive = Forged::default()
            .file("/etc/passwd", "theirs")
            .hard_link("/copy", "/etc/passwd")
            // The last entry of a name wins, and the target of a replaced link stays as it was.
            .symlink("twice", "../victim")
            .file("twice", "second")
            .symlink("link", "../victims")
            .directory("link")
            .file("link/file", "x")
            .file(".newroot/owners/1", "forged")
            .file(".wh.gone", "")
            .end();
        fs::write(place.at("archive"), archive).expect("an archive");
        let outcome = place.newroot_without(&["openat2=ENOSYS"], &["import", "archive", "by-steps"]);
        assert_eq!(outcome.ending, Ending::Exit(0), "{}", outcome.stderr());
        let outcome = place.succeeds(&["import", "archive", "root"]);
        let names = |root: &str| facts(&place.at(root)).into_keys().collect::<Vec<_>>();
        assert_eq!(names("by-steps"), names("root"));
        assert!(outcome.stderr().contains("leaving out '/.newroot'"), "{}", outcome.stderr());
        let read = |name: &str| fs::read_to_string(place.at("root").join(name)).expect("a file");
        assert_eq!(read("etc/passwd"), "theirs");
        assert_eq!(read("copy"), "theirs");
        assert_eq!(read("twice"), "second");
        assert_eq!(read("link/file"), "x");
        assert_eq!(read(".wh.gone"), "");
        assert!(!place.at("root/.newroot/owners/1").exists());
        assert_eq!(fs::read_to_string(place.at("victim")).expect("the file"), "untouched");
        assert_eq!(fs::metadata(place.at("root")).expect("the root").mode() & 0o7777, 0o755);
    }
}

#[test]
fn broken_archives_leave_nothing() {
    let place = TestEnv::new(User::ordinary());
    let whole = Forged::default().directory("a").file("a/file", &"x".repeat(3000)).file("b", "y");
    let without_end = whole.clone().without_end();
    for len in [100, 512, 700, 1024, 2000, 5000, without_end.len()] {
        let cut = &without_end[..len.min(without_end.len())];
        let words: &[&str] = if len < 512 { &["no tar archive"] } else { &["it is cut off"] };
        place.refuses(&format!("cut off at {len}"), cut, words);
    }
    place.refuses("nothing at all", b"", &["no tar archive"]);
    place.refuses("a text", "no archive\n".repeat(200).as_bytes(), &["no tar archive"]);
    place.refuses("a text with a magic number", b"\x1f\x8bno archive at all", &["cannot import"]);
    place.refuses("bzip2", b"BZh91AY&SY...............", &["compressed with bzip2"]);
    let mut damaged = whole.clone().end();
    damaged[512 + 5] ^= 1;
    place.refuses("a damaged header", &damaged, &["a checksum is wrong", "byte 512"]);
    let long = |len| Forged::default().extended("path", &b"long/".repeat(len)).file("x", "").end();
    place.refuses("a name that is too long", &long(2000), &["File name too long"]);
    place.refuses(
        "a component that is too long",
        &Forged::default().extended("path", &[b'x'; 300]).file("x", "").end(),
        &["File name too long"],
    );
    place.refuses(
        "a size beyond all measure",
        &Forged::default().extended("size", b"18446744073709551615").file("x", "").end(),
        &["cannot import 'archive'"],
    );
    place.refuses(
        "a sparse map that overlaps",
        &Forged::default()
            .extended("GNU.sparse.map", b"0,3,1,3")
            .extended("GNU.sparse.size", b"10")
            .file("x", "xxxxxx")
            .end(),
        &["a sparse file's map"],
    );
    place.refuses(
        "an owner that nobody can be",
        &Forged::default().extended("uid", b"4294967295").file("x", "").end(),
        &["an owner"],
    );
}

#[test]
fn deep_and_long_names_are_kept() {
    let place = TestEnv::new(User::ordinary());
    let name = [&b"deep/".repeat(700)[..], &[0xff; 200]].concat();
    let archive = Forged::default().extended("path", &name).file("x", "found").end();
    fs::write(place.at("archive"), archive).expect("an archive");
    place.succeeds(&["import", "archive", "root"]);
    place.succeeds(&["export", "root", "-o", "again"]);
    let again = fs::read(place.at("again")).expect("an archive");
    assert!(again.windows(name.len()).any(|window| window == name));
    // The tree is so deep that removing it after the failure is hard.
    let archive = Forged::default().extended("path", &name).file("x", "found").file("..", "").end();
    place.refuses("a deep one", &archive, &["'..'"]);
}

#[test]
fn every_compression_is_undone() {
    let place = TestEnv::new(User::ordinary());
    let content = (0..200_000_u32).map(|number| number.to_string()).collect::<String>();
    fs::write(place.at("plain"), Forged::default().file("file", &content).end()).expect("an archive");
    let pack = |script: &str| {
        let outcome = run(Command::new("sh").arg("-c").arg(script).current_dir(place.at("")));
        outcome.ending == Ending::Exit(0)
    };
    let mut number = 0;
    for (tool, script) in [
        ("true", "cp plain packed"),
        ("gzip", "gzip -c plain > packed"),
        ("gzip", "head -c 5000 plain | gzip -c > packed; tail -c +5001 plain | gzip -c >> packed"),
        ("xz", "xz -c plain > packed"),
        ("xz", "xz -c --check=sha256 --block-size=100000 plain > packed"),
        ("zstd", "zstd -q -c plain > packed"),
        ("zstd", "zstd -q -c --ultra -22 --check plain > packed"),
        (
            "zstd",
            "head -c 5000 plain | zstd -q -c > packed; printf 'P\\052M\\030\\002\\000\\000\\000xx' >> packed; tail -c +5001 plain | zstd -q -c >> packed",
        ),
    ] {
        if !pack(&format!("command -v {tool}")) {
            skip("every_compression_is_undone", &format!("{tool} is not installed"));
            continue;
        }
        assert!(pack(script), "{script}");
        number += 1;
        let root = format!("root{number}");
        place.succeeds(&["import", "packed", &root]);
        let found = fs::read_to_string(place.at(&root).join("file")).expect("the file");
        assert!(found == content, "{script}");
        // The same from a pipe; half of the archive leaves nothing.
        let newroot = place.bed.program("newroot").display().to_string();
        assert!(pack(&format!("cat packed | {newroot} import - piped{number}")), "{script}");
        let packed = fs::read(place.at("packed")).expect("the archive");
        place.refuses(script, &packed[..packed.len() / 2], &["it is cut off"]);
    }
}

#[test]
fn interrupted_import_leaves_nothing_even_while_it_waits() {
    let place = TestEnv::new(User::ordinary());
    let archive = Forged::default().directory("a").file("a/file", &"x".repeat(100_000)).end();
    let world = place.bed.enter().cwd(&place.at("")).user(place.user);
    let mut newroot = world.command(&place.bed.program("newroot"));
    let newroot = newroot.args(["import", "-", "root"]).stdin(Stdio::piped()).stderr(Stdio::null());
    let mut child = newroot.spawn().expect("newroot");
    let mut pipe = child.stdin.take().expect("a pipe");
    pipe.write_all(&archive[..50_000]).expect("half of it");
    let is_begun = || {
        let names =
            fs::read_dir(place.at("")).expect("a directory").map(|entry| entry.expect("an entry").path());
        names.into_iter().any(|path| path.join("a/file").exists())
    };
    while !is_begun() {
        std::thread::sleep(Duration::from_millis(10));
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("our own child");
    let status = child.wait().expect("our own child");
    assert_eq!(status.signal(), Some(2));
    assert_eq!(fs::read_dir(place.at("")).expect("a directory").count(), 0);
}

#[test]
fn directory_with_something_in_it_takes_force() {
    for user in users() {
        let place = TestEnv::new(user);
        let root = place.at("root");
        fs::create_dir_all(root.join("etc/kept")).expect("a directory");
        fs::create_dir(root.join("full")).expect("a directory");
        fs::write(root.join("full/file"), "").expect("a file");
        fs::write(root.join("etc/replaced"), "old").expect("a file");
        own(&root, user);
        let archive =
            Forged::default().file("etc/replaced", "new").symlink("etc/added", "x").file("top", "t");
        fs::write(place.at("archive"), archive.clone().end()).expect("an archive");
        let before = snapshot(&root);
        let outcome = place.newroot(&["import", "archive", "root"]);
        assert_eq!(outcome.ending, Ending::Exit(125));
        assert_eq!(
            outcome.stderr(),
            "newroot: cannot import into 'root': Directory not empty\nhint: --force unpacks over what is there\n"
        );
        // A failed import is undone.
        fs::write(place.at("wrong"), archive.file("full", "no directory").end()).expect("an archive");
        let outcome = place.newroot(&["import", "--force", "wrong", "root"]);
        assert_eq!(outcome.stderr(), "newroot: cannot import '/full': there is a directory in its place\n");
        assert_eq!(snapshot(&root), before);
        place.succeeds(&["import", "-f", "archive", "root"]);
        assert_eq!(fs::read_to_string(root.join("etc/replaced")).expect("a file"), "new");
        assert_eq!(fs::read_link(root.join("etc/added")).expect("a link").to_str(), Some("x"));
        assert!(
            root.join("etc/kept").is_dir() && root.join("full/file").is_file() && root.join("top").is_file()
        );
        let names = fs::read_dir(&root).expect("the root").map(|entry| entry.expect("an entry").file_name());
        let left = names.filter(|name| name.to_string_lossy().starts_with(".newroot-"));
        assert_eq!(left.count(), 0);
    }
}

/// Script by which root makes a tree with everything that an archive can hold.
const TREE: &str = r#"
set -e
umask 022
mkdir tree; cd tree
mkdir -p sub/dir closed
printf '%s' content > plain; chown 1000:1001 plain; chmod 2751 plain
ln plain sub/hard
ln -s plain sub/link; chown -h 12:13 sub/link
ln sub/link sub/hardlink
mknod char c 5 1; mknod block b 8 300; mkfifo fifo; chmod 4600 fifo; chown 3:4 char block fifo
truncate -s 3000000 holes; printf x | dd of=holes bs=1 seek=1000000 conv=notrunc 2>/dev/null; printf y | dd of=holes bs=1 seek=2000000 conv=notrunc 2>/dev/null
truncate -s 500000 empty-hole
printf x > "$(printf 'caf\351 \377\001')"
long=$(printf 'n%.0s' $(seq 200)); mkdir -p $long/$long; printf z > $long/$long/$long; ln -s $long/$long $long/to
printf x > big-owner; chown 4000000000:3000000 big-owner
touch -d '2021-02-03 04:05:06.123456789' plain; touch -d '1960-01-01' sub/dir; touch -h -d '2001-02-03' sub/link
chmod 0 closed; chmod 1777 sub
"#;

#[test]
fn archives_of_gnu_tar_are_unpacked_as_by_gnu_tar() {
    let test = "archives_of_gnu_tar_are_unpacked_as_by_gnu_tar";
    if !User::we_are_root() {
        return skip(test, "only root can produce the expected result");
    }
    let place = TestEnv::new(User::ROOT);
    let shell = |script: &str| {
        let mut shell = Command::new("sh");
        let outcome = run(shell.arg("-c").arg(script).current_dir(place.at("")));
        assert_eq!(outcome.ending, Ending::Exit(0), "{script}: {}", outcome.stderr());
    };
    shell(TREE);
    let mut number = 0;
    for options in [
        "--format=pax --sparse --sparse-version=0.0",
        "--format=pax --sparse --sparse-version=0.1",
        "--format=pax --sparse --sparse-version=1.0",
        "--format=gnu --sparse",
        "--format=gnu",
    ] {
        number += 1;
        let (archive, tar, root, user) =
            (format!("a{number}"), format!("tar{number}"), format!("root{number}"), format!("user{number}"));
        shell(&format!("tar {options} --xattrs --numeric-owner -C tree -cf {archive} ."));
        shell(&format!(
            "mkdir {tar}; tar --same-owner --numeric-owner --xattrs --xattrs-include='*' -p -C {tar} -xf {archive}"
        ));
        let expected = facts(&place.at(&tar));
        place.succeeds(&["import", &archive, &root]);
        assert_same(&facts(&place.at(&root)), &expected);
        assert!(
            fs::metadata(place.at(&root).join("holes")).expect("a file").blocks() < 1000,
            "holes are kept"
        );

        // Root unpacks, from a user's export, all that the user has imported.
        let by_user = |words: &[&str]| {
            let world = place.bed.enter().cwd(&place.at("")).user(User::ordinary());
            let outcome = run(world.command(&place.bed.program("newroot")).args(words));
            assert_eq!(outcome.ending, Ending::Exit(0), "{words:?}: {}", outcome.stderr());
        };
        by_user(&["import", &archive, &user]);
        by_user(&["export", &user, "-o", "again"]);
        let again = format!("again{number}");
        shell(&format!(
            "mkdir {again}; tar --same-owner --numeric-owner --xattrs --xattrs-include='*' -p -C {again} -xf again"
        ));
        assert_same(&facts(&place.at(&again)), &expected);
    }
}

#[test]
fn container_image_is_not_taken_for_a_root() {
    let digest = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
    let place = TestEnv::new(User::ordinary());
    let blob = format!("blobs/sha256/{digest}");
    let layout = Forged::default()
        .directory("blobs")
        .directory("blobs/sha256")
        .file(&blob, "{}")
        .file("index.json", "{}")
        .file("oci-layout", r#"{"imageLayoutVersion": "1.0.0"}"#);
    let words = ["'archive'", "it is a container image"];
    place.refuses("an OCI layout", &layout.clone().end(), &words);
    place.refuses("docker save", &layout.file("manifest.json", "[{}]").end(), &words);
    let older = Forged::default()
        .directory(digest)
        .file(&format!("{digest}/VERSION"), "1.0")
        .file(&format!("{digest}/json"), "{}")
        .file(&format!("{digest}/layer.tar"), "")
        .file(&format!("{digest}.json"), "{}")
        .file("manifest.json", "[{}]")
        .file("repositories", "{}");
    place.refuses("docker save before 25", &older.clone().end(), &words);
    let hint = place.newroot(&["import", "archive", "new"]).stderr();
    assert!(hint.contains("docker export CONTAINER | newroot import - DIR"), "{hint}");
    // A root that happens to have such files is still taken for a root.
    fs::write(place.at("archive"), older.file("bin/sh", "").end()).expect("an archive");
    place.succeeds(&["import", "archive", "new"]);
}

/// A decoder's errors are reported in newroot's words, whichever library they come from.
#[test]
fn damaged_compression_is_reported_in_words() {
    let place = TestEnv::new(User::ordinary());
    let mut noise: u32 = 1;
    let content: String = (0..200_000)
        .map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            char::from(b'a' + (noise >> 28) as u8)
        })
        .collect();
    let archive = Forged::default().file("file", &content).end();
    for program in ["gzip", "xz", "zstd"] {
        let Ok(mut child) =
            Command::new(program).arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()
        else {
            skip("damaged_compression_is_reported_in_words", "a compressor is missing");
            continue;
        };
        let mut pipe = child.stdin.take().expect("it is piped");
        let input = archive.clone();
        let writer = std::thread::spawn(move || pipe.write_all(&input));
        let whole = child.wait_with_output().expect("it ends").stdout;
        writer.join().expect("it doesn't panic").expect("it reads all");
        let damaged = format!("its {program} data is damaged");
        let followed = [&whole[..], &whole[..5], &[0xff; 1000]].concat();
        place.refuses("noise in place of a header", &[&whole[..6], &[0xff; 1000][..]].concat(), &[&damaged]);
        place.refuses("noise behind it", &followed, &[&damaged]);
        place.refuses("cut off", &whole[..whole.len() / 2], &["it is cut off"]);
    }
}
