//! Bindings as the command line makes them. `tests/guests/bindings` checks what a guest sees of
//! bindings that are in place.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use newroot_testkit::{Bed, Ending, Outcome, User, own, run, skip, snapshot};

/// A root with busybox, and a host directory to bind from.
struct TestEnv {
    bed: Bed,
    root: PathBuf,
    host: PathBuf,
}

impl TestEnv {
    fn new(test: &str) -> Option<Self> {
        let bed = newroot_testkit::bed!();
        let root = bed.busybox_root_or_skip(test, "root", User::ordinary())?;
        let host = bed.directory("host", User::ordinary());
        fs::write(host.join("file"), "from the host\n").expect("a host file");
        Some(Self { bed, root, host })
    }

    /// Runs newroot in one of its dialects, in the host directory.
    fn newroot(&self, dialect: &str, arguments: &[&str], script: &str) -> Outcome {
        own(&self.host, User::ordinary());
        let world = self.bed.enter().cwd(&self.host).user(User::ordinary());
        let mut command = world.command(&self.bed.program("newroot"));
        command.arg(dialect).args(arguments);
        if dialect == "run" {
            command.arg("--no-recommended").arg(&self.root).arg("--");
        } else {
            command.args([OsString::from("-w"), "/".into(), "-r".into(), self.root.clone().into()]);
        }
        run(command.args(["/bin/sh", "-c", script]))
    }

    /// Runs `script` with these bindings on both engines and in both dialects, and checks that all
    /// print `expected`.
    fn check(&self, bindings: &[&str], script: &str, expected: &str) {
        for (dialect, engine) in [("run", "--engine=trap"), ("run", "--engine=namespace"), ("proot", "")] {
            let mut arguments: Vec<&str> = bindings.iter().flat_map(|binding| ["-b", binding]).collect();
            arguments.extend(Some(engine).filter(|engine| !engine.is_empty()));
            let outcome = self.newroot(dialect, &arguments, script);
            assert_eq!(outcome.stdout(), expected, "{dialect} {engine}: {}", outcome.stderr());
            assert_eq!(outcome.ending, Ending::Exit(0), "{dialect} {engine}: {}", outcome.stderr());
        }
    }
}

#[test]
fn hundreds_of_bindings() {
    let Some(place) = TestEnv::new("hundreds_of_bindings") else { return };
    let (mut bindings, mut expected) = (Vec::new(), String::new());
    for number in 100..500 {
        let directory = place.host.join(format!("d{number}"));
        fs::create_dir(&directory).expect("a host directory");
        fs::write(directory.join("name"), format!("{number}\n")).expect("a host file");
        bindings.push(format!("d{number}:/many/{number}/here"));
        expected.push_str(&format!("{number}\n"));
    }
    let bindings: Vec<&str> = bindings.iter().map(String::as_str).collect();
    place.check(&bindings, "cat /many/*/here/name", &expected);
    place.check(&bindings, "cd /many/333/here; cat ../../334/*/name; pwd", "334\n/many/333/here\n");
}

/// The kernel shows a directory that is bound twice with the same entries at both paths, except for
/// bindings below one of them.
#[test]
fn names_below_one_of_two_places_are_listed_there_alone() {
    let Some(place) = TestEnv::new("names_below_one_of_two_places_are_listed_there_alone") else { return };
    for name in ["x/p/q", "x/here", "y"] {
        fs::create_dir_all(place.host.join(name)).expect("a host directory");
    }
    let bindings =
        ["x:/a", "x:/b", ".:/c", "y:/a/only", "y:/b/p/q/deep", "file:/b/p/q/file", "file:/c/x/p/new"];
    // By absolute and relative paths, from a directory and from an open descriptor, and through
    // links.
    let script = "ls -x /a; ls -x /b; ls -x /c/x; ls -x /a/p/q; ls -x /b/p/q; ls -x /c/x/p/q; ls -x /b/p; ls -x /c/x/p; \
                  cd /b; ls -x; ls -x p/q; ls -x ../a; ls -x ../a/p/q; cd p; ls -x q; ls -x ../../a; cd /a/p; ls -x q; \
                  ls -x ../../b/p/q; cd /; for d in a/p b/p c/x/p; do ls -x ./$d/../p/q/../q; done; \
                  ls -x /proc/self/cwd/b/p/q; find /a /b -type f | sort; ls -Rx /c/x";
    let mut all = Vec::new();
    for engine in ["--engine=trap", "--engine=namespace"] {
        let mut arguments: Vec<&str> = bindings.iter().flat_map(|binding| ["-b", binding]).collect();
        arguments.extend(["-b", "/proc", engine]);
        let outcome = place.newroot("run", &arguments, script);
        assert_eq!(outcome.ending, Ending::Exit(0), "{engine}: {}", outcome.stderr());
        all.push(outcome.stdout());
    }
    assert_eq!(all[0], all[1]);
    assert!(all[0].starts_with("here  only  p\nhere  p\n"), "{}", all[0]);
}

/// The directories that stand for missing ones lie in the home directory, which is bound and is the
/// working directory.
#[test]
fn missing_directories_above_a_binding_are_listed_from_anywhere() {
    let Some(place) = TestEnv::new("missing_directories_above_a_binding_are_listed_from_anywhere") else {
        return;
    };
    fs::create_dir(place.host.join("d")).expect("a host directory");
    fs::write(place.host.join("d/inner"), "").expect("a host file");
    own(&place.host, User::ordinary());
    let world = place.bed.enter().cwd(&place.host).user(User::ordinary());
    let mut command = world.command(&place.bed.program("newroot"));
    let home = place.host.to_str().expect("its path is text");
    command.env("HOME", home).env_remove("XDG_RUNTIME_DIR").env_remove("XDG_CACHE_HOME");
    command.args(["run", "--engine=trap", "--no-recommended", "-b", home]);
    command.args(["-b", &format!("{home}/d:/scratch/project/data")]).arg(&place.root).arg("--");
    let script = "pwd; ls /scratch /scratch/project /scratch/project/data; ls -a /scratch; cd /scratch; ls; ls project";
    let outcome = run(command.args(["/bin/sh", "-c", script]));
    let listed = "/scratch:\nproject\n\n/scratch/project:\ndata\n\n/scratch/project/data:\ninner\n";
    let expected = format!("{home}\n{listed}.\n..\nproject\nproject\ndata\n");
    assert_eq!(outcome.stdout(), expected, "{}", outcome.stderr());
    assert!(place.host.join(".cache/newroot/void/0").exists(), "they lie in the home directory");
}

/// No other session finds the store that sessions with fake root keep in a root, and none can
/// remove it.
#[test]
fn newroots_own_files_in_a_root_are_hidden() {
    let Some(place) = TestEnv::new("newroots_own_files_in_a_root_are_hidden") else { return };
    fs::create_dir_all(place.root.join(".newroot/owners")).expect("a store");
    fs::create_dir_all(place.root.join("etc/.newroot")).expect("a directory of the same name");
    fs::create_dir(place.root.join("inside")).expect("a mount point");
    own(&place.root, User::ordinary());
    let inside = format!("{}:/inside", place.root.display());
    let script = "echo $(ls -A /) , $(ls -A /inside) , $(ls -A /etc); \
                  for i in /.newroot /inside/.newroot .newroot ../inside/.newroot; do \
                  ls -A $i/owners; rm -rf $i; rmdir $i; mv $i /away; echo >$i/new; done; \
                  (echo > /.newroot); mkdir /.newroot; echo $?; ls /away; [ -e /.newroot ] && echo there; true";
    for (engine, expected) in [
        ("--engine=trap", "bin etc inside , bin etc inside , .newroot\n1\n"),
        ("--engine=namespace", ".newroot bin etc inside , .newroot bin etc inside , .newroot\n1\nthere\n"),
    ] {
        let outcome = place.newroot("run", &["-b", &inside, engine], script);
        assert_eq!(outcome.stdout(), expected, "{engine}: {}", outcome.stderr());
        assert!(place.root.join(".newroot/owners").is_dir(), "{engine}");
        assert!(!place.root.join(".newroot/new").exists(), "{engine}");
        // From another mount mv(1) makes a copy: of the empty directory that the namespace engine
        // puts there.
        let away = place.root.join("away");
        assert_eq!(away.exists(), engine == "--engine=namespace");
        assert_eq!(fs::read_dir(away).map_or(0, Iterator::count), 0, "{engine}");
        assert_eq!(fs::read_dir(place.root.join(".newroot")).expect("the store").count(), 1, "{engine}");
    }
}

/// Where the host's mount has the option `nosymfollow`, no link in it is followed, whatever path
/// leads there.
#[test]
fn links_that_the_host_does_not_follow() {
    const NAME: &str = "links_that_the_host_does_not_follow";
    let Some(place) = TestEnv::new(NAME) else { return };
    if run(&mut place.bed.enter().mounts().command(Path::new("/bin/true"))).ending != Ending::Exit(0) {
        return skip(NAME, "neither root nor user namespaces are available for a mount");
    }
    for (name, text) in [
        ("shut/link", "file"),
        ("shut/dir", "sub"),
        ("to", "shut/link"),
        ("in", "/shut"),
        ("usr", "shut/sub"),
    ] {
        fs::create_dir_all(place.root.join("shut/sub")).expect("a root directory");
        symlink(text, place.root.join(name)).expect("a root link");
    }
    fs::write(place.root.join("shut/file"), "file\n").expect("a root file");
    fs::write(place.root.join("shut/sub/x"), "x\n").expect("a root file");
    own(&place.root, User::ordinary());
    let script = "for i in shut/file shut/link shut/dir/x in/sub/x in/dir/x to usr/x shut/sub/../link ./in/../shut/link /in/file \
                  shut/dir/ in/link/; do for d in / /./ /in/../; do /bin/cat $d$i 2>&1 | sed 's/.*: //'; done; done; \
                  readlink /shut/link; ls -d /shut/dir; cd /shut; cat link 2>&1 | sed 's/.*: //'; cd dir || echo no; \
                  echo new >link || echo not written; cat file";
    let bin = place.bed.busybox_root("other", User::ordinary()).expect("busybox is still there").join("bin");
    let world = |whole: bool| {
        let shut = place.root.join("shut");
        let world = place.bed.enter().mounts();
        match whole {
            // Busybox's own links must still be followed.
            true => world.bind_nosymfollow(&place.root, &place.root).bind(&bin, &place.root.join("bin")),
            false => world.bind_nosymfollow(&shut, &shut),
        }
    };
    for whole in [false, true] {
        let native = world(whole).root(&place.root).cwd(Path::new("/")).user(User::ordinary());
        let outcome = run(native.command(Path::new("/bin/sh")).args(["-c", script]));
        let expected = outcome.stdout();
        assert!(expected.contains("Too many levels of symbolic links"), "{expected}{}", outcome.stderr());
        for patching in [&[][..], &["--no-patch"]] {
            let mut command = world(whole).user(User::ordinary()).command(&place.bed.program("newroot"));
            command.args(["run", "--engine=trap", "--no-recommended", "-w", "/"]).args(patching);
            command.arg(&place.root).args(["--", "/bin/sh", "-c", script]);
            let outcome = run(&mut command);
            assert_eq!(outcome.stdout(), expected, "{whole} {patching:?}: {}", outcome.stderr());
        }
    }
}

/// As proot-distro binds them: each process sees its own descriptors.
#[test]
fn descriptors_of_each_process_itself() {
    let Some(place) = TestEnv::new("descriptors_of_each_process_itself") else { return };
    let bindings = [
        "/proc",
        "/proc/self/fd:/dev/fd",
        "/proc/self/fd/0:/dev/stdin",
        "/proc/self/fd/1:/dev/stdout",
        "/proc/self/fd/2:/dev/stderr",
        "file:/file",
    ];
    let script = "(exec 8</file; /bin/cat /dev/fd/8; ls /dev/fd/8; cd /dev/fd; /bin/cat 8); echo $(ls /dev); \
                  echo piped | /bin/cat /dev/stdin; echo written >/dev/stdout | /bin/cat; \
                  { echo said >/dev/stderr; } 2>&1 | tr a-z A-Z; [ -p /dev/stdin ] || echo no pipe; : | [ -p /dev/stdin ] && echo pipe; \
                  echo x | readlink /dev/stdin | wc -l; [ -L /dev/stdin ] && echo link; [ -e /dev/fd/8 ] || echo closed; \
                  /bin/sh -c 'exec 7<>/made; echo once >&7; /bin/cat /dev/fd/7'; ls -d /dev/fd/.";
    let expected = "from the host\n/dev/fd/8\nfrom the host\nfd stderr stdin stdout\npiped\nwritten\nSAID\nno pipe\npipe\n\
                    1\nlink\nclosed\nonce\n/dev/fd/.\n";
    place.check(&bindings, script, expected);
    // By their short names, and where the root has the links already.
    for (name, target) in [("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "fd/1")] {
        fs::create_dir_all(place.root.join("dev")).expect("a root directory");
        symlink(target, place.root.join("dev").join(name)).expect("a root link");
    }
    let short = ["/proc", "/dev/fd", "/dev/stdin", "/dev/stdout", "/dev/stderr", "file:/file"];
    place.check(&short, script, expected);
}

/// Other names for files that procfs has for each process itself. With the trap engine each process
/// sees its own; the kernel's binding shows one process's file to all.
#[test]
fn own_files_of_each_process() {
    let Some(place) = TestEnv::new("own_files_of_each_process") else { return };
    let bindings =
        ["-b", "/proc/self:/me", "-b", "/proc/thread-self/fd:/fds", "-b", "/proc/self/status:/status"];
    let script = "(exec 9</me/comm; /bin/cat /me/comm /fds/9; cd /me; echo $(ls /me/fd/9)); \
                  /bin/head -n 1 /status; ls /me | grep -x -e exe -e fd; [ -e /me/nothing ] || echo none; \
                  [ -L /me ] || echo directory; echo $(ls /)";
    let expected = "cat\nsh\n/me/fd/9\nName:\thead\nexe\nfd\nnone\ndirectory\nbin fds me status\n";
    let outcome = place.newroot("run", &[&bindings[..], &["--engine=trap"]].concat(), script);
    assert_eq!(outcome.stdout(), expected, "{}", outcome.stderr());
}

/// As a tool makes them that binds each of its input files. Each exec must carry the same as
/// without them.
#[test]
fn thousands_of_bindings() {
    let Some(place) = TestEnv::new("thousands_of_bindings") else { return };
    let mut bindings = Vec::new();
    for number in 1000..5000 {
        fs::write(place.host.join(format!("f{number}")), format!("{number}\n")).expect("a host file");
        bindings.push(format!("f{number}:/job/in/{number}.txt"));
    }
    let bindings: Vec<&str> = bindings.iter().map(String::as_str).collect();
    let listed =
        "cd /job; ls in | wc -l; ls in | head -n 1; cat in/4321.txt; /bin/cat ./in/1000.txt; ls -d in/../*";
    place.check(&bindings, listed, "4000\n1000.txt\n4321\n1000\nin/../in\n");
    // An exec with nearly as much as the kernel takes, which is a quarter of the stack's limit.
    let exec = "x=$(printf %0130000d 7); set -- $x $x $x $x $x $x $x $x; \
                /bin/printf %.3s, \"$@\" \"$@\"; echo $(ulimit -s)";
    let expected = format!("{}8192\n", "000,".repeat(16));
    let limited = format!("ulimit -s 8192; {exec}");
    place.check(&bindings, &limited, &expected);
}

/// A newroot with thousands of bindings runs within another one with thousands.
#[test]
fn thousands_of_bindings_in_a_nested_newroot() {
    let Some(place) = TestEnv::new("thousands_of_bindings_in_a_nested_newroot") else { return };
    let programs = place.bed.program("newroot");
    let programs = programs.parent().expect("a directory of programs");
    let mut bindings = vec![format!("{}:/programs", programs.display()), "/proc".to_owned()];
    let mut script = String::from("set --;");
    for number in 1000..2500 {
        fs::write(place.host.join(format!("f{number}")), format!("{number}\n")).expect("a host file");
        bindings.push(format!("f{number}:/outer/{number}"));
    }
    script.push_str(
        "for file in /outer/*; do set -- \"$@\" -b $file:/in${file#/outer}; done; \
         /programs/newroot proot \"$@\" -w / -r / /bin/sh -c \
         'ls /in | wc -l; cat /in/1999; cat /outer/2000; cd /outer; ls | wc -l; /bin/cat ../in/1001'",
    );
    let bindings: Vec<&str> = bindings.iter().flat_map(|binding| ["-b", binding]).collect();
    for (dialect, engine) in [("run", "--engine=trap"), ("run", "--engine=namespace")] {
        let outcome = place.newroot(dialect, &[&bindings[..], &[engine]].concat(), &script);
        assert_eq!(outcome.stdout(), "1500\n1999\n2000\n1500\n1001\n", "{engine}: {}", outcome.stderr());
    }
}

#[test]
fn host_path_may_be_relative() {
    let Some(place) = TestEnv::new("host_path_may_be_relative") else { return };
    place.check(&["file:/there"], "cat /there", "from the host\n");
    place.check(&["./../host/file:/a/b/there"], "cat /a/b/there", "from the host\n");
    let own_path = place.host.join("file");
    place.check(&["file"], &format!("cat {}", own_path.display()), "from the host\n");
}

#[test]
fn link_at_the_host_path_is_followed() {
    let Some(place) = TestEnv::new("link_at_the_host_path_is_followed") else { return };
    symlink("file", place.host.join("link")).expect("a host link");
    fs::create_dir(place.host.join("directory")).expect("a host directory");
    symlink("directory", place.host.join("to")).expect("a host link");
    place.check(&["link:/there", "to:/to"], "cat /there; touch /to/made; ls /to", "from the host\nmade\n");
    assert!(place.host.join("directory/made").exists());
}

#[test]
fn link_at_the_guest_path_is_followed() {
    let Some(place) = TestEnv::new("link_at_the_guest_path_is_followed") else { return };
    fs::write(place.root.join("target"), "from the root\n").expect("a root file");
    symlink("/target", place.root.join("link")).expect("a root link");
    place.check(&["file:/link"], "cat /target; readlink /link", "from the host\n/target\n");
}

#[test]
fn exclamation_mark_binds_over_the_link_itself() {
    let Some(place) = TestEnv::new("exclamation_mark_binds_over_the_link_itself") else { return };
    fs::write(place.root.join("target"), "from the root\n").expect("a root file");
    symlink("/target", place.root.join("link")).expect("a root link");
    let script = "cat /link /target; readlink /link || echo no link";
    let outcome = place.newroot("proot", &["-b", "file:/link!"], script);
    assert_eq!(outcome.stdout(), "from the host\nfrom the root\nno link\n", "{}", outcome.stderr());
}

#[test]
fn guest_link_out_of_the_root_stays_inside() {
    let Some(place) = TestEnv::new("guest_link_out_of_the_root_stays_inside") else { return };
    symlink("../../../../etc/inside", place.root.join("link")).expect("a root link");
    fs::create_dir(place.root.join("etc")).expect("a root directory");
    fs::write(place.root.join("etc/inside"), "from the root\n").expect("a root file");
    place.check(&["file:/link"], "cat /etc/inside; ls /etc", "from the host\ninside\n");
}

/// As /etc/resolv.conf is in the roots of many distributions.
#[test]
fn dangling_link_at_the_guest_path_no_longer_dangles() {
    let Some(place) = TestEnv::new("dangling_link_at_the_guest_path_no_longer_dangles") else { return };
    symlink("../run/systemd/resolve/stub", place.root.join("link")).expect("a root link");
    let script = "cat /link /run/systemd/resolve/stub; readlink /link";
    place.check(&["file:/link"], script, "from the host\nfrom the host\n../run/systemd/resolve/stub\n");
}

#[test]
fn whole_host_at_a_place_of_its_own() {
    let Some(place) = TestEnv::new("whole_host_at_a_place_of_its_own") else { return };
    let script = format!("cat /host{}/file; cd /host/etc/../..; ls", place.host.display());
    place.check(&["/:/host"], &script, "from the host\nbin\nhost\n");
}

#[test]
fn file_of_the_host_replaced_in_its_own_root() {
    let Some(mut place) = TestEnv::new("file_of_the_host_replaced_in_its_own_root") else { return };
    let busybox = newroot_testkit::static_busybox().expect("it was there a moment ago");
    place.root = PathBuf::from("/");
    place.check(
        &["file:/etc/hostname", "file:/etc/newroot-test/x"],
        &format!("{0} cat /etc/hostname; {0} ls /etc/newroot-test", busybox.display()),
        "from the host\nx\n",
    );
    assert!(!Path::new("/etc/newroot-test").exists());
}

#[test]
fn missing_host_path_is_an_error_in_one_dialect_and_a_warning_in_the_other() {
    let test = "missing_host_path_is_an_error_in_one_dialect_and_a_warning_in_the_other";
    let Some(place) = TestEnv::new(test) else { return };
    let native = place.newroot("run", &["-b", "nowhere:/there"], "echo ran");
    assert_eq!(native.ending, Ending::Exit(125));
    assert_eq!(native.stdout(), "");
    assert_eq!(native.stderr(), "newroot: cannot bind 'nowhere' on '/there': No such file or directory\n");
    let proot = place.newroot("proot", &["-b", "nowhere:/there"], "echo ran; ls /there");
    assert_eq!(proot.stdout(), "ran\n");
    assert!(proot.stderr().contains("'nowhere'"), "{}", proot.stderr());
}

#[test]
fn read_only_is_spelled_the_same_way_in_all_dialects() {
    let Some(place) = TestEnv::new("read_only_is_spelled_the_same_way_in_all_dialects") else { return };
    let script = "cat /there/f; touch /there/f || echo refused";
    fs::create_dir(place.host.join("some")).expect("a host directory");
    fs::write(place.host.join("some/f"), "x\n").expect("a host file");
    newroot_testkit::own(&place.host, User::ordinary());
    for dialect in ["run", "proot"] {
        for (binding, expected) in [("some:/there:ro", "x\nrefused\n"), ("some:/there:rw", "x\n")] {
            let outcome = place.newroot(dialect, &["-b", binding], script);
            assert_eq!(outcome.stdout(), expected, "{dialect} {binding}: {}", outcome.stderr());
        }
    }
    // A guest path that really ends so is written with a slash behind it.
    let outcome =
        place.newroot("proot", &["-b", "some:/there:ro/"], "ls /there:ro; touch /there:ro/f && echo made");
    assert_eq!(outcome.stdout(), "f\nmade\n", "{}", outcome.stderr());
}

#[test]
fn last_of_two_at_one_place_wins() {
    let Some(place) = TestEnv::new("last_of_two_at_one_place_wins") else { return };
    fs::write(place.host.join("other"), "the other\n").expect("a host file");
    place.check(&["file:/there", "other:/there"], "cat /there", "the other\n");
    place.check(&["other:/there", "file:/./there/"], "cat /there", "from the host\n");
}

#[test]
fn deeper_binding_prevails_over_a_later_one_in_the_proot_dialect_alone() {
    let test = "deeper_binding_prevails_over_a_later_one_in_the_proot_dialect_alone";
    let Some(place) = TestEnv::new(test) else { return };
    fs::create_dir_all(place.host.join("above/sub")).expect("host directories");
    fs::write(place.host.join("above/file"), "from above\n").expect("a host file");
    let script = "cat /there/file; cat /there/new/file; ls /there; exit 0";
    for bindings in [
        ["file:/there/file", "file:/there/new/file", "above:/there"],
        ["above:/there", "file:/there/file", "file:/there/new/file"],
        ["file:/there/file", "above:/there", "file:/there/new/file"],
    ] {
        let arguments: Vec<&str> = bindings.iter().flat_map(|binding| ["-b", binding]).collect();
        let outcome = place.newroot("proot", &arguments, script);
        let expected = "from the host\nfrom the host\nfile\nnew\nsub\n";
        assert_eq!(outcome.stdout(), expected, "{bindings:?}: {}", outcome.stderr());
    }
    let arguments = ["-b", "file:/there/file", "-b", "above:/there"];
    let outcome = place.newroot("run", &arguments, "cat /there/file");
    assert_eq!(outcome.stdout(), "from above\n", "{}", outcome.stderr());
}

/// Makes links in the caller's directory: links that lead back into it by absolute paths, and
/// others.
fn links_inside(place: &TestEnv) -> PathBuf {
    let data = place.host.join("data");
    fs::create_dir_all(data.join("dir")).expect("host directories");
    fs::write(data.join("dir/file"), "from the data\n").expect("a host file");
    let data_text = data.display().to_string();
    for (name, text) in [
        ("abs", format!("{data_text}/dir/file")),
        ("dir/up", data_text.clone()),
        ("root", place.root.join("bin/sh").display().to_string()),
        ("near", format!("{data_text}x/file")),
        ("out", "/bin/sh".to_owned()),
        ("relative", "dir/file".to_owned()),
    ] {
        symlink(text, data.join(name)).expect("a host link");
    }
    symlink(data.join("dir"), place.root.join("into")).expect("a root link");
    symlink(place.root.join("bin/sh"), place.root.join("own")).expect("a root link");
    data
}

#[test]
fn link_into_the_bound_directory_itself_is_the_guests_in_the_proot_dialect() {
    let test = "link_into_the_bound_directory_itself_is_the_guests_in_the_proot_dialect";
    let Some(place) = TestEnv::new(test) else { return };
    let data = links_inside(&place);
    let script = "
        cat /work/abs /work/dir/up/dir/up/abs
        for link in abs dir/up near out relative; do readlink /work/$link; done
        cd /work; for link in abs dir/up near out relative; do readlink $link; done
        cd /work/dir/up; pwd -P
        stat -c '%N %s' /work/abs /work/dir/up /work/near
        cd /work/dir; stat -c '%N %s' up; find . -type l -exec stat -c '%n %s' {} +
        readlink -f /work/dir/up/abs; readlink /own; readlink /into; readlink /work/root
        test -x /own && echo ran; cat /work/near; test -e /into || echo not there; /work/root -c :";
    let bindings = ["-b", "/proc", "-b", "data:/work"];
    let data_text = data.display();
    let readlinks = format!("/work/dir/file\n/work\n{data_text}x/file\n/bin/sh\ndir/file\n");
    let into = format!("{data_text}/dir");
    let near = format!("{data_text}x/file");
    let root = place.root.join("bin/sh").display().to_string();
    let expected = format!(
        "from the data\nfrom the data\n{readlinks}{readlinks}/work\n'/work/abs' -> '/work/dir/file' 14\n\
         '/work/dir/up' -> '/work' 5\n'/work/near' -> '{near}' {}\n'up' -> '/work' 5\n./up 5\n\
         /work/dir/file\n/bin/sh\n{into}\n{root}\nran\nnot there\n",
        near.len()
    );
    for identity in [&[][..], &["-0"]] {
        let outcome = place.newroot("proot", &[identity, &bindings].concat(), script);
        assert_eq!(outcome.stdout(), expected, "{identity:?}: {}", outcome.stderr());
        assert!(outcome.stderr().contains("/work/root: not found"), "{}", outcome.stderr());
    }
}

#[test]
fn link_into_the_bound_directory_is_text_in_the_hosts_own_root() {
    let test = "link_into_the_bound_directory_is_text_in_the_hosts_own_root";
    let Some(mut place) = TestEnv::new(test) else { return };
    let data = links_inside(&place);
    place.root = PathBuf::from("/");
    let outcome = place.newroot("proot", &["-b", "data:/work"], "readlink /work/abs; cat /work/abs");
    let expected = format!("{}/dir/file\nfrom the data\n", data.display());
    assert_eq!(outcome.stdout(), expected, "{}", outcome.stderr());
}

#[test]
fn link_into_the_bound_directory_is_text_in_the_native_dialect() {
    let test = "link_into_the_bound_directory_is_text_in_the_native_dialect";
    let Some(place) = TestEnv::new(test) else { return };
    let data = links_inside(&place);
    let expected = format!("{0}/dir/file\n{0}\nno\n", data.display());
    for engine in ["--engine=trap", "--engine=namespace"] {
        let script = "readlink /work/abs; readlink /work/dir/up; cat /work/abs || echo no";
        let outcome = place.newroot("run", &[engine, "-b", "data:/work"], script);
        assert_eq!(outcome.stdout(), expected, "{engine}: {}", outcome.stderr());
    }
}

#[test]
fn missing_mount_point_is_not_made() {
    let Some(place) = TestEnv::new("missing_mount_point_is_not_made") else { return };
    let before = snapshot(&place.root);
    place.check(&["file:/a/b/c", "/proc:/a/p"], "cat /a/b/c; ls /a", "from the host\nb\np\n");
    assert_eq!(snapshot(&place.root), before);
}

#[test]
fn read_only_in_the_native_dialect() {
    let Some(place) = TestEnv::new("read_only_in_the_native_dialect") else { return };
    for engine in ["--engine=trap", "--engine=namespace"] {
        fs::write(place.host.join("file"), "from the host\n").expect("a host file");
        let outcome = place.newroot(
            "run",
            &[engine, "-b", ".:/there:ro", "-b", "file:/there/again"],
            "cat /there/file; touch /there/new; echo x > /there/file; echo written > /there/again; \
             cat /there/file",
        );
        assert_eq!(outcome.stdout(), "from the host\nwritten\n", "{engine}: {}", outcome.stderr());
        let refused = outcome.stderr().matches("Read-only file system").count();
        assert_eq!(refused, 2, "{engine}: {}", outcome.stderr());
    }
    assert!(!place.host.join("new").exists());
}

#[test]
fn three_levels_deep() {
    let Some(place) = TestEnv::new("three_levels_deep") else { return };
    let [two, three] = ["two", "three"]
        .map(|name| place.bed.busybox_root(name, User::ordinary()).expect("busybox is still there"));
    fs::write(three.join("level"), "three\n").expect("a root file");
    let programs = place.bed.program("newroot");
    let programs = programs.parent().expect("a directory of programs");
    for proc in ["", "-b /proc "] {
        let outcome = place.newroot(
            "proot",
            &[
                &["-b", "/proc", "-b"][usize::from(proc.is_empty()) * 2..],
                &[&format!("{}:/programs", programs.display())],
                &["-b", &format!("{}:/two", two.display()), "-b", &format!("{}:/three", three.display())],
            ]
            .concat(),
            &format!(
                "/programs/newroot proot -r /two {proc}-b /programs -b /three -w / \
                 /programs/newroot proot -r /three {proc}-w / /bin/sh -c 'cat /level; ls /; exit 33'"
            ),
        );
        let listed = if proc.is_empty() { "bin\nlevel\n" } else { "bin\nlevel\nproc\n" };
        assert_eq!(outcome.stdout(), format!("three\n{listed}"), "{}", outcome.stderr());
        assert_eq!(outcome.ending, Ending::Exit(33), "{}", outcome.stderr());
    }
}

/// The outer session traps nothing for them: the inner session's filter does.
#[test]
fn bindings_of_a_nested_newroot_are_listed_and_read_only() {
    let Some(place) = TestEnv::new("bindings_of_a_nested_newroot_are_listed_and_read_only") else { return };
    fs::copy(place.bed.program("newroot"), place.root.join("newroot")).expect("newroot");
    for name in ["data", "shown"] {
        fs::create_dir(place.root.join(name)).expect("a directory");
        own(&place.root.join(name), User::ordinary());
    }
    let (bound, script) = ("-b /data:/unlisted -b /data:/shown:ro", "ls -d /un*; chmod 700 . && echo done");
    // A library's ftw(3) uses both: a descriptor for the working directory, and a path for
    // chmod(1).
    let script = format!(
        "{script}; cd /shown; chmod 700 . || echo refused; ls -A / | grep unl; /newroot proot -k 9.8.7 -r / /bin/uname -r"
    );
    let mut deeper = String::new();
    for depth in 1..4 {
        deeper.push_str("/newroot run --engine=trap --no-recommended ");
        deeper.push_str(bound);
        deeper.push_str(" / -- ");
        let outcome =
            place.newroot("run", &["--engine=trap"], &format!("cd /; {deeper}/bin/sh -c '{script}'"));
        assert_eq!(
            outcome.stdout(),
            "/unlisted\ndone\nrefused\nunlisted\n9.8.7\n",
            "{depth}: {}",
            outcome.stderr()
        );
    }
}

#[test]
fn filters_of_a_guest_hold_in_a_nested_newroot() {
    let Some(place) = TestEnv::new("filters_of_a_guest_hold_in_a_nested_newroot") else { return };
    let inner = place.bed.busybox_root("inner", User::ordinary()).expect("busybox is still there");
    // The helper that handles the host's calls can also handle a guest's.
    let helper = place.bed.enter().command(Path::new("/bin/true")).get_program().to_owned();
    let copied = Command::new("cp").arg(helper).arg(place.host.join("enter")).status().expect("cp");
    assert!(copied.success());
    let programs = place.bed.program("newroot");
    let programs = programs.parent().expect("a directory of programs");
    let bindings = [&format!("{}:/programs", programs.display()), &format!("{}:/inner", inner.display())];
    let outcome = place.newroot(
        "proot",
        &["-b", bindings[0], "-b", bindings[1], "-b", ".:/host", "-b", "/proc"],
        "/host/enter --deny mkdir=EACCES -- /programs/newroot proot -r /inner -b /host -b /proc -w / \
         /host/enter --deny mkdir=ENOSPC -- /bin/sh -c 'mkdir /new; echo $?; echo written > /file; cat /file'; \
         mkdir /new; echo $?",
    );
    assert_eq!(outcome.stdout(), "1\nwritten\n0\n", "{}", outcome.stderr());
    assert!(outcome.stderr().contains("No space left on device"), "{}", outcome.stderr());
    assert!(!inner.join("new").exists());
}
