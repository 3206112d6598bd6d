//! The definition of the native command line. Help texts are the doc comments.

use std::ffi::OsString;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::builder::OsStringValueParser;
use clap::builder::TypedValueParser as _;
use clap::{Parser, ValueHint};
use newroot_engine::{Binding, Capabilities};

use super::archive::Latest;
use super::binding;
use super::variable::Variable;

const EXAMPLES: &str = "\
Examples:
  newroot run                       a shell in a small root, made of programs you have
  newroot run ./debian              a shell in the root ./debian
  newroot run -b ~/src:/src ./debian make -C /src
  newroot init ./jail bash rsync    a root with these and the libraries they need
  newroot import debian.tar.xz ./debian
  newroot doctor                    what this host allows";

const RUN_EXAMPLES: &str = "\
Examples:
  newroot run ./debian              a shell in ./debian
  newroot run ./debian make -j2     a command with options of its own
  newroot run -b .:/src -w /src ./debian make
  newroot run -b ~/data:/data:ro ./debian python3 /data/job.py
  newroot run -- ls -l /            a command in the default root

Exit status:
  The command's own; 128+N if signal N ended it; 127 if it was not found, 126 if it could not
  be executed, 125 if newroot itself failed.";

const INIT_EXAMPLES: &str = "\
Examples:
  newroot init ./tools                 a shell and the basic utilities
  newroot init ./jail bash ./my-tool   these programs, and nothing else";

const EXPORT_EXAMPLES: &str = "\
Examples:
  newroot export ./debian -o debian.tar.gz
  newroot export ./debian | zstd > debian.tar.zst
  newroot export --format oci-layer --mtime 0 ./debian -o layer.tar.gz";

const IMPORT_EXAMPLES: &str = "\
Examples:
  newroot import debian.tar.zst ./debian
  docker export my-container | newroot import - ./mine";

/// Run a program in another root filesystem, as an ordinary user, at native speed.
#[derive(Debug, Parser)]
#[command(
    name = "newroot",
    version,
    after_help = EXAMPLES,
    subcommand_required = true,
    arg_required_else_help = false
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
pub(super) enum Subcommand {
    Run(Box<Run>),
    Init(Init),
    Add(Add),
    Export(Export),
    Import(Import),
    /// Tell what this host allows, and which engine runs here
    ///
    /// Every line is found by trying it in a child process, not by reading version numbers.
    /// Exits with 1 if no engine can run.
    Doctor,
}

/// Run a command with a directory as its `/`
///
/// The host's /proc, /sys, /dev, /tmp, /etc/resolv.conf and /etc/hosts are bound into the
/// root; nothing else of the host can be seen unless it is bound. With --root, /tmp is the
/// root's own.
#[derive(Debug, clap::Args)]
#[command(
    after_help = RUN_EXAMPLES,
    override_usage = "newroot run [OPTIONS] ROOTFS [--] [COMMAND]...\n       \
                      newroot run [OPTIONS] [-- COMMAND...]"
)]
pub(super) struct Run {
    /// Bind a host file or directory at a place in the root
    ///
    /// Without GUEST it is bound at the same path; with `:ro` the command can't write through
    /// it (`HOST::ro` is the same path, read-only). Write `\:` for a colon in a path. Of two
    /// bindings at the same place the last counts.
    #[arg(
        short,
        long,
        value_name = "HOST[:GUEST[:ro]]",
        value_parser = OsStringValueParser::new().try_map(|text| binding::parse(&text)),
        value_hint = ValueHint::AnyPath
    )]
    pub(super) bind: Vec<Binding>,

    /// Start in this directory of the root
    ///
    /// Without it the command starts in the directory you are in, if the root has it, else in `/`.
    #[arg(short, long, value_name = "DIR", value_parser = path())]
    pub(super) workdir: Option<PathBuf>,

    /// Start wherever you are; only where the root is the host's own
    #[arg(long, conflicts_with = "workdir")]
    pub(super) skip_chdir: bool,

    /// Run as root
    ///
    /// An ordinary user gets a fake root, who may do inside what root may. Owners, modes, devices and
    /// attributes that are given to the root's files are remembered there, for this command and the next. Only the trap
    /// engine has a fake root: an ordinary user can't have it together with --unshare and the like.
    /// /tmp is the root's own then, unless it is bound by name.
    #[arg(long, conflicts_with_all = ["user", "map_root"])]
    pub(super) root: bool,

    /// Run as this user, and in this group
    ///
    /// Names are looked up in the root's passwd and group files first, then in the host's. `:GROUP` changes
    /// the group alone. For root it is a real change; for an ordinary user a fake one, as with --root. With
    /// --engine namespace an ordinary user only gets another number.
    #[arg(short, long, value_name = "USER[:GROUP]", value_parser = word())]
    pub(super) user: Option<OsString>,

    /// Supplementary groups, with commas between them, instead of those the user has
    #[arg(long, value_name = "GROUP,...", value_parser = OsStringValueParser::new())]
    pub(super) groups: Option<OsString>,

    /// File mode creation mask, in octal
    #[arg(long, value_name = "MASK", value_parser = mask, allow_negative_numbers = true)]
    pub(super) umask: Option<u32>,

    /// Set an environment variable, or hand yours on
    ///
    /// PATH and HOME are set to what fits the root, and everything else is handed on, unless
    /// this or --clear-env says otherwise.
    #[arg(
        short,
        long,
        value_name = "VAR[=VALUE]",
        value_parser = OsStringValueParser::new().try_map(|text| Variable::parse(&text))
    )]
    pub(super) env: Vec<Variable>,

    /// Hand on none of your environment variables: there are PATH, HOME and PWD, and what --env sets
    #[arg(long)]
    pub(super) clear_env: bool,

    /// How to run it; `newroot doctor` tells what works here
    #[arg(long, value_name = "ENGINE", default_value = "auto")]
    pub(super) engine: Engine,

    /// Leave the command's code in memory as it is
    ///
    /// The trap engine has a program's frequent system calls jump to it, where they would otherwise
    /// reach it by a signal. With this (or with NEWROOT_NO_PATCH set in the environment) all of them take
    /// the signal: slower, but the same in everything else.
    #[arg(long)]
    pub(super) no_patch: bool,

    /// Patch call sites after so many traps; for tests
    #[arg(long, value_name = "TRAPS", value_parser = traps, hide = true, conflicts_with = "no_patch")]
    pub(super) patch_after: Option<NonZeroU32>,

    /// Make hard links where the host refuses them (trap engine)
    ///
    /// Android and some network file systems grant nobody a hard link. With this a file that gets a second
    /// name is kept inside the root, hidden from the command, to which all of its names are alike. The root
    /// keeps such links: later commands see them without this option.
    #[arg(long)]
    pub(super) link2symlink: bool,

    /// Bind nothing but what --bind names
    #[arg(long)]
    pub(super) no_recommended: bool,

    /// End all processes the command has left behind when it ends
    #[arg(long)]
    pub(super) kill_on_exit: bool,

    /// End the command when the process that started newroot ends
    #[arg(long)]
    pub(super) die_with_parent: bool,

    /// Don't share these with the host: pid, net, ipc, uts, cgroup (namespace engine)
    ///
    /// With pid, the root's /proc shows the command's own processes, an init reaps them, and they all
    /// end with the command. With net there is only a loopback device.
    #[arg(long, value_name = "KIND,...", value_delimiter = ',')]
    pub(super) unshare: Vec<Namespace>,

    /// Name of the host, as the command sees it; implies --unshare uts
    #[arg(long, value_name = "NAME", value_parser = hostname())]
    pub(super) hostname: Option<OsString>,

    /// Be root in the user namespace (namespace engine, ordinary users)
    ///
    /// Where /etc/subuid and /etc/subgid set numbers aside for you, other users and groups exist, too.
    #[arg(long)]
    pub(super) map_root: bool,

    /// Take a capability from the command and all it starts; `all` takes all of them
    #[arg(long, value_name = "CAP", value_parser = capability)]
    pub(super) cap_drop: Vec<Capabilities>,

    /// Leave the command a capability that its user wouldn't have, or that --cap-drop=all takes
    #[arg(long, value_name = "CAP", value_parser = capability)]
    pub(super) cap_add: Vec<Capabilities>,

    /// Have the kernel keep the command to the root and the bindings (Landlock, Linux 5.13)
    ///
    /// Whatever it does, it can open, make, remove or truncate no other file; from Linux 6.12 on it can't
    /// signal others' processes or connect to their abstract sockets either. What the kernel at hand
    /// enforces is said; with `strict` the command isn't run unless it is all of this.
    #[arg(
        long,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "best-effort"
    )]
    pub(super) confine: Option<Confine>,

    /// Hand on this descriptor; the namespace engine closes all others above 2
    #[arg(long, value_name = "N", value_parser = descriptor, allow_negative_numbers = true)]
    pub(super) keep_fd: Vec<i32>,

    /// Say what is being done; twice, say more
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,

    /// Directory that becomes `/`; without it, a small default root, made the first time
    #[arg(value_name = "ROOTFS", value_hint = ValueHint::DirPath, value_parser = word())]
    pub(super) rootfs: Option<OsString>,

    /// Command to run, with its arguments; without it, the root's shell
    #[arg(
        value_name = "COMMAND",
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_hint = ValueHint::CommandWithArguments
    )]
    pub(super) command: Vec<OsString>,
}

/// Build a root from programs of this host
///
/// Copies each program together with its interpreter and all libraries it needs to the paths
/// where the loader will look for them. Where the host has busybox, busybox and its applets
/// come along.
#[derive(Debug, clap::Args)]
#[command(after_help = INIT_EXAMPLES)]
pub(super) struct Init {
    /// Build it even if the directory isn't empty, and replace files that differ
    #[arg(short, long)]
    pub(super) force: bool,

    /// Directory to build the root in; made if it doesn't exist
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = path())]
    pub(super) directory: PathBuf,

    /// Programs by name or path
    #[arg(value_name = "PROGRAM", value_hint = ValueHint::CommandName, value_parser = word())]
    pub(super) programs: Vec<OsString>,
}

/// Copy further programs of this host into a root
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Replace files of the root that differ from the host's
    #[arg(short, long)]
    pub(super) force: bool,

    /// Directory of the root
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = path())]
    pub(super) directory: PathBuf,

    /// Programs by name or path
    #[arg(
        required = true,
        value_name = "PROGRAM",
        value_hint = ValueHint::CommandName,
        value_parser = word()
    )]
    pub(super) programs: Vec<OsString>,
}

/// Write a root as a tar archive
///
/// Owners, modes, devices and attributes are those that programs in the root see: what an ordinary user's
/// `newroot run --root` has given the files comes along, and what nobody was given is root's. Unpacked by root, it is
/// what root would have made. The archive is in the pax form of POSIX, with attributes and access control lists
/// as SCHILY.xattr; users and groups are numbers alone. Entries are in the order of their names: the same
/// root gives the same bytes.
///
/// Sockets are left out, and so are the root's .newroot and what is mounted in the root.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(super) struct Export {
    /// Write to this file, which appears when it is whole; without it, or with `-`, to standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = path())]
    pub(super) output: Option<PathBuf>,

    /// Form of the archive
    #[arg(long, value_name = "FORMAT", default_value = "tar")]
    pub(super) format: Format,

    /// Compress the archive; without this the name of FILE tells: .gz and .tgz, .xz and .txz
    #[arg(long, value_name = "HOW")]
    pub(super) compress: Option<Compress>,

    /// Let no file be newer than this, in seconds since 1970
    ///
    /// Files that were modified later get this time; older ones keep theirs. SOURCE_DATE_EPOCH stands for the
    /// value of the environment variable of this name.
    #[arg(long, value_name = "SECONDS|SOURCE_DATE_EPOCH", value_parser = Latest::parse, allow_negative_numbers = true)]
    pub(super) mtime: Option<Latest>,

    /// Directory of the root
    #[arg(value_name = "ROOT", value_hint = ValueHint::DirPath, value_parser = path())]
    pub(super) root: PathBuf,
}

/// Unpack a tar archive as a root
///
/// Owners, modes, devices and attributes are kept: root gives them to the files; for an ordinary user they are
/// recorded, so that `newroot run --root` shows them. The archive may be compressed with gzip, xz or zstd. Nothing
/// outside of DIR is written, whatever the archive has in it, and if anything fails, DIR is as it was.
///
/// Whiteouts of container layers (.wh.NAME) are unpacked as the files they are.
#[derive(Debug, clap::Args)]
#[command(after_help = IMPORT_EXAMPLES)]
pub(super) struct Import {
    /// Unpack even if the directory isn't empty, over what is there
    #[arg(short, long)]
    pub(super) force: bool,

    /// Make hard links where the host refuses them
    ///
    /// A file with several names is kept inside the root, hidden; see this option of `newroot run`.
    #[arg(long)]
    pub(super) link2symlink: bool,

    /// Archive; `-` is standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = path())]
    pub(super) archive: PathBuf,

    /// Directory to unpack it in; made if it doesn't exist
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = path())]
    pub(super) directory: PathBuf,
}

/// The forms of an archive.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Format {
    /// A tar archive, as it is
    Tar,
    /// A layer of a container image (application/vnd.oci.image.layer.v1.tar+gzip); its digest and that of the
    /// tar archive in it (diff-id) are printed
    OciLayer,
}

/// What an archive can be compressed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Compress {
    /// Nothing
    None,
    /// gzip
    Gzip,
    /// xz, at its usual level: smaller and slower
    Xz,
}

/// The engines there are.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Engine {
    /// The best one this host allows
    Auto,
    /// System calls trapped inside the process: needs nothing but seccomp filters
    Trap,
    /// Real mounts in a private mount namespace: needs root, or a user namespace
    Namespace,
    /// chroot(2): needs root
    Chroot,
}

/// How strictly a command is confined.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Confine {
    /// As far as the kernel can
    BestEffort,
    /// Wholly, or not run
    Strict,
}

/// The namespaces that can be asked for.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Namespace {
    /// Process numbers
    Pid,
    /// Network devices, addresses and ports
    Net,
    /// System V IPC and message queues
    Ipc,
    /// Host name
    Uts,
    /// Control groups
    Cgroup,
}

/// A number of traps.
fn traps(text: &str) -> Result<NonZeroU32, &'static str> {
    text.parse().map_err(|_| "it is no number from 1 on")
}

/// The number of a descriptor that newroot doesn't hand on anyway.
fn descriptor(text: &str) -> Result<i32, &'static str> {
    let number = text.parse().ok().filter(|&number| number >= 3 && !text.starts_with('+'));
    number.ok_or("it is no number from 3 on")
}

/// An octal mask, as umask(1) takes it.
fn mask(text: &str) -> Result<u32, &'static str> {
    let is_unsigned = !text.starts_with('+');
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|&mask| is_unsigned && mask <= 0o777)
        .ok_or("it is no octal number up to 777")
}

/// A name that the kernel takes for its own (`__NEW_UTS_LEN`).
fn hostname() -> impl clap::builder::TypedValueParser<Value = OsString> {
    word().try_map(|name| if name.len() > 64 { Err("it is longer than 64 bytes") } else { Ok(name) })
}

/// A capability by its name.
fn capability(text: &str) -> Result<Capabilities, &'static str> {
    Capabilities::named(text).ok_or("there is no capability of this name")
}

/// A word that may not be empty.
fn word() -> impl clap::builder::TypedValueParser<Value = OsString> {
    OsStringValueParser::new().try_map(
        |text: OsString| {
            if text.is_empty() { Err("it is empty") } else { Ok(text) }
        },
    )
}

/// A path that may not be empty.
fn path() -> impl clap::builder::TypedValueParser<Value = PathBuf> {
    word().map(PathBuf::from)
}
