//! A failed call leaves the root whole, and nothing outside of it is touched.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use common::{ORDINARY, Scratch, again, as_ordinary_user, inner, listing};
use newroot_roots::{Error, Observer, Options};

/// Stops after some items.
struct Impatient(usize);

impl Observer for Impatient {
    fn progress(&mut self, done: usize, _: usize, _: &Path) -> std::ops::ControlFlow<()> {
        if done < self.0 { std::ops::ControlFlow::Continue(()) } else { std::ops::ControlFlow::Break(()) }
    }
}

fn forced() -> Options {
    let mut options = Options::default();
    options.force = true;
    options
}

fn message(error: &Error) -> String {
    error.to_string()
}

#[test]
fn directory_with_something_in_it_is_refused() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.root()).unwrap();
    fs::write(scratch.root().join("mine"), "precious").unwrap();
    let before = scratch.listing();
    let error = scratch.init(&["cat"]).unwrap_err();
    assert!(matches!(error, Error::NotEmpty { .. }), "{error}");
    assert!(error.hint().unwrap().contains("--force"));
    assert_eq!(scratch.listing(), before);

    newroot_roots::init(&scratch.root(), &["cat".into()], &forced(), &mut ()).unwrap();
    assert_eq!(fs::read(scratch.root().join("mine")).unwrap(), b"precious");
    assert_eq!(scratch.run(&["cat", "/mine"]), "precious");
}

#[test]
fn empty_directory_is_used_as_it_is() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.root()).unwrap();
    fs::set_permissions(scratch.root(), Permissions::from_mode(0o750)).unwrap();
    let before = fs::metadata(scratch.root()).unwrap();
    scratch.init(&["cat"]).unwrap();
    let after = fs::metadata(scratch.root()).unwrap();
    assert_eq!((after.ino(), after.mode()), (before.ino(), before.mode()));
}

#[test]
fn file_and_missing_parent_are_clear_errors() {
    let scratch = Scratch::new();
    fs::write(scratch.root(), "").unwrap();
    let error = scratch.init(&["cat"]).unwrap_err();
    assert_eq!(
        message(&error),
        format!("cannot make a root in '{}': Not a directory", scratch.root().display())
    );
    let deep = scratch.path("no/where");
    let error = newroot_roots::init(&deep, &["cat".into()], &Options::default(), &mut ()).unwrap_err();
    assert_eq!(
        message(&error),
        format!("cannot make a root in '{}': No such file or directory", deep.display())
    );
    assert!(error.hint().is_some());
}

#[test]
fn adding_twice_is_adding_once() {
    let scratch = Scratch::new();
    scratch.init(&["cat"]).unwrap();
    let first = scratch.add(&["ls", "bash"]).unwrap();
    assert!(first.made > 0 && first.bytes > 0, "{first:?}");
    let before = scratch.listing();
    let second = scratch.add(&["ls", "bash"]).unwrap();
    assert_eq!((second.made, second.bytes), (0, 0));
    assert_eq!(scratch.listing(), before);
}

#[test]
fn add_needs_a_root() {
    let scratch = Scratch::new();
    let error = scratch.add(&["cat"]).unwrap_err();
    assert_eq!(
        message(&error),
        format!("cannot open the root '{}': No such file or directory", scratch.root().display())
    );
    assert!(!scratch.root().exists());
}

#[test]
fn different_file_stays_unless_forced() {
    let scratch = Scratch::new();
    let tool = scratch.script("bin/tool", "#!/bin/sh\necho one\n");
    scratch.init(&[&tool]).unwrap();
    scratch.script("bin/tool", "#!/bin/sh\necho two\n");
    let before = scratch.listing();
    let error = scratch.add(&[&tool]).unwrap_err();
    assert_eq!(message(&error), format!("cannot add '{}': the root has another file there", tool.display()));
    assert_eq!(error.hint(), Some("--force replaces it"));
    assert_eq!(scratch.listing(), before);

    newroot_roots::add(&scratch.root(), &[tool.clone().into()], &forced(), &mut ()).unwrap();
    assert_eq!(scratch.run(&[&tool]), "two\n");
    assert!(!scratch.listing().iter().any(|line| line.contains(".newroot-")), "no backup is left");
}

#[test]
fn roots_own_libraries_are_kept_and_told() {
    #[derive(Default)]
    struct Warnings(Vec<String>);
    impl Observer for Warnings {
        fn warn(&mut self, warning: &newroot_roots::Warning) {
            self.0.push(warning.to_string());
        }
    }
    let scratch = Scratch::new();
    let interpreter = scratch.script("lib/interpreter", "#!/bin/sh\necho host\n");
    let tool = scratch.script("bin/tool", &format!("#!{}\n", interpreter.display()));
    scratch.init(&["sh"]).unwrap();
    let own = scratch
        .script(Path::new("root").join(interpreter.strip_prefix("/").unwrap()), "#!/bin/sh\necho guest\n");
    let before = fs::read(&own).unwrap();
    let mut told = Warnings::default();
    newroot_roots::add(&scratch.root(), &[tool.clone().into()], &Options::default(), &mut told).unwrap();
    let expected = format!("keeping the root's own '{}', which is not the host's", interpreter.display());
    assert_eq!(told.0, [expected]);
    assert_eq!(fs::read(&own).unwrap(), before);
    assert_eq!(scratch.run(&[&tool]), "guest\n");

    newroot_roots::add(&scratch.root(), &[tool.clone().into()], &forced(), &mut ()).unwrap();
    assert_eq!(scratch.run(&[&tool]), "host\n");
}

#[test]
fn failed_step_takes_everything_back() {
    let scratch = Scratch::new();
    // A new directory, an empty one, and one with a root in it.
    for items in [0, 1, 4, 7] {
        let error = newroot_roots::init(
            &scratch.root(),
            &["bash".into()],
            &Options::default(),
            &mut Impatient(items),
        )
        .unwrap_err();
        assert!(matches!(error, Error::Interrupted), "{error}");
        assert_eq!(listing(scratch.root().parent().unwrap()), ["/"], "after {items} items");
    }
    fs::create_dir(scratch.root()).unwrap();
    for items in [1, 4, 7] {
        let options = Options::default();
        newroot_roots::init(&scratch.root(), &["bash".into()], &options, &mut Impatient(items)).unwrap_err();
        assert_eq!(scratch.listing(), ["/"], "after {items} items");
    }
    let tool = scratch.script("bin/tool", "#!/bin/sh\necho one\n");
    scratch.init(&[&tool]).unwrap();
    let before = scratch.listing();
    scratch.script("bin/tool", "#!/bin/sh\necho two\n");
    for items in 0..8 {
        let programs = [tool.clone().into(), "bash".into()];
        newroot_roots::add(&scratch.root(), &programs, &forced(), &mut Impatient(items)).unwrap_err();
        assert_eq!(scratch.listing(), before, "after {items} items");
        assert_eq!(scratch.run(&[&tool]), "one\n");
    }
}

#[test]
fn symlinks_in_the_root_lead_nowhere_outside() {
    let scratch = Scratch::new();
    let outside = scratch.path("outside");
    fs::create_dir(&outside).unwrap();
    let up = "../".repeat(20);
    let outside_text = outside.to_str().unwrap();
    for text in [outside_text.to_owned(), format!("{up}{}", &outside_text[1..])] {
        for name in ["usr", "etc", "lib64", "bin", "tmp"] {
            let root = scratch.path("trap");
            fs::create_dir(&root).unwrap();
            symlink(&text, root.join(name)).unwrap();
            let result = newroot_roots::init(&root, &["bash".into()], &forced(), &mut ());
            assert_eq!(listing(&outside), ["/"], "{name} -> {text}: {result:?}");
            fs::remove_dir_all(&root).unwrap();
        }
    }
}

#[test]
fn root_with_a_layout_of_its_own_keeps_it() {
    let scratch = Scratch::new();
    // /bin and /lib64 are directories here, and /usr/bin leads to /bin.
    for directory in ["root/bin", "root/dev", "root/lib64", "root/proc", "root/usr"] {
        fs::create_dir_all(scratch.path(directory)).unwrap();
    }
    symlink("../bin", scratch.path("root/usr/bin")).unwrap();
    scratch.add(&["/bin/bash", "/usr/bin/ls"]).unwrap();
    for directory in ["bin", "lib64"] {
        assert!(!scratch.root().join(directory).is_symlink());
    }
    assert_eq!(fs::read_link(scratch.root().join("usr/bin")).unwrap(), Path::new("../bin"));
    assert_eq!(scratch.run(&["/bin/bash", "-c", "/bin/ls /bin"]), "bash\nls\n");
}

#[test]
fn files_keep_mode_and_time() {
    let scratch = Scratch::new();
    let tool = scratch.script("bin/tool", "#!/bin/sh\n");
    fs::set_permissions(&tool, Permissions::from_mode(0o2511)).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_nanos(1_234_567_890_123_456_789);
    fs::File::open(&tool).unwrap().set_modified(time).unwrap();
    scratch.init(&[&tool]).unwrap();
    let copy = fs::metadata(scratch.root().join(tool.strip_prefix("/").unwrap())).unwrap();
    assert_eq!(copy.modified().unwrap(), time);
    let kept = if rustix::process::geteuid().is_root() { 0o2511 } else { 0o511 };
    assert_eq!(copy.mode() & 0o7777, kept);
}

#[test]
fn ordinary_user_gets_a_root_of_their_own() {
    let Some(home) = inner() else {
        return as_ordinary_user("ordinary_user_gets_a_root_of_their_own");
    };
    let root = Path::new(&home).join("root");
    // passwd is set-user-ID on every Debian.
    newroot_roots::init(&root, &["passwd".into(), "sh".into()], &Options::default(), &mut ()).unwrap();
    let passwd = fs::metadata(root.join("usr/bin/passwd")).unwrap();
    assert_eq!(passwd.mode() & 0o7000, 0, "set-user-ID would mean another user");
    assert_eq!(passwd.uid(), rustix::process::getuid().as_raw());
    if passwd.uid() == ORDINARY {
        let line = format!("user{ORDINARY}:x:{ORDINARY}:{ORDINARY}::{}:/bin/sh", Path::new(&home).display());
        let users = fs::read_to_string(root.join("etc/passwd")).unwrap();
        assert!(users.lines().any(|user| user == line), "{users}");
        assert!(root.join(Path::new(&home).strip_prefix("/").unwrap()).is_dir(), "a home to be in");
    }
}

#[test]
fn unreadable_program_is_named() {
    let Some(home) = inner() else {
        return as_ordinary_user("unreadable_program_is_named");
    };
    let tool = Path::new(&home).join("tool");
    fs::write(&tool, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&tool, Permissions::from_mode(0o111)).unwrap();
    let root = Path::new(&home).join("root");
    let error = newroot_roots::init(&root, &[tool.clone().into()], &Options::default(), &mut ()).unwrap_err();
    assert_eq!(message(&error), format!("cannot read '{}': Permission denied", tool.display()));
    assert!(!root.exists());
}

#[test]
fn what_is_no_program_for_this_machine_is_named() {
    let scratch = Scratch::new();
    let mut foreign = fs::read("/bin/true").unwrap();
    // EM_S390, whatever machine this is.
    foreign[18..20].copy_from_slice(&22_u16.to_le_bytes());
    let cases = [
        ("foreign", foreign, "it is a program for s390x, and this is "),
        ("text", b"hello\n".to_vec(), "it is neither an ELF program nor a script"),
        ("empty", Vec::new(), "it is neither an ELF program nor a script"),
        ("cut", fs::read("/bin/true").unwrap()[..40].to_vec(), "its ELF headers are damaged"),
        ("orphan", b"#!/no/such/sh\n".to_vec(), "its interpreter '/no/such/sh' is not on this host"),
        ("envless", b"#!/usr/bin/env no-such-sh\n".to_vec(), "its interpreter 'no-such-sh' is not"),
    ];
    for (name, content, why) in cases {
        let path = scratch.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        let error = scratch.init(&[&path]).unwrap_err();
        let start = format!("cannot add '{}': {why}", path.display());
        assert!(message(&error).starts_with(&start), "{error}");
    }
    assert_eq!(
        message(&scratch.init(&["no-such-program"]).unwrap_err()),
        "cannot find 'no-such-program': not in PATH"
    );
    assert!(!scratch.root().exists());
}

#[test]
fn default_root_is_made_once_by_whoever_comes_first() {
    if inner().is_some() {
        let root = newroot_roots::default_root(&Options::default(), &mut ()).unwrap();
        println!("root: {}", root.display());
        return;
    }
    let scratch = Scratch::new();
    let data = scratch.path("data");
    let start = || {
        again(
            Command::new("env"),
            &std::env::current_exe().unwrap(),
            "default_root_is_made_once_by_whoever_comes_first",
            "".as_ref(),
        )
        .env("XDG_DATA_HOME", &data)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
    };
    let callers: Vec<_> = (0..6).map(|_| start()).collect();
    let root = data.join("newroot/default");
    for caller in callers {
        let output = caller.wait_with_output().unwrap();
        common::expect_one_passed(&output);
        let stdout = String::from_utf8(output.stdout).unwrap();
        assert!(stdout.contains(&format!("root: {}\n", root.display())), "{stdout}");
    }
    let names: Vec<_> =
        fs::read_dir(data.join("newroot")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["default"], "the others' work is gone");
    assert_eq!(common::run_in(&root, &["sh", "-c", "echo $((6 * 7))"]), "42\n");
    // The root is found again, unchanged.
    let before = listing(&root);
    common::expect_one_passed(&start().wait_with_output().unwrap());
    assert_eq!(listing(&root), before);
}
