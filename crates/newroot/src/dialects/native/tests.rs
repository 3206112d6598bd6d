use std::os::unix::ffi::OsStrExt;

use newroot_archive::Output;
use newroot_engine::EngineChoice;

use super::*;

fn words(text: &[&str]) -> Vec<OsString> {
    text.iter().map(OsString::from).collect()
}

fn caller() -> Caller {
    Caller {
        environment: vec![
            ("HOME".into(), "/home/u".into()),
            ("SHELL".into(), "/bin/zsh".into()),
            ("LANG".into(), "C".into()),
        ],
        working_directory: Some("/work".into()),
    }
}

/// Parses `newroot run …`, which must be well-formed.
fn run(arguments: &[&str]) -> Launch {
    let mut all = words(&["run"]);
    all.extend(words(arguments));
    match parse(&all, &caller()) {
        Ok(Request::Launch(launch)) => *launch,
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

/// Returns the message and the hint of a command line that must be refused.
fn refusal(arguments: &[&str]) -> (String, String) {
    match parse(&words(arguments), &caller()) {
        Err(error) => (error.message, error.hint.unwrap_or_default()),
        Ok(request) => panic!("{arguments:?} gave {request:?}"),
    }
}

fn given(arguments: &[&str]) -> CommandLine {
    CommandLine::Given(words(arguments))
}

#[test]
fn definition_is_sound() {
    command().debug_assert();
    parser().debug_assert();
}

#[test]
fn options_after_the_root_belong_to_the_command() {
    let launch = run(&["guest", "ls", "-v", "--help", "--", "-b"]);
    assert_eq!(launch.spec.rootfs, Path::new("guest"));
    assert_eq!(launch.spec.command, given(&["ls", "-v", "--help", "--", "-b"]));
    assert_eq!(launch.spec.verbosity, 0);
}

#[test]
fn dashes_between_root_and_command_are_dropped_once() {
    assert_eq!(run(&["guest", "--", "ls"]).spec.command, given(&["ls"]));
    assert_eq!(run(&["guest", "--", "--", "ls"]).spec.command, given(&["--", "ls"]));
    assert_eq!(run(&["guest", "--", "-x"]).spec.command, given(&["-x"]));
}

#[test]
fn archive_of_an_export_goes_where_it_is_asked_to() {
    let export = |words: &[&str]| {
        let arguments: Vec<OsString> = ["export"].iter().chain(words).map(OsString::from).collect();
        match parse(&arguments, &caller()) {
            Ok(Request::Export { root, options }) if root == Path::new("guest") => options,
            other => panic!("{words:?} gave {other:?}"),
        }
    };
    assert_eq!(export(&["guest"]).output, Output::Stdout);
    assert_eq!(export(&["-o", "-", "guest"]).output, Output::Stdout);
    let options = export(&["guest", "--output", "a.tar", "--format=oci-layer", "--mtime", "-5"]);
    assert_eq!(options.output, Output::File("a.tar".into()));
    assert_eq!((options.format, options.latest), (newroot_archive::Format::OciLayer, Some(-5)));
}

#[test]
fn dashes_in_front_of_the_command_mean_the_default_root() {
    for (arguments, command) in [
        (&["--", "ls"][..], &["ls"][..]),
        (&["-v", "--", "ls", "-l"], &["ls", "-l"]),
        (&["-w", "/srv", "--", "ls", "--", "x"], &["ls", "--", "x"]),
    ] {
        let launch = run(arguments);
        assert!(launch.default_root, "{arguments:?}");
        assert_eq!(launch.spec.rootfs, Path::new(""));
        assert_eq!(launch.spec.command, given(command), "{arguments:?}");
    }
}

#[test]
fn root_in_front_of_dashes_is_not_the_default_root() {
    for arguments in [&["guest"][..], &["guest", "--"], &["guest", "--", "ls"]] {
        let launch = run(arguments);
        assert!(!launch.default_root, "{arguments:?}");
        assert_eq!(launch.spec.rootfs, Path::new("guest"), "{arguments:?}");
    }
}

#[test]
fn recommended_bindings_come_first_and_may_be_missing() {
    let bindings = run(&["-b", "a:/tmp", "guest"]).spec.bindings;
    let hosts: Vec<&Path> = bindings.iter().map(|binding| &*binding.host).collect();
    let expected = ["/proc", "/sys", "/dev", "/tmp", "/etc/resolv.conf", "/etc/hosts", "a"];
    assert_eq!(hosts, expected.map(Path::new));
    assert!(bindings[..6].iter().all(|binding| binding.missing == Missing::Ignore));
    assert_eq!(bindings[6].missing, Missing::Fail);
}

#[test]
fn root_has_the_roots_own_tmp_unless_it_is_named() {
    let hosts = |arguments: &[&str]| -> Vec<std::path::PathBuf> {
        run(arguments).spec.bindings.into_iter().map(|binding| binding.host).collect()
    };
    assert!(!hosts(&["--root", "guest"]).contains(&"/tmp".into()));
    assert!(hosts(&["--root", "guest"]).contains(&"/dev".into()));
    assert_eq!(hosts(&["--root", "-b", "/tmp", "guest"]).last(), Some(&"/tmp".into()));
    assert!(hosts(&["--user", "33", "guest"]).contains(&"/tmp".into()));
}

#[test]
fn no_recommended_leaves_the_named_bindings() {
    let launch = run(&["--no-recommended", "--bind", "/a", "--bind=/b", "-b/c", "guest"]);
    let hosts: Vec<_> = launch.spec.bindings.iter().map(|b| &*b.host).collect();
    assert_eq!(hosts, ["/a", "/b", "/c"].map(Path::new));
}

#[test]
fn working_directory_is_a_guest_path() {
    assert_eq!(run(&["-w", "/srv", "guest"]).spec.cwd, WorkingDirectory::Guest("/srv".into()));
    assert_eq!(run(&["guest"]).spec.cwd, WorkingDirectory::InheritOrRoot);
}

#[test]
fn default_command_is_a_shell_of_the_guest() {
    let CommandLine::FirstOf { programs, .. } = run(&["guest"]).spec.command else {
        panic!("a command was not given");
    };
    assert_eq!(programs[0], Path::new("/bin/zsh"));
    assert!(programs.contains(&"/bin/sh".into()));
}

#[test]
fn shells_are_looked_for_once() {
    let mut caller = caller();
    caller.environment.insert(0, ("SHELL".into(), "/bin/bash".into()));
    let CommandLine::FirstOf { mut programs, .. } = shell(&caller) else {
        panic!("a list of shells is wanted");
    };
    assert_eq!(programs[0], Path::new("/bin/bash"));
    let all = programs.len();
    programs.sort();
    programs.dedup();
    assert_eq!(programs.len(), all);
}

#[test]
fn environment_is_inherited_with_what_fits_the_guest() {
    let environment = run(&["-e", "A=1", "-e", "LANG", "-e", "MISSING", "guest"]).spec.environment;
    assert_eq!(
        environment,
        Environment {
            clear: false,
            guest_defaults: true,
            home: None,
            set: vec![("A".into(), Some("1".into())), ("LANG".into(), Some("C".into())),],
        }
    );
    assert!(run(&["--clear-env", "guest"]).spec.environment.clear);
}

#[test]
fn engine_is_chosen_by_name() {
    assert_eq!(run(&["guest"]).spec.engine, EngineChoice::Auto);
    assert_eq!(run(&["--engine", "trap", "guest"]).spec.engine, EngineChoice::Trap);
    let (message, _) = refusal(&["run", "--engine", "magic", "guest"]);
    assert!(message.contains("magic"), "{message}");
    assert!(message.contains("auto, trap"), "{message}");
}

#[test]
fn switches_reach_the_specification() {
    let launch = run(&["-vv", "--kill-on-exit", "guest"]);
    assert_eq!(launch.spec.verbosity, 2);
    assert!(launch.spec.kill_on_exit);
}

#[test]
fn arguments_need_not_be_utf_8() {
    let name = OsStr::from_bytes(b"gu\xffest");
    let arguments = [OsStr::new("run"), name, name].map(OsStr::to_owned);
    match parse(&arguments, &caller()) {
        Ok(Request::Launch(launch)) => {
            assert_eq!(launch.spec.rootfs, Path::new(name));
            assert_eq!(launch.spec.command, CommandLine::Given(vec![name.into()]));
        }
        other => panic!("gave {other:?}"),
    }
}

#[test]
fn malformed_binding_is_named() {
    let (message, _) = refusal(&["run", "-b", "/x:/y:zz", "guest"]);
    assert_eq!(
        message,
        "invalid value '/x:/y:zz' for '--bind <HOST[:GUEST[:ro]]>': 'zz' is neither 'ro' nor 'rw'"
    );
}

#[test]
fn complaints_are_one_line_with_a_hint() {
    for arguments in [
        &[][..],
        &["rum"],
        &["run", "--bnid", "x", "guest"],
        &["run", "-b"],
        &["run", "-w", "", "guest"],
        &["run", ""],
        &["run", "-e", "=x", "guest"],
        &["init"],
        &["init", "--forec", "x"],
        &["add", "x"],
        &["doctor", "x"],
    ] {
        let (message, hint) = refusal(arguments);
        for line in [&message, &hint] {
            assert!(!line.contains('\n'), "{arguments:?}: {line}");
        }
        assert!(!message.is_empty() && !message.starts_with("error"), "{message}");
    }
}

#[test]
fn similar_option_is_hinted_at() {
    let (message, hint) = refusal(&["run", "--bnd", "x", "guest"]);
    assert!(message.contains("--bnd"), "{message}");
    assert!(hint.contains("--bind"), "{hint}");
}

#[test]
fn init_and_add_take_programs() {
    match parse(&words(&["init", "-f", "jail", "sh", "/bin/ls"]), &caller()) {
        Ok(Request::Init { directory, programs, force, verbose }) => {
            assert_eq!(directory, Path::new("jail"));
            assert_eq!(programs, words(&["sh", "/bin/ls"]));
            assert!(force && !verbose);
        }
        other => panic!("gave {other:?}"),
    }
    match parse(&words(&["add", "-v", "jail", "git"]), &caller()) {
        Ok(Request::Add { directory, programs, force, verbose }) => {
            assert_eq!(directory, Path::new("jail"));
            assert_eq!(programs, words(&["git"]));
            assert!(verbose && !force);
        }
        other => panic!("gave {other:?}"),
    }
}

#[test]
fn help_and_version_are_printed() {
    for (arguments, expected) in [
        (&["--help"][..], "Usage: newroot"),
        (&["run", "--help"], "newroot run [OPTIONS] ROOTFS"),
        (&["run", "-h"], "--no-recommended"),
        (&["help", "run"], "--no-recommended"),
        (&["help", "proot"], "--kernel-release"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        match parse(&words(arguments), &caller()) {
            Ok(Request::Print(text)) => {
                assert!(text.contains(expected), "{arguments:?}:\n{text}");
                assert!(text.ends_with('\n'), "{arguments:?}");
            }
            other => panic!("{arguments:?} gave {other:?}"),
        }
    }
}

#[test]
fn home_is_bound_in_front_of_what_is_named() {
    let spec = run(&["--home", "-b", "a", "guest"]).spec;
    assert_eq!(spec.environment.home.as_deref(), Some(Path::new("/home/u")));
    let last: Vec<_> = spec.bindings.iter().rev().take(2).map(|binding| binding.host.as_path()).collect();
    assert_eq!(last, [Path::new("a"), Path::new("/home/u")]);
}

#[test]
fn entry_of_the_user_is_shown_unless_the_root_is_to_be_as_it_is() {
    for (option, accounts) in [("-v", true), ("--no-passwd", false), ("--no-recommended", false)] {
        assert_eq!(run(&[option, "guest"]).spec.accounts, accounts, "{option}");
    }
}
