//! The definition of the native command line. Help texts are the doc comments.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroU32;
use std::os::unix::ffi::OsStrExt;
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

Also understood:
  --volume, --mount type=bind,source=HOST,target=GUEST and --bind-ro, for --bind; --cwd, --chdir
  and --pwd, for --workdir; --clearenv; --fakeroot, for --root; --unshare-net and the like;
  --network none, for --unshare net, and --network host, which changes nothing.
  -i and -t change nothing: the command has your terminal anyway.

Exit status:
  The command's own; 128+N if signal N ended it; 127 if it was not found, 126 if it could not
  be executed, 125 if newroot itself failed.";

const INIT_EXAMPLES: &str = "\
Examples:
  newroot init ./tools                 a shell and the basic utilities
  newroot init ./jail bash ./my-tool   these programs, and nothing else
  newroot init -v ./build sh gcc make  a compiler; report its files that this host lacks";

const EXPORT_EXAMPLES: &str = "\
Examples:
  newroot export ./debian -o debian.tar.gz
  newroot export ./debian | zstd > debian.tar.zst
  newroot export --format oci-layer --mtime 0 ./debian -o layer.tar.gz";

const IMPORT_EXAMPLES: &str = "\
Examples:
  newroot import debian.tar.zst ./debian
  docker export my-container | newroot import - ./mine";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  newroot completions bash > ~/.local/share/bash-completion/completions/newroot
  newroot completions zsh > ~/.zfunc/_newroot
  newroot completions fish > ~/.config/fish/completions/newroot.fish";

const MAN_EXAMPLES: &str = "\
Examples:
  newroot man ~/.local/share/man/man1";

const LINKS_EXAMPLES: &str = "\
Examples:
  newroot links ~/.local/bin             the pages go to ~/.local/share/man/man1
  newroot links ~/tools --man ~/man/man1";

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
    /// Show what this host allows, and which engine runs here
    ///
    /// newroot tries every line in a child process, and doesn't go by version numbers. Exits with 1
    /// if no engine can run.
    Doctor,
    Completions(Completions),
    Man(Man),
    Links(Links),
}

/// Run a command with a directory as its `/`
///
/// newroot binds the host's /proc, /sys, /dev, /tmp, /etc/resolv.conf and /etc/hosts into the root.
/// The command sees nothing else of the host, unless you bind it. With --root, /tmp is the root's
/// own.
#[derive(Debug, clap::Args)]
#[command(
    after_help = RUN_EXAMPLES,
    override_usage = "newroot run [OPTIONS] ROOTFS [--] [COMMAND]...\n       \
                      newroot run [OPTIONS] [-- COMMAND...]"
)]
pub(super) struct Run {
    /// Bind a host file or directory at a path in the root
    ///
    /// Without GUEST the path is the same as on the host. With `:ro` the command can't write to it
    /// (`HOST::ro` is the same path, read-only). Write `\:` for a colon in a path. If two bindings
    /// have the same path, the last one counts. A HOST that doesn't exist is an error.
    #[arg(help_heading = "Files", 
        short,
        long,
        value_name = "HOST[:GUEST[:ro]]",
        value_parser = OsStringValueParser::new().try_map(|text| binding::parse(&text)),
        value_hint = ValueHint::AnyPath
    )]
    pub(super) bind: Vec<Binding>,

    /// Bind your home directory at the same path, and keep HOME
    #[arg(help_heading = "Files", long)]
    pub(super) home: bool,

    /// Make the root read-only for the command; bindings stay as writable as they are
    #[arg(help_heading = "Files", long)]
    pub(super) read_only: bool,

    /// Give the command a new, empty directory at this path in the root
    ///
    /// The kernel engines mount a tmpfs. The trap engine makes a directory in TMPDIR or /tmp.
    /// newroot then waits for the command, kills the processes that it leaves behind
    /// (--kill-on-exit), and removes the directory. A --bind at the same path wins.
    #[arg(help_heading = "Files", long, value_name = "PATH", value_parser = OsStringValueParser::new().try_map(|text| fresh(&text)))]
    pub(super) tmpfs: Vec<PathBuf>,

    /// Start in this directory of the root
    ///
    /// A directory that the root doesn't have is an error. Without this option the command starts
    /// in your current directory, if the root has it, else in `/`.
    #[arg(help_heading = "Command", short, long, value_name = "DIR", value_parser = path())]
    pub(super) workdir: Option<PathBuf>,

    /// Start in your current directory; only if the root is the host's own `/`
    #[arg(help_heading = "Command", long, conflicts_with = "workdir")]
    pub(super) skip_chdir: bool,

    /// Run as root
    ///
    /// An ordinary user gets fake root: chown, mknod, setuid and the like work inside the root.
    /// Owners, modes, devices and attributes are recorded in the root, for this command and later
    /// ones. Only the trap engine has fake root, so an ordinary user can't combine it with
    /// --unshare and the like. With --root, /tmp is the root's own, unless you bind it.
    #[arg(help_heading = "User", long, conflicts_with_all = ["user", "map_root"])]
    pub(super) root: bool,

    /// Run as this user and group
    ///
    /// Names are looked up in the root's passwd and group files first, then in the host's. `:GROUP`
    /// only changes the group. Root really switches; an ordinary user gets a fake identity, as with
    /// --root. With --engine namespace an ordinary user only gets another number.
    #[arg(help_heading = "User", short, long, value_name = "USER[:GROUP]", value_parser = word())]
    pub(super) user: Option<OsString>,

    /// Set the supplementary groups, separated by commas
    #[arg(help_heading = "User", long, value_name = "GROUP,...", value_parser = OsStringValueParser::new())]
    pub(super) groups: Option<OsString>,

    /// Set the file mode creation mask, in octal
    #[arg(help_heading = "User", long, value_name = "MASK", value_parser = mask, allow_negative_numbers = true)]
    pub(super) umask: Option<u32>,

    /// Set an environment variable, or pass yours on
    ///
    /// newroot sets PATH and HOME to values that fit the root, and passes all other variables on,
    /// unless this option or --clear-env says otherwise. HOME stays yours if the root has that
    /// directory (see --home). Otherwise it is the home of your passwd entry in the root, if the
    /// root has that directory, else `/`.
    #[arg(help_heading = "Command", 
        short,
        long,
        value_name = "VAR[=VALUE]",
        value_parser = OsStringValueParser::new().try_map(|text| Variable::parse(&text))
    )]
    pub(super) env: Vec<Variable>,

    /// Set environment variables from a file, in docker's format
    ///
    /// A line `VAR=VALUE` sets a variable (quotes are part of the value), and `VAR` passes yours
    /// on. Lines that begin with `#` are skipped. --env wins over the file.
    #[arg(help_heading = "Command", long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = path())]
    pub(super) env_file: Vec<PathBuf>,

    /// Pass none of your variables on; only PATH, HOME, PWD and those of --env are set
    #[arg(help_heading = "Command", long)]
    pub(super) clear_env: bool,

    /// Choose the engine; `newroot doctor` shows which ones work here
    #[arg(help_heading = "Engine and output", long, value_name = "ENGINE", default_value = "auto")]
    pub(super) engine: Engine,

    /// Don't patch the command's code in memory
    ///
    /// The trap engine patches the code of frequent system calls, so that they jump to it instead
    /// of raising a signal. With this option, or with NEWROOT_NO_PATCH set in the environment,
    /// every call raises the signal. This is slower, and otherwise the same.
    #[arg(help_heading = "Engine and output", long)]
    pub(super) no_patch: bool,

    /// Patch call sites after N traps; for tests
    #[arg(long, value_name = "TRAPS", value_parser = traps, hide = true, conflicts_with = "no_patch")]
    pub(super) patch_after: Option<NonZeroU32>,

    /// Keep hard links in the root if the host refuses them (trap engine)
    ///
    /// Android and some network file systems refuse hard links. With this option a file that gets a
    /// second name moves to a hidden directory of the root. To the command all its names are equal.
    /// Later commands see such links without this option.
    #[arg(help_heading = "Files", long)]
    pub(super) link2symlink: bool,

    /// Make only the bindings that you name
    #[arg(help_heading = "Files", long)]
    pub(super) no_recommended: bool,

    /// Show the root's /etc/passwd and /etc/group as they are
    ///
    /// Without this option, a user that the root doesn't know gets an entry, made from the host's.
    /// The command then sees copies that it can't write to; the root's own files don't change.
    /// Root, and every user with --no-recommended, sees the root's own files.
    #[arg(help_heading = "Files", long)]
    pub(super) no_passwd: bool,

    /// Kill the processes that the command leaves behind when it ends
    #[arg(help_heading = "Command", long)]
    pub(super) kill_on_exit: bool,

    /// Kill the command when the process that started newroot ends
    #[arg(help_heading = "Command", long)]
    pub(super) die_with_parent: bool,

    /// Make new namespaces: pid, net, ipc, uts, cgroup (namespace engine)
    ///
    /// With pid, /proc only shows the command's own processes. newroot reaps them as their init,
    /// and they all end with the command. With net, there is only a loopback device.
    #[arg(help_heading = "Isolation", long, value_name = "KIND,...", value_delimiter = ',')]
    pub(super) unshare: Vec<Namespace>,

    /// Set the host name for the command; implies --unshare uts
    #[arg(help_heading = "Isolation", long, value_name = "NAME", value_parser = hostname())]
    pub(super) hostname: Option<OsString>,

    /// Be root in the user namespace (namespace engine, ordinary users)
    ///
    /// Other users and groups exist as far as /etc/subuid and /etc/subgid grant you numbers.
    #[arg(help_heading = "Isolation", long)]
    pub(super) map_root: bool,

    /// Drop a capability for the command and its children; `all` drops all of them
    #[arg(help_heading = "Isolation", long, value_name = "CAP", value_parser = capability)]
    pub(super) cap_drop: Vec<Capabilities>,

    /// Keep a capability that the command's user wouldn't have, or that --cap-drop=all drops
    #[arg(help_heading = "Isolation", long, value_name = "CAP", value_parser = capability)]
    pub(super) cap_add: Vec<Capabilities>,

    /// Let the kernel confine the command to the root and the bindings (Landlock, Linux 5.13)
    ///
    /// The command can't open, make, remove or truncate any other file. From Linux 6.12 on it can't
    /// signal other users' processes or connect to their abstract sockets either. newroot reports
    /// what this kernel doesn't enforce (with -v also what it does). With `strict` the command only
    /// runs if the kernel enforces everything.
    #[arg(help_heading = "Isolation", 
        long,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "best-effort"
    )]
    pub(super) confine: Option<Confine>,

    /// Pass this descriptor on; the namespace engine closes all others above 2
    #[arg(help_heading = "Command", long, value_name = "N", value_parser = descriptor, allow_negative_numbers = true)]
    pub(super) keep_fd: Vec<i32>,

    /// Report what newroot does; give it twice for more
    #[arg(help_heading = "Engine and output", short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,

    /// Print no notes and warnings, only errors
    #[arg(help_heading = "Engine and output", short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,

    /// Directory that becomes `/`; the default is a small root that the first run makes
    #[arg(value_name = "ROOTFS", value_hint = ValueHint::DirPath, value_parser = word())]
    pub(super) rootfs: Option<OsString>,

    /// Command and its arguments; the default is the root's shell
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
/// Copies each program to the same path in the root, with its interpreter and all libraries that it
/// needs. Common programs also bring the files that they open while they run: gcc its own programs,
/// headers and start files; git its commands and templates; python3 and perl their standard
/// libraries; vim its runtime; programs that speak TLS the certificates; programs that draw on
/// terminals the terminal descriptions. newroot runs gcc, clang, git, perl and ruby to ask where
/// these files are. Without PROGRAM the root gets busybox and its applets, or where the host has
/// none, a shell and the usual utilities.
#[derive(Debug, clap::Args)]
#[command(after_help = INIT_EXAMPLES)]
pub(super) struct Init {
    /// Build the root even if the directory isn't empty, and replace different files
    #[arg(short, long)]
    pub(super) force: bool,

    /// Report the files that were skipped, too
    #[arg(short, long)]
    pub(super) verbose: bool,

    /// Directory to build the root in; made if it doesn't exist
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = path())]
    pub(super) directory: PathBuf,

    /// Programs by name or path
    #[arg(value_name = "PROGRAM", value_hint = ValueHint::CommandName, value_parser = word())]
    pub(super) programs: Vec<OsString>,
}

/// Copy further programs of this host into a root
///
/// They come with everything that `newroot init` would bring. The root's own files stay as they
/// are.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// Replace the root's files that differ from the host's
    #[arg(short, long)]
    pub(super) force: bool,

    /// Report the files that were skipped, too
    #[arg(short, long)]
    pub(super) verbose: bool,

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
/// The archive has the owners, modes, devices and attributes that programs in the root see: those
/// that an ordinary user's `newroot run --root` recorded, and root as owner of all other files.
/// Unpacked by root, it gives the tree that root would have made. The archive is in the pax format
/// of POSIX, with attributes and access control lists as SCHILY.xattr, and users and groups as
/// numbers. Entries are sorted by name, so the same root gives the same bytes.
///
/// Sockets, the root's .newroot and the contents of mount points are left out.
#[derive(Debug, clap::Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub(super) struct Export {
    /// Write to this file, which appears when it is complete; the default, or `-`, is standard
    /// output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath, value_parser = path())]
    pub(super) output: Option<PathBuf>,

    /// Format of the archive
    #[arg(long, value_name = "FORMAT", default_value = "tar")]
    pub(super) format: Format,

    /// Compress the archive; the default follows FILE's name: .gz and .tgz, .xz and .txz
    #[arg(long, value_name = "HOW")]
    pub(super) compress: Option<Compress>,

    /// Limit modification times to this one, in seconds since 1970
    ///
    /// Files that were modified later get this time; older ones keep theirs. SOURCE_DATE_EPOCH
    /// stands for the value of the environment variable of this name.
    #[arg(long, value_name = "SECONDS|SOURCE_DATE_EPOCH", value_parser = Latest::parse, allow_negative_numbers = true)]
    pub(super) mtime: Option<Latest>,

    /// Directory of the root
    #[arg(value_name = "ROOT", value_hint = ValueHint::DirPath, value_parser = path())]
    pub(super) root: PathBuf,
}

/// Unpack a tar archive as a root
///
/// Owners, modes, devices and attributes are kept: root sets them; for an ordinary user they are
/// recorded, and `newroot run --root` shows them. The archive may be compressed with gzip, xz or
/// zstd. No archive makes newroot write outside of DIR. If the import fails, DIR is as it was.
///
/// Whiteouts of container layers (.wh.NAME) are unpacked as plain files.
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

/// Print the completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(super) struct Completions {
    /// Shell that reads the completions
    #[arg(value_name = "SHELL")]
    pub(super) shell: clap_complete::Shell,
}

/// Write all manual pages into a directory
///
/// There is a page for newroot, for each of its commands, and for the options of PRoot and chroot
/// that it takes. Pages that an earlier newroot has written are replaced; any other file stays, and
/// is an error.
#[derive(Debug, clap::Args)]
#[command(after_help = MAN_EXAMPLES)]
pub(super) struct Man {
    /// Directory for the pages, made if it doesn't exist; man(1) looks in directories named man1
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = path())]
    pub(super) directory: PathBuf,
}

/// Make the links `proot` and `chroot`, with their manual pages
///
/// Started through such a link, newroot takes the options of the program that the link is named
/// after. A link leads to `newroot` in the same directory where newroot is there, so that both can
/// be moved together, and else to newroot's absolute path. Links to newroot are replaced; any other
/// file stays, and is an error. The pages go to ../share/man/man1 where DIR is named bin or sbin.
#[derive(Debug, clap::Args)]
#[command(after_help = LINKS_EXAMPLES)]
pub(super) struct Links {
    /// Directory for the links, made if it doesn't exist
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = path())]
    pub(super) directory: PathBuf,

    /// Directory for the manual pages, made if it doesn't exist
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, value_parser = path())]
    pub(super) man: Option<PathBuf>,
}

/// Formats of an archive.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Format {
    /// A tar archive, as it is
    Tar,
    /// A layer of a container image (application/vnd.oci.image.layer.v1.tar+gzip); newroot prints
    /// its digest and that of the tar archive in it (diff-id)
    OciLayer,
}

/// Compressions of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Compress {
    /// No compression
    None,
    /// gzip
    Gzip,
    /// xz, at its usual level: smaller and slower
    Xz,
}

/// The engines.
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

/// Strictness of a confinement.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Confine {
    /// Confine the command as far as the kernel can
    BestEffort,
    /// Run the command only if the kernel enforces everything
    Strict,
}

/// Namespaces that newroot can make.
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

/// Parses the guest path of a fresh directory.
fn fresh(text: &OsStr) -> Result<PathBuf, &'static str> {
    let bytes = text.as_bytes();
    if bytes.contains(&b':') {
        return Err("it takes no options after a colon");
    }
    if bytes.first() == Some(&b'/') { Ok(PathBuf::from(text)) } else { Err("it is not absolute") }
}

/// Parses a number of traps.
fn traps(text: &str) -> Result<NonZeroU32, &'static str> {
    text.parse().map_err(|_| "it is not a number of 1 or more")
}

/// Parses the number of a descriptor that newroot doesn't pass on anyway.
fn descriptor(text: &str) -> Result<i32, &'static str> {
    let number = text.parse().ok().filter(|&number| number >= 3 && !text.starts_with('+'));
    number.ok_or("it is not a number of 3 or more")
}

/// Parses an octal mask, as umask(1) takes it.
fn mask(text: &str) -> Result<u32, &'static str> {
    let is_unsigned = !text.starts_with('+');
    u32::from_str_radix(text, 8)
        .ok()
        .filter(|&mask| is_unsigned && mask <= 0o777)
        .ok_or("it is not an octal number up to 777")
}

/// Returns a parser of host names that the kernel takes (`__NEW_UTS_LEN`).
fn hostname() -> impl clap::builder::TypedValueParser<Value = OsString> {
    word().try_map(|name| if name.len() > 64 { Err("it is longer than 64 bytes") } else { Ok(name) })
}

/// Parses the name of a capability.
fn capability(text: &str) -> Result<Capabilities, &'static str> {
    Capabilities::named(text).ok_or("there is no capability of this name")
}

/// Returns a parser of words that aren't empty.
fn word() -> impl clap::builder::TypedValueParser<Value = OsString> {
    OsStringValueParser::new().try_map(
        |text: OsString| {
            if text.is_empty() { Err("it is empty") } else { Ok(text) }
        },
    )
}

/// Returns a parser of paths that aren't empty.
fn path() -> impl clap::builder::TypedValueParser<Value = PathBuf> {
    word().map(PathBuf::from)
}
