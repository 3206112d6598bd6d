use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use newroot_engine::Principal;

use super::*;

fn words(text: &[&str]) -> Vec<OsString> {
    text.iter().map(OsString::from).collect()
}

fn caller(shell: Option<&str>) -> Caller {
    Caller {
        environment: shell.map(|shell| ("SHELL".into(), shell.into())).into_iter().collect(),
        working_directory: Some("/work".into()),
    }
}

fn launch(arguments: &[&str]) -> Launch {
    match parse(&words(arguments), &caller(None)) {
        Ok(Request::Launch(launch)) => *launch,
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

fn refusal(arguments: &[&str]) -> String {
    match parse(&words(arguments), &caller(None)) {
        Err(error) => error.message,
        Ok(request) => panic!("{arguments:?} gave {request:?}"),
    }
}

#[test]
fn bare_root_gets_no_bindings_and_starts_in_its_root_directory() {
    let spec = launch(&["guest", "ls"]).spec;
    assert_eq!(spec.rootfs, Path::new("guest"));
    assert_eq!(spec.bindings, []);
    assert_eq!(spec.cwd, WorkingDirectory::Guest("/".into()));
    assert_eq!(spec.environment, Environment::default());
    assert!(spec.identity.is_callers());
}

#[test]
fn without_a_command_it_is_the_callers_shell() {
    for (shell, expected) in [(None, "/bin/sh"), (Some("/bin/zsh"), "/bin/zsh"), (Some(""), "")] {
        let Ok(Request::Launch(launch)) = parse(&words(&["guest"]), &caller(shell)) else {
            panic!("a launch is wanted");
        };
        assert_eq!(launch.spec.command, CommandLine::Given(words(&[expected, "-i"])), "{shell:?}");
    }
}

#[test]
fn everything_behind_the_root_is_the_commands() {
    let spec = launch(&["--", "guest", "--", "ls", "--help"]).spec;
    assert_eq!(spec.command, CommandLine::Given(words(&["--", "ls", "--help"])));
}

#[test]
fn options_may_be_cut_short_and_the_last_counts() {
    let spec = launch(&["--user=a:b", "--userspec", "500", "--g", "4,+24", "--skip", "/"]).spec;
    assert_eq!(spec.identity.user, Some(Principal::Named("500".into())));
    assert_eq!(spec.identity.group, None);
    assert_eq!(spec.identity.groups, Some(vec![Principal::Named("4".into()), Principal::Number(24)]));
    assert_eq!(spec.cwd, WorkingDirectory::Leave);
}

#[test]
fn mounts_come_before_what_is_named() {
    let spec = launch(&["--ro-bind", "a:/proc", "--mount", "--bind=b", "guest"]).spec;
    let last: Vec<_> = spec.bindings.iter().rev().take(2).map(|binding| binding.host.as_path()).collect();
    assert_eq!(last, [Path::new("b"), Path::new("a")]);
    assert_eq!(spec.bindings[MOUNTS.len()].access, Access::ReadOnly);
    assert!(spec.bindings.iter().any(|binding| binding.host == Path::new("/etc/resolv.conf")));
    let fresh: Vec<_> = spec.fresh.iter().map(|fresh| (fresh.guest.as_path(), fresh.mode)).collect();
    assert_eq!(fresh, [(Path::new("/run"), 0o755), (Path::new("/tmp"), 0o1777)]);
    assert!(launch(&["guest"]).spec.fresh.is_empty());
}

#[test]
fn arguments_need_not_be_utf_8() {
    let bytes = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    let arguments = [bytes(b"--userspec=u\xff:g\xff"), bytes(b"r\xff"), bytes(b"c\xff")];
    let Ok(Request::Launch(launch)) = parse(&arguments, &caller(None)) else {
        panic!("a launch is wanted");
    };
    assert_eq!(launch.spec.identity.user, Some(Principal::Named(bytes(b"u\xff"))));
    assert_eq!(launch.spec.rootfs, Path::new(&bytes(b"r\xff")));
    assert_eq!(launch.spec.command, CommandLine::Given(vec![bytes(b"c\xff")]));
}

#[test]
fn complaints_are_chroots() {
    for (arguments, expected) in [
        (&[][..], "missing operand"),
        (&["--foo", "r"], "unrecognized option '--foo'"),
        (&["-x", "r"], "invalid option -- 'x'"),
        (&["--userspec"], "option '--userspec' requires an argument"),
        (&["--skip-chdir=1", "/"], "option '--skip-chdir' doesn't allow an argument"),
        (&["--skip=1", "/"], "option '--skip-chdir' doesn't allow an argument"),
        (&["--groups=,", "r"], "invalid group list ','"),
        (&["--userspec=+x", "r"], "invalid user: '+x'"),
    ] {
        assert_eq!(refusal(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn help_and_version_are_printed() {
    for (argument, expected) in [("--help", "--userspec"), ("--version", env!("CARGO_PKG_VERSION"))] {
        match parse(&words(&[argument]), &caller(None)) {
            Ok(Request::Print(text)) => assert!(text.contains(expected) && text.ends_with('\n'), "{text}"),
            other => panic!("{argument} gave {other:?}"),
        }
    }
}
