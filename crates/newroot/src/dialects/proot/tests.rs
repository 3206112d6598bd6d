use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use newroot_engine::{Access, GuestLink, Missing, Principal};

use super::*;

fn words(text: &[&str]) -> Vec<OsString> {
    text.iter().map(OsString::from).collect()
}

fn caller() -> Caller {
    Caller {
        environment: vec![("HOME".into(), "/home/u".into())],
        working_directory: Some("/work/here".into()),
    }
}

/// Parses a command line that must be well-formed.
fn launch(arguments: &[&str]) -> Launch {
    match parse(&words(arguments), &caller()) {
        Ok(Request::Launch(launch)) => *launch,
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

/// Returns the message of a command line that must be refused.
fn refusal(arguments: &[&str]) -> String {
    match parse(&words(arguments), &caller()) {
        Err(error) => error.message,
        Ok(request) => panic!("{arguments:?} gave {request:?}"),
    }
}

fn given(arguments: &[&str]) -> CommandLine {
    CommandLine::Given(words(arguments))
}

/// Returns the bindings' guest paths, or host paths where no guest path was given.
fn guests(bindings: &[Binding]) -> Vec<&Path> {
    bindings.iter().map(|binding| binding.guest.as_deref().unwrap_or(&binding.host)).collect()
}

#[test]
fn without_arguments_it_is_a_shell_in_the_hosts_own_root() {
    let spec = launch(&[]).spec;
    assert_eq!(spec.rootfs, Path::new("/"));
    assert_eq!(spec.bindings, []);
    assert_eq!(spec.cwd, WorkingDirectory::Inherit);
    assert_eq!(spec.command, given(&["/bin/sh"]));
    assert_eq!(spec.environment, Environment::default());
    assert_eq!(spec.uname, Uname::Hosts);
    assert_eq!(spec.binding_rules, BindingRules::Proot);
    assert!(!spec.kill_on_exit);
}

#[test]
fn rootfs_is_spelled_four_ways() {
    for arguments in [&["-r", "guest"][..], &["-rguest"], &["--rootfs=guest"], &["--rootfs", "guest"]] {
        assert_eq!(launch(arguments).spec.rootfs, Path::new("guest"), "{arguments:?}");
    }
}

#[test]
fn last_rootfs_counts() {
    assert_eq!(launch(&["-r", "a", "-r", "b"]).spec.rootfs, Path::new("b"));
}

#[test]
fn bind_has_four_names() {
    let spec = launch(&["-b", "/1", "-m", "/2", "--bind", "/3", "--mount=/4"]).spec;
    assert_eq!(guests(&spec.bindings), ["/1", "/2", "/3", "/4"].map(Path::new));
    assert!(
        spec.bindings
            .iter()
            .all(|binding| binding.missing == Missing::Warn && binding.access == Access::ReadWrite)
    );
}

#[test]
fn binding_onto_a_link_itself_is_marked() {
    let spec = launch(&["-b", "a:/b!"]).spec;
    assert_eq!(spec.bindings[0].guest_link, GuestLink::Keep);
}

#[test]
fn working_directory_has_three_names() {
    for option in ["-w", "--pwd", "--cwd"] {
        assert_eq!(launch(&[option, "/srv"]).spec.cwd, WorkingDirectory::GuestOrRoot("/srv".into()));
    }
}

#[test]
fn relative_working_directory_is_meant_from_the_callers() {
    assert_eq!(launch(&["-w", "sub"]).spec.cwd, WorkingDirectory::GuestOrRoot("/work/here/sub".into()));
}

#[test]
fn first_word_ends_the_options() {
    let spec = launch(&["-r", "guest", "ls", "-r", "other", "--help"]).spec;
    assert_eq!(spec.rootfs, Path::new("guest"));
    assert_eq!(spec.command, given(&["ls", "-r", "other", "--help"]));
}

#[test]
fn two_dashes_end_the_options() {
    assert_eq!(launch(&["--", "-r", "x"]).spec.command, given(&["-r", "x"]));
    assert_eq!(launch(&["-r", "x", "--"]).spec.command, given(&["/bin/sh"]));
    assert_eq!(launch(&["ls", "--", "x"]).spec.command, given(&["ls", "--", "x"]));
}

#[test]
fn verbosity_is_a_number_and_negative_ones_are_quiet() {
    for (arguments, verbosity, quiet) in [
        (&[][..], 0, false),
        (&["-v", "1"], 1, false),
        (&["--verbose=2"], 2, false),
        (&["-v", "-1"], 0, true),
        (&["-v", "1000"], 255, false),
    ] {
        let launch = launch(arguments);
        assert_eq!(launch.spec.verbosity, verbosity, "{arguments:?}");
        assert_eq!(launch.quiet, quiet, "{arguments:?}");
    }
    assert_eq!(refusal(&["-v", "ls"]), "option '-v' needs a number, not 'ls'");
}

#[test]
fn kernel_release_and_kill_on_exit_reach_the_specification() {
    let spec = launch(&["-k", "5.4.0", "--kill-on-exit"]).spec;
    assert_eq!(spec.uname, Uname::Release("5.4.0".into()));
    assert!(spec.kill_on_exit);
    let spec = launch(&["--kernel-release=5.4.0"]).spec;
    assert_eq!(spec.uname, Uname::Release("5.4.0".into()));
}

#[test]
fn hard_links_are_the_hosts_unless_asked_otherwise() {
    assert_eq!(launch(&[]).spec.hard_links, HardLinks::OfTheHost);
    for option in ["-l", "--link2symlink"] {
        assert_eq!(launch(&[option]).spec.hard_links, HardLinks::Emulated);
    }
}

#[test]
fn arguments_need_not_be_utf_8() {
    let bytes = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    let arguments = [
        bytes(b"-rg\xff"),
        bytes(b"--bind=h\xff:/g\xff"),
        bytes(b"--pwd=/w\xff"),
        bytes(b"c\xff"),
        bytes(b"-\xff"),
    ];
    let Ok(Request::Launch(launch)) = parse(&arguments, &caller()) else {
        panic!("a launch is wanted");
    };
    assert_eq!(launch.spec.rootfs, Path::new(&bytes(b"g\xff")));
    assert_eq!(launch.spec.bindings[0].host, Path::new(&bytes(b"h\xff")));
    assert_eq!(launch.spec.cwd, WorkingDirectory::GuestOrRoot(bytes(b"/w\xff").into()));
    assert_eq!(launch.spec.command, CommandLine::Given(vec![bytes(b"c\xff"), bytes(b"-\xff")]));
}

#[test]
fn options_of_proot_that_newroot_lacks_are_named_in_the_refusal() {
    for arguments in [
        &["-q", "qemu-arm"][..],
        &["--qemu=qemu-arm"],
        &["-p", "80:8080"],
        &["-n"],
        &["--mixed-mode", "true"],
    ] {
        let message = refusal(arguments);
        let name = arguments[0].split('=').next().expect("a name");
        assert!(
            message.starts_with(&format!("newroot doesn't support PRoot's option '{name}'")),
            "{message}"
        );
        assert!(!message.contains('\n'), "{message}");
    }
}

#[test]
fn options_that_need_nothing_done_change_nothing() {
    let plain = launch(&["-r", "guest", "ls"]).spec;
    let spec = launch(&["--sysvipc", "-L", "-H", "--ashmem-memfd", "-r", "guest", "ls"]).spec;
    assert_eq!(format!("{spec:?}"), format!("{plain:?}"));
}

#[test]
fn identity_is_two_numbers() {
    let numbers = |arguments: &[&str]| {
        let identity = launch(arguments).spec.identity;
        match (identity.user, identity.group, identity.groups) {
            (Some(Principal::Number(uid)), Some(Principal::Number(gid)), Some(groups)) => {
                assert_eq!(groups, []);
                (uid, gid)
            }
            other => panic!("{arguments:?} gave {other:?}"),
        }
    };
    assert_eq!(numbers(&["-0", "id"]), (0, 0));
    assert_eq!(numbers(&["--root-id"]), (0, 0));
    assert_eq!(numbers(&["-S", "guest"]), (0, 0));
    assert_eq!(numbers(&["-i", "5:6"]), (5, 6));
    assert_eq!(numbers(&["--change-id=0:6"]), (0, 6));
    assert!(launch(&["id"]).spec.identity.is_callers());
    for wrong in ["", "5", "5:", ":6", "a:b", "5:6:7", "-1:0", "4294967295:0"] {
        assert!(refusal(&["-i", wrong]).starts_with("option '-i' needs"), "{wrong}");
    }
}

#[test]
fn unknown_options_are_refused() {
    assert_eq!(refusal(&["-x"]), "unknown option '-x'");
    assert_eq!(refusal(&["--root", "x"]), "unknown option '--root'");
    assert_eq!(refusal(&["-r", "x", "--rootf=y"]), "unknown option '--rootf'");
}

#[test]
fn values_must_be_there_and_must_not_be_superfluous() {
    assert_eq!(refusal(&["-r"]), "option '-r' needs a directory");
    assert_eq!(refusal(&["--rootfs="]), "option '--rootfs' needs a directory, not an empty one");
    assert_eq!(refusal(&["-b"]), "option '-b' needs a host[:guest[!][:ro]]");
    assert_eq!(refusal(&["--kill-on-exit=1"]), "option '--kill-on-exit' takes no value");
}

#[test]
fn help_and_version_are_printed() {
    for (names, expected) in [
        (&["-h", "--help", "--usage"], "--kernel-release"),
        (&["-V", "--version", "--about"], env!("CARGO_PKG_VERSION")),
    ] {
        for name in names {
            match parse(&words(&[name]), &caller()) {
                Ok(Request::Print(text)) => {
                    assert!(text.contains(expected), "{text}");
                    assert!(text.ends_with('\n'), "{name}");
                }
                other => panic!("{name} gave {other:?}"),
            }
        }
    }
}

#[test]
fn recommended_root_binds_what_the_manual_lists() {
    let spec = launch(&["-R", "guest"]).spec;
    assert_eq!(spec.rootfs, Path::new("guest"));
    let guests = guests(&spec.bindings);
    for path in [
        "/etc/host.conf",
        "/etc/hosts",
        "/etc/hosts.equiv",
        "/etc/mtab",
        "/etc/netgroup",
        "/etc/networks",
        "/etc/passwd",
        "/etc/group",
        "/etc/nsswitch.conf",
        "/etc/resolv.conf",
        "/etc/localtime",
        "/dev",
        "/sys",
        "/proc",
        "/tmp",
        "/run",
        "/var/run/dbus/system_bus_socket",
        "/home/u",
        "/work/here/guest",
    ] {
        assert!(guests.contains(&Path::new(path)), "{path} is missing");
    }
    assert!(spec.bindings.iter().all(|binding| binding.missing == Missing::Ignore));
}

#[test]
fn recommended_root_at_its_own_path_has_the_same_bindings() {
    let spec = launch(&["-b", "data:/srv", "-R", ".", "-b", "/opt"]).spec;
    let guests = guests(&spec.bindings);
    for path in ["/dev", "/etc/hosts", "/srv", "/opt"] {
        let below = format!("/work/here/.{path}");
        assert!(guests.contains(&Path::new(&below)), "{below} is missing");
        assert!(guests.contains(&Path::new(path)), "{path} is missing");
    }
}

#[test]
fn named_bindings_prevail_over_recommended_ones() {
    let spec = launch(&["-b", "mine:/etc/hosts", "-R", "guest"]).spec;
    let last = spec
        .bindings
        .iter()
        .rfind(|binding| binding.guest.as_deref() == Some(Path::new("/etc/hosts")))
        .expect("it is bound");
    assert_eq!(last.host, Path::new("mine"));
    assert_eq!(last.missing, Missing::Warn);
}

#[test]
fn recommended_root_never_hides_the_root_itself() {
    let mut caller = caller();
    caller.environment[0].1 = "/".into();
    for root in ["guest", "/"] {
        let Ok(Request::Launch(launch)) = parse(&words(&["-R", root]), &caller) else {
            panic!("a launch is wanted");
        };
        assert!(!guests(&launch.spec.bindings).contains(&Path::new("/")), "{root}");
    }
}
