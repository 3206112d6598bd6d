//! The command line from outside: what a shell user sees for bad input, help and links.

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

/// Checks that `arguments` are refused: 125, nothing on stdout, on stderr the line `<prefix>:
/// <…message…>` and at most a hint.
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
    check_native_refused(&["export", "--mtime", "noon", "guest"], "it is not a number of seconds");
    check_native_refused(
        &["export", "--mtime=SOURCE_DATE_EPOCH", "guest"],
        "which isn't set in the environment",
    );
    check_native_refused(&["export", "-o", "x.tar.zst", "guest"], "not with zstd");
    check_native_refused(&["export", "-o", "x.tbz2", "guest"], "not with bzip2");
    check_native_refused(&["export", "--compress", "zstd", "guest"], "'zstd'");
    check_native_refused(&["export", "--format=oci-layer", "--compress=xz", "guest"], "with gzip");
    check_native_refused(&["export", "--format=oci-layer", "-o", "x.tar.xz", "guest"], "with gzip");
    check_native_refused(&["import", "archive"], "<DIR>");
}

/// Returns the hint that a refused command line gets.
fn hint_for(arguments: &[&str]) -> String {
    let output = run(newroot().args(arguments));
    assert_eq!(output.status.code(), Some(125), "{arguments:?}: {output:?}");
    let stderr = String::from_utf8(output.stderr).expect("messages are text");
    let hint = stderr.lines().nth(1).and_then(|line| line.strip_prefix("hint: "));
    hint.unwrap_or_else(|| panic!("{arguments:?}: no hint in {stderr}")).to_owned()
}

#[test]
fn words_of_other_programs_lead_to_newroots() {
    for (arguments, words) in [
        (&["pull", "debian"][..], "newroot import - DIR"),
        (&["exec", "-it", "debian", "sh"], "newroot run DIR COMMAND"),
        (&["ps"], "host's ps"),
        (&["list"], "a root is any directory"),
        (&["./debian", "ls"], "newroot run ./debian ls"),
        (&["run", "--rm", "./debian"], "leave it out"),
        (&["run", "-v", "/a:/b", "./debian"], "-b /a:/b"),
        (&["run", "--ro-bind", "/a", "/b", "./debian"], "--bind HOST:GUEST:ro"),
        (&["run", "--uid", "0", "./debian"], "--user USER[:GROUP]"),
        (&["run", "--rootfs", "./debian"], "newroot run ROOTFS"),
        (&["run", "no-such-image:12"], "docker export"),
        (&["run", "docker://debian"], "docker export"),
        (&["run", "/etc/passwd"], "newroot import /etc/passwd DIR"),
    ] {
        let hint = hint_for(arguments);
        assert!(hint.contains(words), "{arguments:?}: {hint}");
    }
}

#[test]
fn bad_proot_input_gets_one_line_and_125() {
    check_proot_refused(&["-r"], "'-r' needs a directory");
    check_proot_refused(&["--rootfs="], "'--rootfs' needs a directory");
    check_proot_refused(&["-b", "/x:"], "no guest path");
    check_proot_refused(&["-b", ":/x"], "no host path");
    check_proot_refused(&["-v", "loud"], "'loud'");
    check_proot_refused(&["-z"], "unknown option '-z'");
    check_proot_refused(&["--root", "guest"], "unknown option '--root'");
    check_proot_refused(&["--kill-on-exit=yes"], "'--kill-on-exit' takes no value");
    check_proot_refused(&["-i", "root", "id"], "option '-i' needs two numbers, 'uid:gid', not 'root'");
    check_proot_refused(&["-q", "qemu-arm", "id"], "doesn't support PRoot's option '-q'");
    check_proot_refused(&["--netcoop"], "doesn't support PRoot's option '--netcoop'");
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
fn help_is_for_newroots_own_words() {
    let output = run(newroot().args(["run", "--help"]));
    let help = String::from_utf8(output.stdout).expect("it is text");
    assert!(help.starts_with("Run a command with a directory as its `/`\n"), "{help}");
    let options: Vec<&str> = help
        .lines()
        .filter_map(|line| line.strip_prefix("  ").map(str::trim_start).filter(|line| line.starts_with('-')))
        .collect();
    assert!(options.iter().any(|option| option.starts_with("-b, --bind <")), "{options:?}");
    for word in ["--volume", "--mount", "--interactive", "--bind-ro", "--unshare-net", "--fakeroot", "-B"] {
        let is_option = |line: &&str| line.split([' ', ',']).any(|part| part == word) && line.contains('<');
        assert!(!options.iter().any(is_option), "{word} in {options:?}");
    }
}

#[test]
fn help_into_a_closed_pipe_ends_as_the_caller_has_it() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = run(newroot().arg("--help").stdout(writer));
    assert_eq!(output.status.signal(), Some(13), "newroot leaves SIGPIPE to the caller");
    assert!(output.stderr.is_empty());
}

#[test]
fn full_output_device_is_an_error() {
    let full = std::fs::File::create("/dev/full").expect("it is there");
    check_refused(newroot().arg("--help").stdout(full), "newroot", "standard output");
}

#[test]
fn doctor_lists_each_engine_and_its_status_says_whether_one_runs() {
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
fn import_of_no_archive_is_refused_and_leaves_nothing() {
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
fn export_of_no_root_is_refused_and_leaves_nothing() {
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
fn init_of_a_missing_program_leaves_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("root");
    check_refused(newroot().arg("init").arg(&root).args(["sh", "no-such-program"]), "newroot", "PATH");
    assert!(!root.exists());
}

#[test]
fn init_reports_skipped_files_if_asked_to() {
    let directory = tempfile::tempdir().expect("a directory");
    // A git without an exec path of its own.
    let git = directory.path().join("git");
    std::fs::write(&git, "#!/bin/sh\n").expect("it is writable");
    std::fs::set_permissions(&git, std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .expect("this test made it");
    let messages = |options: &[&str], root: &str| {
        let mut command = newroot();
        command.arg("init").args(options).arg(directory.path().join(root)).arg(&git);
        let output = run(&mut command);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        String::from_utf8(output.stderr).expect("messages are text")
    };
    assert_eq!(messages(&[], "quiet"), "");
    let skipped = messages(&["-v"], "verbose");
    let expected = format!(
        "newroot: skipping '--exec-path' for '{}': the program names no file of this host",
        git.display()
    );
    assert!(skipped.lines().any(|line| line == expected), "{skipped}");
}

#[test]
fn interrupted_init_leaves_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let root = directory.path().join("root");
    // The signal is pending from the start, so newroot sees it at its first step, whenever that is.
    // It stays blocked afterwards because newroot was started with it blocked.
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

/// Returns bash's completions for a command line whose last word is being typed.
fn completed_by_bash(words: &[&str]) -> Vec<String> {
    // Calls the function that the script has registered, as bash calls it.
    let script = r#"
        source <("$0" completions bash)
        [[ $(complete -p newroot) =~ -F\ ([^ ]+) ]] || exit 3
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
        "${BASH_REMATCH[1]}" newroot "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script, env!("CARGO_BIN_EXE_newroot")]).args(words);
    let output = run(&mut bash);
    assert!(output.status.success() && output.stderr.is_empty(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("it is text").lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_options_and_values() {
    assert_eq!(completed_by_bash(&["newroot", "ru"]), ["run"]);
    assert_eq!(completed_by_bash(&["newroot", "run", "--bin"]), ["--bind"]);
    assert_eq!(completed_by_bash(&["newroot", "run", "--engine", "tr"]), ["trap"]);
    assert_eq!(completed_by_bash(&["newroot", "completions", "fi"]), ["fish"]);
    let commands = completed_by_bash(&["newroot", ""]);
    for name in
        ["run", "init", "add", "export", "import", "doctor", "completions", "man", "links", "proot", "chroot"]
    {
        assert!(commands.iter().any(|command| command == name), "{name} in {commands:?}");
    }
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(newroot().args(["completions", shell]));
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = String::from_utf8(output.stdout).expect("it is text");
        assert!(script.contains("kill-on-exit"), "{shell}: {script}");
        // A shell that is installed parses the script.
        if ["bash", "zsh", "fish"].contains(&shell)
            && let Ok(mut child) = Command::new(shell).arg("-n").stdin(Stdio::piped()).spawn()
        {
            let mut stdin = child.stdin.take().expect("it is a pipe");
            std::io::Write::write_all(&mut stdin, script.as_bytes()).expect("the shell reads");
            drop(stdin);
            assert!(child.wait().expect("the shell runs").success(), "{shell}");
        }
    }
    check_native_refused(&["completions", "tcsh"], "'tcsh'");
}

#[test]
fn manual_pages_are_written_and_a_formatter_takes_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let pages = directory.path().join("share/man/man1");
    let output = run(newroot().arg("man").arg(&pages));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let names = names_in(&pages);
    for name in ["newroot.1", "newroot-run.1", "newroot-links.1", "newroot-proot.1", "newroot-chroot.1"] {
        assert!(names.iter().any(|known| known == name), "{name} in {names:?}");
    }
    // A second run replaces the pages.
    assert_eq!(run(newroot().arg("man").arg(&pages)).status.code(), Some(0));
    assert_eq!(names_in(&pages).len(), names.len());
    let formatters: [&[&str]; 2] =
        [&["groff", "-man", "-ww", "-z", "-Tutf8"], &["mandoc", "-T", "lint", "-W", "warning"]];
    let mut checked = 0;
    for formatter in formatters {
        for name in &names {
            let Ok(output) = Command::new(formatter[0]).args(&formatter[1..]).arg(pages.join(name)).output()
            else {
                println!("skipped: {} is not on this host", formatter[0]);
                break;
            };
            let complaints = [output.stdout, output.stderr].concat();
            assert!(complaints.is_empty(), "{name:?}: {}", String::from_utf8_lossy(&complaints));
            checked += 1;
        }
    }
    assert!(checked > 0 || std::env::var_os("CI").is_none(), "CI can install groff");
}

#[test]
fn manual_pages_of_others_are_not_overwritten() {
    let directory = tempfile::tempdir().expect("a directory");
    let theirs = directory.path().join("newroot-run.1");
    std::fs::write(&theirs, "mine\n").expect("it is writable");
    check_refused(
        newroot().arg("man").arg(directory.path()),
        "newroot",
        "a file that newroot didn't make is in the way",
    );
    assert_eq!(names_in(directory.path()), ["newroot-run.1"]);
    assert_eq!(std::fs::read(theirs).expect("it is there"), b"mine\n");
}

#[test]
fn links_speak_the_dialects_and_have_pages() {
    let directory = tempfile::tempdir().expect("a directory");
    let bin = directory.path().join("bin");
    for _ in 0..2 {
        let output = run(newroot().arg("links").arg(&bin));
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
    let own = std::fs::canonicalize(env!("CARGO_BIN_EXE_newroot")).expect("it is there");
    for name in ["proot", "chroot"] {
        let link = bin.join(name);
        assert_eq!(std::fs::read_link(&link).expect("a link"), own);
        let help = run(Command::new(&link).arg("--help").stdin(Stdio::null()));
        assert!(
            String::from_utf8_lossy(&help.stdout).contains(&format!("newroot {name} [OPTION")),
            "{help:?}"
        );
        let page = directory.path().join("share/man/man1").join(format!("{name}.1"));
        assert!(std::fs::read_to_string(page).expect("a page").contains(&format!(".TH {name} 1")));
    }
    assert_eq!(names_in(directory.path()).len(), 2, "bin and share, and nothing else");
}

#[test]
fn links_beside_newroot_are_relative() {
    let directory = tempfile::tempdir().expect("a directory");
    let bin = directory.path().join("bin");
    std::fs::create_dir(&bin).expect("it is writable");
    std::fs::copy(env!("CARGO_BIN_EXE_newroot"), bin.join("newroot")).expect("a copy");
    let output = run(Command::new(bin.join("newroot")).args(["links", "."]).current_dir(&bin));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(std::fs::read_link(bin.join("proot")).expect("a link"), std::path::Path::new("newroot"));
    assert!(directory.path().join("share/man/man1/proot.1").is_file());
    // Links that move together with newroot still work.
    let moved = directory.path().join("moved");
    std::fs::rename(&bin, &moved).expect("this test made it");
    assert!(run(Command::new(moved.join("proot")).arg("-V")).status.success());
}

#[test]
fn links_never_replace_other_files() {
    let directory = tempfile::tempdir().expect("a directory");
    let tools = directory.path().join("tools");
    std::fs::create_dir(&tools).expect("it is writable");
    let pages = directory.path().join("pages");
    let links = || {
        let mut command = newroot();
        command.arg("links").arg(&tools).arg("--man").arg(&pages);
        command
    };
    let words = "a file that newroot didn't make is in the way";
    std::fs::write(tools.join("chroot"), "mine").expect("it is writable");
    check_refused(&mut links(), "newroot", words);
    assert_eq!(names_in(&tools), ["chroot"]);
    assert!(!pages.exists());
    // Links to other programs, and directories, are no links to newroot and stay.
    std::fs::remove_file(tools.join("chroot")).expect("this test made it");
    std::os::unix::fs::symlink("/usr/sbin/chroot", tools.join("chroot")).expect("a link");
    check_refused(&mut links(), "newroot", words);
    std::fs::remove_file(tools.join("chroot")).expect("this test made it");
    std::fs::create_dir(tools.join("chroot")).expect("a directory");
    check_refused(&mut links(), "newroot", words);
    std::fs::remove_dir(tools.join("chroot")).expect("it is empty");
    std::fs::create_dir(&pages).expect("it is writable");
    std::fs::write(pages.join("proot.1"), ".TH PROOT 1\n").expect("it is writable");
    check_refused(&mut links(), "newroot", words);
    assert_eq!(names_in(&tools), [""; 0]);
    // A dangling link of an older newroot is replaced.
    std::fs::remove_file(pages.join("proot.1")).expect("this test made it");
    std::os::unix::fs::symlink("/gone/newroot", tools.join("proot")).expect("a link");
    assert_eq!(run(&mut links()).status.code(), Some(0));
    assert!(run(Command::new(tools.join("proot")).arg("-V")).status.success());
}

#[test]
fn links_that_cannot_all_be_made_are_not_made() {
    let directory = tempfile::tempdir().expect("a directory");
    let tools = directory.path().join("a/tools");
    // The pages can't be written below a file.
    std::fs::write(directory.path().join("file"), "").expect("it is writable");
    let mut command = newroot();
    command.arg("links").arg(&tools).arg("--man").arg(directory.path().join("file/man1"));
    check_refused(&mut command, "newroot", "Not a directory");
    assert_eq!(names_in(directory.path()), ["file"]);
}

fn names_in(directory: &std::path::Path) -> Vec<std::ffi::OsString> {
    let entries = std::fs::read_dir(directory).expect("it is readable");
    entries.map(|entry| entry.expect("it is readable").file_name()).collect()
}
