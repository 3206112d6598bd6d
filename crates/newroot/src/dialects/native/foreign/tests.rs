use std::collections::HashSet;

use super::super::{parser, usage};
use super::*;
use crate::caller::Caller;
use crate::dialects::{Launch, Request, native};

/// Every long option of `docker run`, with which `podman run` shares most of its own.
const DOCKER: &str = "--add-host --annotation --attach --blkio-weight --cap-add --cap-drop --cgroup-parent \
    --cgroupns --cidfile --cpu-period --cpu-quota --cpu-shares --cpus --cpuset-cpus --cpuset-mems --detach \
    --detach-keys --device --device-read-bps --device-write-bps --disable-content-trust --dns --dns-option \
    --dns-search --domainname --entrypoint --env --expose --gpus --group-add --health-cmd --health-interval \
    --health-retries --health-timeout --hostname --init --interactive --ip --ip6 --ipc --isolation --label \
    --label-file --link --link-local-ip --log-driver --log-opt --mac-address --memory --memory-reservation \
    --memory-swap --memory-swappiness --mount --name --network --network-alias --no-healthcheck \
    --oom-kill-disable --oom-score-adj --pid --pids-limit --platform --privileged --publish --publish-all --pull \
    --restart --rm --runtime --security-opt --shm-size --sig-proxy --stop-signal --stop-timeout --storage-opt \
    --sysctl --tty --ulimit --user --userns --uts --volume --volumes-from --workdir";

const DOCKER_SHORT: &str = "-a -c -d -e -h -i -l -m -p -P -t -u -v -w";

const PODMAN: &str = "--arch --authfile --cgroups --conmon-pidfile --creds --env-host --env-merge --gidmap \
    --group-entry --hostuser --http-proxy --no-hosts --os --passwd --passwd-entry --pod --preserve-fds --replace \
    --requires --rootfs --secret --subgidname --subuidname --systemd --tls-verify --tz --uidmap --umask --variant";

const BWRAP: &str = "--args --argv0 --level-prefix --unshare-all --share-net --unshare-user --unshare-user-try \
    --unshare-ipc --unshare-pid --unshare-net --unshare-uts --unshare-cgroup --unshare-cgroup-try --userns \
    --userns2 --disable-userns --assert-userns-disabled --pidns --uid --gid --hostname --chdir --clearenv --setenv \
    --unsetenv --lock-file --sync-fd --bind --bind-try --dev-bind --dev-bind-try --ro-bind --ro-bind-try \
    --remount-ro --overlay-src --overlay --tmp-overlay --ro-overlay --exec-label --file-label --proc --dev --mqueue \
    --dir --file --bind-data --ro-bind-data --symlink --seccomp --add-seccomp-fd --block-fd --userns-block-fd \
    --info-fd --json-status-fd --new-session --die-with-parent --as-pid-1 --cap-add --cap-drop --perms --size --chmod";

const APPTAINER: &str = "--add-caps --allow-setuid --app --apply-cgroups --bind --blkio-weight --cleanenv --compat \
    --contain --containall --cpus --cwd --disable-cache --dns --drop-caps --env --fakeroot --hostname --ipc \
    --keep-privs --memory --mount --net --network --network-args --no-eval --no-home --no-init --no-mount --no-privs \
    --no-umask --nv --nvccli --overlay --pid --pids-limit --pwd --rocm --scratch --security --sparsefiles --underlay \
    --unsquash --userns --uts --workdir --writable --writable-tmpfs -B -c -C -e -f -i -n -p -S -u";

const UDOCKER: &str = "--rm --workdir --user --volume --hostauth --containerauth --nosysdirs --nometa --name --bindhome \
    --hostenv --env --hostname --entrypoint --cpuset-cpus --dri --publish --publish-all --device --platform --pull";

const NSPAWN: &str = "--directory --image --ephemeral --volatile --as-pid2 --boot --chdir --user --setenv --machine \
    --hostname --uuid --slice --property --register --keep-unit --private-users --private-network \
    --network-interface --network-macvlan --network-ipvlan --network-veth --network-bridge --network-zone \
    --network-namespace-path --port --capability --drop-capability --ambient-capability --no-new-privileges \
    --system-call-filter --rlimit --oom-score-adj --selinux-context --bind --bind-ro --overlay --overlay-ro \
    --bind-user --console --pipe --resolv-conf --timezone -D -x -b -u -M -U -E -P -Z -n -p";

const PROOT: &str = "--rootfs --bind --mount --qemu --pwd --cwd --kernel-release --root-id --change-id --kill-on-exit \
    --link2symlink --sysvipc --ashmem-memfd -r -b -w -v -k -0 -R -S -L -H -l";

fn parse(arguments: &[&str]) -> Result<Request, UsageError> {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    native::parse(&arguments, &Caller::default())
}

fn run(arguments: &[&str]) -> Launch {
    match parse(&[&["run", "--no-recommended"], arguments].concat()) {
        Ok(Request::Launch(launch)) => *launch,
        other => panic!("{arguments:?} gave {other:?}"),
    }
}

fn refusal(arguments: &[&str]) -> (String, String) {
    let error = parse(arguments).expect_err("it means nothing");
    (error.message, error.hint.unwrap_or_default())
}

/// Returns every name of an option of `run`.
fn own_options() -> HashSet<String> {
    let command = parser();
    let run = command.find_subcommand("run").expect("there is one");
    let mut names = HashSet::new();
    for argument in run.get_arguments() {
        let longs = argument.get_long_and_visible_aliases().into_iter().flatten();
        names.extend(
            longs.chain(argument.get_all_aliases().into_iter().flatten()).map(|name| format!("--{name}")),
        );
        let shorts = argument.get_short_and_visible_aliases().into_iter().flatten();
        names.extend(
            shorts
                .chain(argument.get_all_short_aliases().into_iter().flatten())
                .map(|name| format!("-{name}")),
        );
    }
    names.insert("-h".to_owned());
    names
}

#[test]
fn every_option_of_others_is_taken_or_has_a_hint() {
    let own = own_options();
    for words in [DOCKER, DOCKER_SHORT, PODMAN, BWRAP, APPTAINER, UDOCKER, NSPAWN, PROOT] {
        for word in words.split_whitespace().filter(|word| !own.contains(*word)) {
            let (message, hint) = refusal(&["run", word, "guest"]);
            assert!(message.contains(word), "{word}: {message}");
            assert_eq!(Some(hint.as_str()), hint_for_option(word), "{word}");
            // With its value attached it is the same option.
            if word.starts_with("--") {
                let (_, attached) = refusal(&["run", &format!("{word}=x"), "guest"]);
                assert_eq!(attached, hint, "{word}=x");
            }
        }
    }
}

#[test]
fn no_hint_stands_for_what_newroot_takes_itself() {
    let own = own_options();
    let mut known = HashSet::new();
    for word in OPTIONS.iter().flat_map(|(words, _)| words.iter()) {
        assert!(!own.contains(*word), "{word} is an option of newroot run");
        assert!(known.insert(*word), "{word} has two hints");
    }
    let command = parser();
    let mut known = HashSet::new();
    for word in COMMANDS.iter().flat_map(|(words, _)| words.iter()) {
        assert!(command.find_subcommand(word).is_none(), "{word} is a command of newroot");
        assert!(known.insert(*word), "{word} has two hints");
    }
}

#[test]
fn options_that_hints_name_exist() {
    let own = own_options();
    let also = ["--version", "--help", "--tmpfs"];
    // Those of other programs: systemd-run and cp.
    let others = ["--scope", "--reflink"];
    for (_, hint) in OPTIONS.iter().chain(COMMANDS) {
        for word in hint.split([' ', ';', ',', ':', '=', '[', ')']).filter(|word| word.starts_with("--")) {
            assert!(own.contains(word) || also.contains(&word) || others.contains(&word), "{word}: {hint}");
        }
    }
}

#[test]
fn commands_of_others_have_hints() {
    for word in "attach build commit compose container cp create diff exec history images info inspect kill list \
                 load login logs ls pause ps pull push rename restart rm rmi save search start stats stop tag top \
                 version wait enter install remove instance mount unshare"
        .split_whitespace()
    {
        let (message, hint) = refusal(&[word, "debian"]);
        assert!(message.contains(&format!("'{word}'")), "{word}: {message}");
        assert_eq!(Some(hint.as_str()), hint_for_command(word), "{word}");
    }
    let (_, hint) = refusal(&["walk"]);
    assert_eq!(hint, usage::LIST);
    let (_, hint) = refusal(&["rum"]);
    assert!(hint.contains("'run'"), "{hint}");
}

#[test]
fn root_in_the_place_of_a_command_is_run() {
    let (message, hint) = refusal(&["./debian", "ls", "-l"]);
    assert!(message.contains("'./debian'"), "{message}");
    assert_eq!(hint, "to run a command in a root: newroot run ./debian ls -l");
    assert_eq!(refusal(&["/srv/debian"]).1, "to run a command in a root: newroot run /srv/debian");
    assert_eq!(refusal(&["."]).1, "to run a command in a root: newroot run .");
}

#[test]
fn options_in_front_of_the_command_are_moved_behind_it() {
    let hint = "options follow the command: newroot run [OPTIONS] ROOTFS [COMMAND]...";
    for arguments in [
        &["-b", "/x", "run", "guest"][..],
        &["--workdir", "/", "run", "guest"],
        &["--cwd=/", "run"],
        &["-it", "run"],
        &["--link2symlink", "run", "guest"],
    ] {
        assert_eq!(refusal(arguments).1, hint, "{arguments:?}");
    }
    assert_eq!(Some(refusal(&["--rm", "run", "guest"]).1.as_str()), hint_for_option("--rm"));
    assert_eq!(refusal(&["-0", "-r", "guest"]).1, "with PRoot's options: newroot proot -0 -r guest");
}

#[test]
fn hints_of_run_are_not_those_of_other_commands() {
    let (_, hint) = refusal(&["export", "--name", "x", "guest"]);
    assert_ne!(Some(hint.as_str()), hint_for_option("--name"));
}

#[test]
fn bindings_of_others_are_bindings() {
    let launch = run(&[
        "-v",
        "--volume",
        "/a:/b",
        "-b",
        "/c",
        "--mount",
        "type=bind,source=/d,target=/e,readonly",
        "--volume=/f:/g:ro,z",
        "--bind-ro",
        "/h:/i",
        "-B/j:/k",
        "--mount=/l:/m",
        "guest",
    ]);
    let found: Vec<_> = launch
        .spec
        .bindings
        .iter()
        .map(|binding| {
            let guest = binding.guest.as_ref().map(|guest| guest.to_str().unwrap());
            (binding.host.to_str().unwrap(), guest, binding.access == Access::ReadOnly)
        })
        .collect();
    assert_eq!(
        found,
        [
            ("/a", Some("/b"), false),
            ("/c", None, false),
            ("/d", Some("/e"), true),
            ("/f", Some("/g"), true),
            ("/h", Some("/i"), true),
            ("/j", Some("/k"), false),
            ("/l", Some("/m"), false),
        ],
        "in the order in which they were given"
    );
    assert!(launch.spec.bindings.iter().all(|binding| binding.missing == Missing::Fail));
}

#[test]
fn mounts_that_newroot_cannot_make_are_refused_in_words() {
    for (arguments, words) in [
        (["--volume", "/data"], "no anonymous volumes"),
        (["--volume", "/a:/b:nocopy"], "no option 'nocopy'"),
        (["--volume", "/a:b"], "not absolute"),
        (["--mount", "type=volume,source=a,target=/b"], "no mounts of type 'volume'"),
        (["--mount", "type=tmpfs,target=/b"], "--tmpfs PATH"),
        (["--mount", "source=/a,target=/b"], "no type=bind"),
        (["--mount", "type=bind,target=/b"], "no source=HOST"),
        (["--mount", "type=bind,source=/a"], "no target=GUEST"),
        (["--mount", "type=bind,source=/a,target=b"], "'target=b' means nothing"),
        (["--mount", "type=bind,source=/a,target=/b,bind-propagation=rslave"], "'bind-propagation=rslave'"),
    ] {
        let (message, _) = refusal(&["run", arguments[0], arguments[1], "guest"]);
        assert!(message.contains(words), "{arguments:?}: {message}");
    }
}

#[test]
fn volume_behind_the_short_option_is_no_root() {
    for arguments in [&["run", "-v", "/a:/b", "guest"][..], &["run", "-itv", "./a:/b", "guest", "ls"]] {
        let (message, hint) = refusal(arguments);
        assert!(message.contains("'-v' takes no value"), "{arguments:?}: {message}");
        assert!(hint.contains(&format!("-b {}", arguments[2])), "{arguments:?}: {hint}");
    }
    for attached in ["-v/a:/b", "-v./a:/b", "-vdata:/data"] {
        let (_, hint) = refusal(&["run", attached, "guest"]);
        assert_eq!(hint, format!("to bind a directory: -b {0}, or --volume {0}", &attached[2..]));
    }
    // The option keeps its own meaning in front of a root.
    let launch = run(&["-v", "./a:b", "ls"]);
    assert_eq!((launch.spec.verbosity, launch.spec.rootfs), (1, PathBuf::from("./a:b")));
}

#[test]
fn unknown_option_behind_the_root_is_no_command() {
    for option in ["--red", "-Z", "--name=x"] {
        let error = run(&["guest", option, "ls"]).stray_option.expect("it is an error");
        assert!(error.message.contains(&format!("'{option}'")), "{}", error.message);
        let expected = hint_for_option(option).map_or_else(
            || format!("for a program of this name: newroot run ROOTFS -- {option}"),
            str::to_owned,
        );
        assert_eq!(error.hint, Some(expected));
    }
    for arguments in
        [&["guest", "--", "--red"][..], &["--", "--red"], &["guest", "ls", "--red"], &["guest", "-"]]
    {
        assert_eq!(run(arguments).stray_option, None, "{arguments:?}");
    }
    assert!(run(&["guest", "--root", "ls"]).spec.fake_root == newroot_engine::FakeRoot::Required);
}

#[test]
fn value_of_confine_is_no_root() {
    let (message, hint) = refusal(&["run", "--confine", "strict", "guest"]);
    assert!(message.contains("'strict' is not a root"), "{message}");
    assert!(hint.starts_with("--confine=strict;"), "{hint}");
    assert_eq!(run(&["--confine", "guest", "strict"]).spec.rootfs, PathBuf::from("guest"));
    assert_eq!(run(&["strict"]).spec.rootfs, PathBuf::from("strict"));
}

#[test]
fn other_names_of_options_mean_the_same() {
    use newroot_engine::{FakeRoot, WorkingDirectory};
    for option in ["--cwd", "--chdir", "--pwd"] {
        assert_eq!(
            run(&[option, "/srv", "guest"]).spec.cwd,
            WorkingDirectory::Guest("/srv".into()),
            "{option}"
        );
    }
    for option in ["--clearenv", "--cleanenv"] {
        assert!(run(&[option, "guest"]).spec.environment.clear, "{option}");
    }
    assert_eq!(run(&["--fakeroot", "guest"]).spec.fake_root, FakeRoot::Required);
    let launch = run(&["-it", "--unshare-net", "--unshare", "pid", "guest"]);
    assert_eq!(launch.spec.isolation, run(&["--unshare", "pid,net", "guest"]).spec.isolation);
    let net = run(&["--unshare", "net", "guest"]).spec.isolation;
    assert_eq!(run(&["--network", "none", "guest"]).spec.isolation, net);
    assert_eq!(run(&["--network=host", "guest"]).spec.isolation, run(&["guest"]).spec.isolation);
    assert!(refusal(&["run", "--network=bridge", "guest"]).0.contains("'bridge'"));
    let Ok(Request::Launch(launch)) = parse(&["shell", "guest"]) else { panic!("a shell is run") };
    assert_eq!(launch.spec.rootfs, PathBuf::from("guest"));
}
