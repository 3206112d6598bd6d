//! Words that users bring from docker, podman, bubblewrap, apptainer, udocker, PRoot and
//! systemd-nspawn.
//!
//! A word that means here what it means there is accepted: as another name of an option
//! (`ALIASES`), or as an option of its own ([`Brought`]). For any other word the hint names
//! newroot's own way (`OPTIONS`, `COMMANDS`).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::{ArgMatches, Args as _, Command, FromArgMatches as _, ValueEnum as _};
use newroot_engine::{Access, Binding, GuestLink, Missing};

use super::arguments::{Confine, Namespace, Run};
use super::binding;
use crate::dialects::UsageError;

/// Options that are written differently elsewhere, or that say what newroot does anyway. Help,
/// manual pages and completions don't have them.
#[derive(Debug, clap::Args)]
struct Brought {
    /// docker's `--volume HOST:GUEST[:OPTIONS]`.
    #[arg(
        long,
        hide = true,
        value_name = "HOST:GUEST[:ro]",
        value_parser = OsStringValueParser::new().try_map(|text| volume(&text))
    )]
    volume: Vec<Binding>,

    /// docker's `--mount type=bind,source=HOST,target=GUEST`, and PRoot's `--mount HOST:GUEST`.
    #[arg(
        long,
        hide = true,
        value_name = "type=bind,source=HOST,target=GUEST[,readonly]",
        value_parser = OsStringValueParser::new().try_map(|text| mount(&text))
    )]
    mount: Vec<Binding>,

    /// systemd-nspawn's `--bind-ro HOST[:GUEST]`.
    #[arg(
        long,
        hide = true,
        value_name = "HOST[:GUEST]",
        value_parser = OsStringValueParser::new().try_map(|text| read_only(&text))
    )]
    bind_ro: Vec<Binding>,

    /// docker's `-i`: the command has standard input anyway.
    #[arg(short = 'i', long, hide = true)]
    interactive: bool,

    /// docker's `-t`: the command has the terminal anyway.
    #[arg(short = 't', long, hide = true)]
    tty: bool,

    /// bubblewrap's `--unshare-pid`.
    #[arg(long, hide = true)]
    unshare_pid: bool,

    /// bubblewrap's `--unshare-net`.
    #[arg(long, hide = true)]
    unshare_net: bool,

    /// bubblewrap's `--unshare-ipc`.
    #[arg(long, hide = true)]
    unshare_ipc: bool,

    /// bubblewrap's `--unshare-uts`.
    #[arg(long, hide = true)]
    unshare_uts: bool,

    /// bubblewrap's `--unshare-cgroup`.
    #[arg(long, hide = true)]
    unshare_cgroup: bool,

    /// docker's `--network host` and `--network none`.
    #[arg(long, hide = true, value_name = "host|none")]
    network: Option<Network>,
}

/// docker's networks that newroot has, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Network {
    Host,
    None,
}

/// Further names of options of `run`.
const ALIASES: &[(&str, &[&str])] = &[
    ("workdir", &["cwd", "chdir", "pwd"]),
    ("clear_env", &["clearenv", "cleanenv"]),
    ("root", &["fakeroot"]),
];

/// Adds the names that newroot accepts to the definition of the command line.
pub(super) fn extend(command: Command) -> Command {
    command.mut_subcommand("run", |run| {
        let run = ALIASES.iter().fold(run, |run, (option, names)| {
            run.mut_arg(option, |argument| argument.aliases(names.iter().copied()))
        });
        // Only the arguments: the rest of the definition has a description of its own.
        let brought = Brought::augment_args(Command::new("brought"));
        let run = run.args(brought.get_arguments().cloned());
        run.alias("shell").mut_arg("bind", |bind| bind.short_alias('B'))
    })
}

impl Run {
    /// Carries out the [`Brought`] options. `matches` is the parser's result. Of two bindings at
    /// the same path the last one counts, whichever option names it.
    ///
    /// # Errors
    /// Fails if the definition of the options doesn't fit [`Brought`].
    pub(super) fn adopt(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let brought = Brought::from_arg_matches(matches)?;
        let own = std::mem::take(&mut self.bind);
        let all = [
            ("bind", own),
            ("volume", brought.volume),
            ("mount", brought.mount),
            ("bind_ro", brought.bind_ro),
        ];
        let mut bindings: Vec<(usize, Binding)> = Vec::new();
        for (option, given) in all {
            bindings.extend(matches.indices_of(option).into_iter().flatten().zip(given));
        }
        bindings.sort_by_key(|(index, _)| *index);
        self.bind = bindings.into_iter().map(|(_, binding)| binding).collect();
        for (asked, namespace) in [
            (brought.unshare_pid, Namespace::Pid),
            (brought.unshare_net, Namespace::Net),
            (brought.unshare_ipc, Namespace::Ipc),
            (brought.unshare_uts, Namespace::Uts),
            (brought.unshare_cgroup, Namespace::Cgroup),
            (brought.network == Some(Network::None), Namespace::Net),
        ] {
            self.unshare.extend(asked.then_some(namespace));
        }
        Ok(())
    }
}

/// Parses docker's form of a volume. SELinux labels (`z`, `Z`) are for containers only: newroot's
/// command runs with the caller's label.
fn volume(text: &OsStr) -> Result<Binding, String> {
    let bytes = text.as_bytes();
    if !bytes.contains(&b':') {
        return Err("newroot has no anonymous volumes; --bind binds a directory at its own path".to_owned());
    }
    let (path, options) = match bytes.iter().rposition(|&byte| byte == b':') {
        // A second colon: options, unless a path follows.
        Some(colon) if bytes[..colon].contains(&b':') && !bytes[colon + 1..].starts_with(b"/") => {
            (&bytes[..colon], &bytes[colon + 1..])
        }
        _ => (bytes, &b""[..]),
    };
    let mut parsed = binding::parse(OsStr::from_bytes(path)).map_err(|error| error.to_string())?;
    for option in options.split(|&byte| byte == b',').filter(|option| !option.is_empty()) {
        match option {
            b"ro" => parsed.access = Access::ReadOnly,
            b"rw" | b"z" | b"Z" => {}
            other => {
                let name = String::from_utf8_lossy(other);
                return Err(format!("newroot has no option '{name}' for volumes, only 'ro' and 'rw'"));
            }
        }
    }
    Ok(parsed)
}

/// Parses docker's form of a mount, or a binding.
fn mount(text: &OsStr) -> Result<Binding, String> {
    let bytes = text.as_bytes();
    let is_docker = bytes.split(|&byte| byte == b',').any(|part| part.contains(&b'='));
    if !is_docker {
        return binding::parse(text).map_err(|error| error.to_string());
    }
    let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let (mut kind, mut host, mut guest, mut access) = (None, None, None, Access::ReadWrite);
    for part in bytes.split(|&byte| byte == b',') {
        let (key, value) = match part.iter().position(|&byte| byte == b'=') {
            Some(equals) => (&part[..equals], Some(&part[equals + 1..])),
            None => (part, None),
        };
        match (key, value) {
            (b"type", Some(value)) => kind = Some(value),
            (b"source" | b"src", Some(value)) if !value.is_empty() => host = Some(path(value)),
            (b"target" | b"destination" | b"dst", Some(value)) if value.starts_with(b"/") => {
                guest = Some(path(value));
            }
            (b"readonly" | b"ro", None | Some(b"true" | b"1")) => access = Access::ReadOnly,
            (b"readonly" | b"ro", Some(b"false" | b"0")) => access = Access::ReadWrite,
            _ => return Err(format!("'{}' means nothing here", String::from_utf8_lossy(part))),
        }
    }
    match kind {
        Some(b"bind") => {}
        Some(b"tmpfs") => return Err("--mount can't mount a tmpfs; --tmpfs PATH does".to_owned()),
        Some(other) => {
            let name = String::from_utf8_lossy(other);
            return Err(format!("newroot has no mounts of type '{name}', only 'bind'"));
        }
        None => return Err("it has no type=bind".to_owned()),
    }
    let host = host.ok_or("it has no source=HOST")?;
    let guest = guest.ok_or("it has no target=GUEST")?;
    Ok(Binding { host, guest: Some(guest), access, guest_link: GuestLink::Follow, missing: Missing::Fail })
}

/// Parses a binding, and makes it read-only.
fn read_only(text: &OsStr) -> Result<Binding, String> {
    let parsed = binding::parse(text).map_err(|error| error.to_string())?;
    Ok(Binding { access: Access::ReadOnly, ..parsed })
}

/// Refuses `-v HOST:GUEST`, docker's way to bind, where newroot would take HOST:GUEST for the root.
pub(super) fn refuse_volume_as_root(
    first: Option<&OsString>,
    arguments: &[OsString],
) -> Result<(), UsageError> {
    let Some(first) = first.filter(|first| first.as_bytes().windows(2).any(|pair| pair == b":/")) else {
        return Ok(());
    };
    let follows_v = arguments.windows(2).any(|pair| {
        let option = pair[0].as_bytes();
        let is_short = option.starts_with(b"-") && !option.starts_with(b"--");
        is_short && option.ends_with(b"v") && pair[1] == *first
    });
    if !follows_v {
        return Ok(());
    }
    let name = first.display();
    Err(UsageError::new(format!("'{name}' is not a root, and '-v' takes no value: it stands for --verbose"))
        .hint(format!("to bind a directory: -b {name}, or --volume {name}")))
}

/// Returns the error for an unknown option after the root, which the parser takes for the command.
/// A program with such a name needs a `--` before it.
pub(super) fn option_as_command(command: &[OsString], arguments: &[OsString]) -> Option<UsageError> {
    let first = command.first().filter(|first| first.len() > 1 && first.as_bytes()[0] == b'-')?;
    let before = arguments.len().checked_sub(command.len() + 1);
    if before.is_some_and(|index| arguments[index] == "--") {
        return None;
    }
    let name = first.display();
    let hint = first
        .to_str()
        .and_then(hint_for_option)
        .map_or_else(|| format!("for a program of this name: newroot run ROOTFS -- {name}"), str::to_owned);
    Some(UsageError::new(format!("unexpected argument '{name}' found")).hint(hint))
}

/// Refuses `--confine strict`, where newroot would take the option's value for the root.
pub(super) fn refuse_value_as_root(
    first: Option<&OsString>,
    arguments: &[OsString],
) -> Result<(), UsageError> {
    let Some(value) = first.filter(|first| Confine::from_str(&first.to_string_lossy(), false).is_ok()) else {
        return Ok(());
    };
    if !arguments.windows(2).any(|pair| pair[0] == "--confine" && pair[1] == *value) {
        return Ok(());
    }
    let value = value.display();
    Err(UsageError::new(format!("'{value}' is not a root, and '--confine' takes its value after an '='"))
        .hint(format!("--confine={value}; a root of this name is ./{value}")))
}

/// Options that newroot doesn't have, with what to do instead.
#[rustfmt::skip]
const OPTIONS: &[(&[&str], &str)] = &[
    // Bindings and mounts.
    (&["--ro-bind", "--ro-bind-try"], "to bind read-only: --bind HOST:GUEST:ro"),
    (&["--dev-bind", "--dev-bind-try", "--bind-try", "--rbind"],
        "to bind: --bind HOST:GUEST; devices in it work"),
    (&["--remount-ro"], "to bind read-only: --bind HOST:GUEST:ro"),
    (&["--volumes-from", "--mount-proc"], "name every directory to bind: --bind HOST:GUEST"),
    (&[
        "--proc", "--dev", "--sys", "--devices", "--device", "--gpus", "--nv", "--nvccli",
        "--rocm", "--dri"
    ],
        "newroot binds the host's /proc, /sys and /dev unless --no-recommended is given; --bind \
         adds others"),
    (&[
        "--no-mount", "--contain", "-c", "--containall", "-C", "--nosysdirs", "--mount-tmp",
        "--no-home"
    ],
        "newroot binds only /proc, /sys, /dev, /tmp, /etc/resolv.conf and /etc/hosts; \
         --no-recommended leaves them out, too"),
    (&["--bindhome"], "to bind your home directory: --bind ~"),
    (&[
        "--dir", "--symlink", "--file", "--bind-data", "--ro-bind-data", "--chmod", "--perms",
        "--size", "--mqueue", "--scratch"
    ],
        "make it in the directory ROOTFS beforehand"),
    (&[
        "--overlay", "--overlay-ro", "--overlay-src", "--tmp-overlay", "--ro-overlay",
        "--writable-tmpfs", "--ephemeral", "-x", "--volatile", "--rootfs-propagation"
    ],
        "newroot has no overlays: copy the root beforehand (cp -a --reflink=auto ROOTFS COPY) \
         and run the copy"),
    (&["--writable"], "a root is writable as far as its files' modes allow"),

    // The root.
    (&["-r", "--rootfs", "-D", "--directory", "--image", "-R", "--new-root"],
        "the root is an argument after the options: newroot run ROOTFS [COMMAND]; newroot proot \
         takes PRoot's options"),
    (&[
        "--pull", "--platform", "--authfile", "--creds", "--disable-content-trust", "--arch",
        "--variant", "--os", "--tls-verify", "--disable-cache"
    ],
        "newroot runs directories and pulls no images: docker export CONTAINER | newroot import \
         - DIR makes a directory of one"),

    // Containers.
    (&["--rm"],
        "newroot keeps no containers: leave it out; what the command writes stays in ROOTFS"),
    (&[
        "--name", "--replace", "--cidfile", "--label", "--label-file", "--annotation", "--pod",
        "--machine", "-M", "--uuid", "--restart", "--requires", "--slice", "--property",
        "--register", "--keep-unit"
    ],
        "newroot keeps no containers: leave it out"),
    (&["-d", "--detach", "--daemon"],
        "newroot becomes the command: start it in the background with the shell's &, or with \
         setsid or nohup"),
    (&[
        "-a", "--attach", "--sig-proxy", "--detach-keys", "--console", "--pipe", "--log-driver",
        "--log-opt", "--conmon-pidfile"
    ],
        "the command has your standard input, output and error: leave it out"),
    (&["--entrypoint", "--args", "--argv0", "--app"],
        "the command and its arguments follow the root: newroot run ROOTFS COMMAND [ARG]..."),
    (&[
        "--stop-signal", "--stop-timeout", "--health-cmd", "--health-interval",
        "--health-retries", "--health-timeout", "--no-healthcheck"
    ],
        "newroot becomes the command: send signals to its process ID, or end it with timeout(1)"),
    (&["--init", "--as-pid-1", "--as-pid2", "--boot", "--no-init"],
        "--unshare pid gives the command an init that reaps processes; start services by a \
         command of your own"),
    (&["--new-session"], "to start a session: setsid newroot run ROOTFS COMMAND"),
    (&["--exit-on-error", "--kill-child"], "to kill the processes that the command leaves behind: --kill-on-exit"),
    (&["--parent-death-signal"], "to end the command with its parent: --die-with-parent"),

    // Identity and environment.
    (&["-0", "--root-id", "--map-root-user", "-f"], "to be root in the root: --root"),
    (&["--uid", "--gid", "--userspec", "--change-id", "--setuid", "--setgid"],
        "to run as another user: --user USER[:GROUP]"),
    (&["--group-add"], "--groups GROUP,... names all supplementary groups"),
    (&[
        "--userns", "--userns2", "--uidmap", "--gidmap", "--subuidname", "--subgidname",
        "--private-users", "--private-users-ownership", "--no-privs", "--keep-privs", "-U"
    ],
        "--engine namespace makes a user namespace; --map-root makes you root in it"),
    (&["--setenv", "-E"], "to set a variable: --env VAR=VALUE"),
    (&["--unsetenv", "--unsetenv-all"],
        "--clear-env passes no variables on, and --env VAR passes one of yours on"),
    (&["--env-host", "--hostenv", "--preserve-env"],
        "newroot passes your environment on unless --clear-env is given: leave it out"),
    (&["--env-merge", "--http-proxy", "--no-eval"],
        "newroot passes your environment on; --env VAR=VALUE changes a variable"),
    (&[
        "--hostauth", "--containerauth", "--nometa", "--passwd", "--passwd-entry",
        "--group-entry", "--bind-user", "--hostuser"
    ],
        "newroot looks users up in the root's /etc/passwd; to bind the host's: --bind /etc/passwd \
         --bind /etc/group"),

    // Namespaces and the network.
    (&["--unshare-all"], "name the namespaces: --unshare pid,net,ipc,uts,cgroup"),
    (&["--unshare-user", "--unshare-user-try", "--disable-userns", "--assert-userns-disabled"],
        "--engine namespace makes a user namespace"),
    (&["--unshare-cgroup-try"], "to have a cgroup namespace: --unshare cgroup"),
    (&["--share-net"], "the network is the host's unless --unshare net is given: leave it out"),
    (&[
        "--net", "--private-network", "-n", "--network-veth",
        "--network-namespace-path"
    ],
        "the network is the host's; --unshare net leaves only a loopback device"),
    (&["--publish", "--publish-all", "--port", "--expose"],
        "the network is the host's, so that every port is reachable already: leave it out"),
    (&["--pid", "--pidns", "--ipc", "--uts", "--cgroupns"],
        "these are the host's; --unshare pid,ipc,uts,cgroup gives the command its own"),
    (&["--dns", "--dns-opt", "--dns-option", "--dns-search", "--resolv-conf", "--no-resolv-conf"],
        "the host's /etc/resolv.conf is bound; to bind another: --bind FILE:/etc/resolv.conf"),
    (&["--add-host", "--no-hosts", "--hosts-file"],
        "the host's /etc/hosts is bound; to bind another: --bind FILE:/etc/hosts"),
    (&[
        "--ip", "--ip6", "--mac-address", "--link", "--link-local-ip", "--network-alias",
        "--network-bridge", "--network-interface", "--network-macvlan", "--network-ipvlan",
        "--network-zone", "--network-args"
    ],
        "newroot sets up no networks: the network is the host's, or with --unshare net a \
         loopback device"),
    (&["--domainname", "--timezone", "--tz"],
        "to set the host name: --hostname NAME; to set the time zone: --env TZ=ZONE"),

    // Rights and limits.
    (&["--privileged", "--allow-setuid", "--add-caps"],
        "newroot gives nobody more rights than they have; --root is root inside the root, \
         --cap-add keeps a capability"),
    (&["--capability", "--ambient-capability"], "to keep a capability: --cap-add CAP"),
    (&["--drop-capability", "--drop-caps"], "to drop a capability: --cap-drop CAP"),
    (&[
        "--security-opt", "--security", "--seccomp", "--add-seccomp-fd", "--system-call-filter",
        "--apparmor", "--selinux-context", "-Z", "--exec-label", "--file-label",
        "--no-new-privs", "--no-new-privileges"
    ],
        "--confine restricts the command to the root and the bindings; an ordinary user's \
         command gains no privileges anyway"),
    (&[
        "-m", "--memory", "--memory-swap", "--memory-swappiness", "--memory-reservation",
        "--cpus", "--cpu-shares", "--cpu-period", "--cpu-quota", "--cpuset-cpus",
        "--cpuset-mems", "--pids-limit", "--blkio-weight", "--io-max", "--device-read-bps",
        "--device-write-bps", "--shm-size", "--apply-cgroups", "--cgroup-parent", "--cgroups",
        "--oom-kill-disable", "--oom-score-adj"
    ],
        "newroot sets no limits: systemd-run --user --scope -p MemoryMax=1G newroot run ROOTFS \
         does, and so does a batch system"),
    (&["--ulimit", "--rlimit", "--sysctl"],
        "newroot passes your limits on: set them with ulimit before newroot run"),
    (&[
        "--runtime", "--isolation", "--systemd", "--userns-remap", "--storage-driver",
        "--storage-opt", "--secret", "--hooks-dir", "--execmode"
    ],
        "newroot needs no runtime and no store: --engine chooses how the command is run"),
    (&["--qemu"], "newroot runs programs of this machine's processor only"),
    (&[
        "--block-fd", "--userns-block-fd", "--sync-fd", "--info-fd", "--json-status-fd",
        "--lock-file", "--preserve-fds", "--preserve-fd"
    ],
        "to pass a descriptor on: --keep-fd N"),
    (&["--no-umask"], "the file mode creation mask is yours; --umask MASK sets another"),
    (&["--debug"], "to make newroot report what it does: -v, or -vv"),
    (&["--level-prefix", "--silent"],
        "newroot prints nothing unless something is wrong: leave it out"),
    (&["--compat", "--underlay", "--sparsefiles", "--unsquash"],
        "roots are directories: leave it out"),
    (&["--sysvipc", "-L", "-H", "--ashmem-memfd"],
        "newroot run needs no such option; newroot proot takes it"),
    // Letters that stand for different things.
    (&["-l"], "labels are for containers: leave it out; PRoot's -l is --link2symlink"),
    (&["-p"],
        "the network is the host's, so that every port is reachable already; --unshare names \
         namespaces"),
    (&["-P"], "the network is the host's, and the command has your terminal: leave it out"),
    (&["-S"],
        "make a scratch directory in ROOTFS beforehand; newroot proot takes PRoot's -S"),
    (&["-k", "--kernel-release"], "to show another kernel release: newroot proot -k RELEASE"),
];

/// Commands that newroot doesn't have, with what to do instead.
#[rustfmt::skip]
const COMMANDS: &[(&[&str], &str)] = &[
    (&["pull", "fetch", "download", "search", "create", "install", "bootstrap", "clone"],
        "a root is a directory: docker export CONTAINER | newroot import - DIR, or newroot run \
         --root / debootstrap stable DIR, or newroot init DIR makes one"),
    (&["build", "buildx", "commit", "mkimg"],
        "work in the root (newroot run --root DIR), then newroot export DIR -o FILE writes it \
         as an archive"),
    (&["push", "save", "image-export", "backup", "dump", "pack"],
        "newroot export DIR -o FILE writes a root as an archive"),
    (&["load", "restore", "unpack", "extract", "mkrepo"],
        "newroot import FILE DIR unpacks an archive as a root"),
    (&["exec", "enter", "login", "attach", "nsenter", "spawn", "start", "boot"],
        "start each command by itself: newroot run DIR COMMAND, as often as you like in \
         the same root"),
    (&["ps", "top", "stats", "logs", "wait", "port", "events", "status"],
        "commands are your own ordinary processes: the host's ps and top show them"),
    (&["kill", "stop", "restart", "pause", "unpause", "poweroff", "reboot", "terminate"],
        "commands are your own ordinary processes: the host's kill ends them"),
    (&[
        "list", "ls", "images", "image", "container", "containers", "list-images", "volume",
        "network", "pod", "machine", "instance", "context", "system"
    ],
        "newroot keeps no list: a root is any directory, and its commands are ordinary processes"),
    (&["rm", "rmi", "remove", "delete", "prune", "uninstall", "reset", "clear-cache", "cache"],
        "a root is a directory: rm -rf DIR removes it"),
    (&["cp", "copy"],
        "a root is a directory: cp copies files into it and out of it; newroot add DIR PROGRAM \
         copies a program with its libraries"),
    (&["rename", "mv", "tag", "diff", "history", "mount", "umount", "unmount", "tar"],
        "a root is a directory: the host's own tools work on it"),
    (&["inspect", "info", "version", "check", "verify", "config", "setup", "showconf", "diagnose"],
        "newroot doctor reports what this host allows, newroot --version the version"),
    (&["compose", "up", "down", "service", "stack", "kube", "play", "generate", "swarm"],
        "newroot runs one command at a time: newroot run DIR COMMAND"),
    (&["test", "self-test", "selftest"], "newroot doctor tries what this host allows"),
    (&["unshare", "userns"], "newroot run --unshare KIND,... DIR COMMAND"),
    (&["bwrap", "docker", "podman", "apptainer", "singularity", "udocker", "systemd-nspawn"],
        "newroot takes the options of PRoot (newroot proot) and chroot (newroot chroot); for \
         all others: newroot run --help"),
    (&["completion"], "newroot completions SHELL"),
    (&["manual", "manpage", "manpages"], "newroot man DIR"),
];

/// Returns what to do instead of the option, if it is one that users bring.
pub(super) fn hint_for_option(option: &str) -> Option<&'static str> {
    let name = option.split_once('=').map_or(option, |(name, _)| name);
    row(OPTIONS, name)
}

/// Returns what to do instead of the command, if it is one that users bring.
pub(super) fn hint_for_command(command: &str) -> Option<&'static str> {
    row(COMMANDS, command)
}

fn row(table: &'static [(&[&str], &str)], word: &str) -> Option<&'static str> {
    table.iter().find(|(words, _)| words.contains(&word)).map(|(_, hint)| *hint)
}

#[cfg(test)]
mod tests;
