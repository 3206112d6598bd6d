//! The command line from outside: what a shell user sees of bad input, help and links.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, Output, Stdio};

fn newroot() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_newroot"));
    command.stdin(Stdio::null());
    command
}

fn run(command: &mut Command) -> Output {
    command.output().expect("newroot can be started")
}

/// Checks that `arguments` are refused: 125, nothing on stdout, on stderr the line
/// `<prefix>: <…message…>` and at most a hint.
fn check_refused(command: &mut Command, prefix: &str, message: &str) {
    let output = run(command);
    let stderr = String::from_utf8(output.stderr).expect("messages are text");
    assert_eq!(output.status.code(), Some(125), "{command:?}: {stderr}");
    assert!(output.stdout.is_empty(), "{command:?}");
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(lines[0].starts_with(&format!("{prefix}: ")), "{command:?}: {stderr}");
    assert!(lines[0].contains(message), "{command:?}: {stderr}");
    match lines[1..] {
        [] => {}
        [hint] => assert!(hint.starts_with("hint: "), "{command:?}: {stderr}"),
        _ => panic!("{command:?}: more than a line and a hint: {stderr}"),
    }
}

fn check_native_refused(arguments: &[&str], message: &str) {
    check_refused(newroot().args(arguments), "newroot", message);
}

fn check_proot_refused(arguments: &[&str], message: &str) {
    check_refused(newroot().arg("proot").args(arguments), "newroot", message);
    check_refused(newroot().arg0("/usr/bin/proot").args(arguments), "proot", message);
}

#[test]
fn bad_native_input_gets_one_line_and_125() {
    check_native_refused(&[], "no command given");
    check_native_refused(&["walk"], "'walk'");
    check_native_refused(&["--quick"], "'--quick'");
    check_native_refused(&["run", "--quick", "guest"], "'--quick'");
    check_native_refused(&["run", "-b"], "'--bind");
    check_native_refused(&["run", "-b", ":/x", "guest"], "no host path");
    check_native_refused(&["run", "-b", "/x:ro", "guest"], "not absolute");
    check_native_refused(&["run", "-b", "/x:/y:rx", "guest"], "'rx'");
    check_native_refused(&["run", "-b", "a:/b:ro:/c", "guest"], "colons");
    check_native_refused(&["run", "-e", "=1", "guest"], "'--env");
    check_native_refused(&["run", "-w", "", "guest"], "'--workdir");
    check_native_refused(&["run", "--engine", "steam", "guest"], "'steam'");
    check_native_refused(&["run", ""], "ROOTFS");
    check_native_refused(&["init"], "<DIR>");
    check_native_refused(&["add", "guest"], "<PROGRAM>");
    check_native_refused(&["doctor", "who"], "'who'");
    check_native_refused(&["export"], "<ROOT>");
    check_native_refused(&["export", "--format", "zip", "guest"], "'zip'");
    check_native_refused(&["export", "--mtime", "noon", "guest"], "it is no number of seconds");
    check_native_refused(&["export", "--mtime=SOURCE_DATE_EPOCH", "guest"], "which the environment hasn't");
    check_native_refused(&["export", "-o", "x.tar.zst", "guest"], "not with zstd");
    check_native_refused(&["export", "-o", "x.tbz2", "guest"], "not with bzip2");
    check_native_refused(&["export", "--compress", "zstd", "guest"], "'zstd'");
    check_native_refused(&["export", "--format=oci-layer", "--compress=xz", "guest"], "with gzip");
    check_native_refused(&["export", "--format=oci-layer", "-o", "x.tar.xz", "guest"], "with gzip");
    check_native_refused(&["import", "archive"], "<DIR>");
}

#[test]
fn bad_proot_input_gets_one_line_and_125() {
    check_proot_refused(&["-r"], "'-r' wants a directory");
    check_proot_refused(&["--rootfs="], "'--rootfs' wants a directory");
    check_proot_refused(&["-b", "/x:"], "no guest path");
    check_proot_refused(&["-b", ":/x"], "no host path");
    check_proot_refused(&["-v", "loud"], "'loud'");
    check_proot_refused(&["-z"], "unknown option '-z'");
    check_proot_refused(&["--root", "guest"], "unknown option '--root'");
    check_proot_refused(&["--kill-on-exit=yes"], "'--kill-on-exit' takes no value");
    check_proot_refused(&["-i", "root", "id"], "option '-i' wants two numbers, 'uid:gid', not 'root'");
    check_proot_refused(&["-q", "qemu-arm", "id"], "option '-q' is PRoot's");
    check_proot_refused(&["--netcoop"], "option '--netcoop' is PRoot's");
    check_proot_refused(&["--link2symlink=yes"], "'--link2symlink' takes no value");
}

#[test]
fn bytes_that_are_not_utf_8_are_refused_in_words() {
    let option = OsStr::from_bytes(b"--\xff\n");
    check_refused(newroot().arg(option), "newroot", "--");
    check_refused(newroot().args([OsStr::new("proot"), option]), "newroot", "unknown option");
}

#[test]
fn help_is_for_stdout() {
    for arguments in [&["--help"][..], &["help"], &["run", "-h"], &["proot", "--help"], &["proot", "-V"]] {
        let output = run(newroot().args(arguments));
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty(), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_into_a_closed_pipe_ends_as_the_caller_has_it() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = run(newroot().arg("--help").stdout(writer));
    assert_eq!(output.status.signal(), Some(13), "SIGPIPE is not ours to ignore");
    assert!(output.stderr.is_empty());
}

#[test]
fn full_output_device_is_an_error() {
    let full = std::fs::File::create("/dev/full").expect("it is there");
    check_refused(newroot().arg("--help").stdout(full), "newroot", "standard output");
}

#[test]
fn doctor_names_each_engine_and_tells_by_its_status_whether_one_runs() {
    let output = run(newroot().arg("doctor"));
    let report = String::from_utf8(output.stdout).expect("the report is text");
    for engine in ["trap", "namespace", "chroot"] {
        let mut lines = report.lines();
        assert!(lines.any(|line| line.split_whitespace().next() == Some(engine)), "{engine}:\n{report}");
    }
    let runs = report.contains("'auto' takes it");
    assert_eq!(output.status.code(), Some(if runs { 0 } else { 1 }), "{report}");
}

#[test]
fn init_into_a_directory_in_use_is_refused_and_changes_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    std::fs::write(directory.path().join("mine"), "mine").expect("it is writable");
    check_refused(newroot().arg("init").arg(directory.path()).arg("sh"), "newroot", "Directory not empty");
    assert_eq!(names_in(directory.path()), ["mine"]);
}

#[test]
fn import_of_what_is_no_archive_is_refused_and_leaves_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("root");
    let import = |archive: &str| {
        let mut command = newroot();
        command.arg("import").arg(archive).arg(&root);
        command
    };
    check_refused(&mut import("/no/such/archive"), "newroot", "cannot read '/no/such/archive': No such file");
    check_refused(&mut import("/"), "newroot", "cannot read '/'");
    check_refused(&mut import("/dev/null"), "newroot", "it is no tar archive");
    assert!(!root.exists());
}

#[test]
fn export_of_what_is_no_root_is_refused_and_leaves_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let archive = directory.path().join("archive");
    let mut command = newroot();
    check_refused(
        command.args(["export", "/no/such/root", "-o"]).arg(&archive),
        "newroot",
        "cannot open the root '/no/such/root': No such file",
    );
    let archive = directory.path().join("no/such/directory");
    let words = "cannot write '";
    check_refused(newroot().args(["export", "/etc", "-o"]).arg(&archive), "newroot", words);
    let output = run(newroot().args(["export", "/etc", "-o"]).arg(&archive));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.ends_with(": No such file or directory\n"), "{stderr}");
    assert_eq!(names_in(directory.path()), [""; 0]);
}

#[test]
fn init_of_a_program_that_is_nowhere_leaves_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("root");
    check_refused(newroot().arg("init").arg(&root).args(["sh", "no-such-program"]), "newroot", "PATH");
    assert!(!root.exists());
}

#[test]
fn interrupted_init_leaves_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("root");
    // The signal is pending from the start: it is seen at the first step, whenever that is. It
    // stays blocked afterwards, for that is what newroot was started with.
    let mut command = Command::new("env");
    command.args(["--block-signal=TERM", "sh", "-c", "kill -TERM $$; exec \"$0\" init \"$1\" sh"]);
    command.arg(env!("CARGO_BIN_EXE_newroot")).arg(&root);
    check_refused(&mut command, "newroot", "interrupted");
    assert!(!root.exists());
}

#[test]
fn message_goes_nowhere_else_when_stderr_is_closed() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("root");
    let script = "exec \"$0\" init \"$1\" sh 0<&- 1>&- 2>&-";
    let output = run(Command::new("sh").args(["-c", script, env!("CARGO_BIN_EXE_newroot")]).arg(&root));
    assert_eq!(output.status.code(), Some(0));
    let shell = std::fs::metadata(root.join("bin/sh")).expect("the root has a shell");
    assert!(shell.len() > 0);
}

fn names_in(directory: &std::path::Path) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(directory).expect("it is readable");
    entries.map(|entry| entry.expect("it is readable").file_name()).collect()
}
