//! PRoot's options: the table from which the parser, the help text, the manual page and the
//! completions are made.

use std::fmt;

use clap::builder::ValueHint;

/// An option with all its names.
pub(super) struct OptionRow {
    /// Its meaning in newroot.
    pub(super) meaning: Meaning,
    /// Its names as they are written, the usual ones first.
    names: &'static [&'static str],
    /// Name of its value; empty if it takes none.
    pub(super) value: &'static str,
    /// Its purpose, for the help text or the refusal.
    pub(super) help: &'static str,
}

/// Meaning of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Rootfs,
    RecommendedRootfs,
    Bind,
    WorkingDirectory,
    RootId,
    ChangeId,
    RootIdRootfs,
    KernelRelease,
    Link2Symlink,
    KillOnExit,
    Verbose,
    Version,
    Help,
    /// The option changes nothing: newroot, or an ordinary Linux, does anyway what PRoot does for
    /// it.
    Needless,
    /// PRoot has the option, newroot doesn't.
    Unsupported,
}

/// An option as it was written.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    Short(char),
    Long(String),
}

impl fmt::Display for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(letter) => write!(f, "-{letter}"),
            Self::Long(word) => write!(f, "--{word}"),
        }
    }
}

/// Returns the option of that name.
pub(super) fn find(spelling: &Spelling) -> Option<&'static OptionRow> {
    let written = spelling.to_string();
    TABLE.iter().find(|row| row.names.contains(&written.as_str()))
}

/// Returns a row of the table.
const fn row(
    meaning: Meaning,
    names: &'static [&'static str],
    value: &'static str,
    help: &'static str,
) -> OptionRow {
    OptionRow { meaning, names, value, help }
}

#[rustfmt::skip]
const TABLE: &[OptionRow] = &[
    row(Meaning::Rootfs, &["-r", "--rootfs"], "directory",
        "Directory that becomes `/`; the default is the host's own"),
    row(Meaning::RecommendedRootfs, &["-R"], "directory",
        "Like -r, and bind the host files that most programs need: /dev, /proc, /sys, /tmp, /run, the \
         home directory, the root itself at its host path, and the user, group and network files of \
         /etc. Missing ones are skipped"),
    row(Meaning::Bind, &["-b", "-m", "--bind", "--mount"], "host[:guest[!][:ro]]",
        "Bind a host file or directory, at the same path or at another one; with ! onto a symbolic \
         link itself instead of its target, with :ro read-only. A missing host path is skipped with a \
         warning"),
    row(Meaning::RootId, &["-0", "--root-id"], "",
        "Appear as root: chown, mknod, setuid and the like work inside the root; newroot records \
         owners and modes of the root's files there"),
    row(Meaning::ChangeId, &["-i", "--change-id"], "uid:gid",
        "Appear as this user and group, which also own the root's files unless other owners are recorded"),
    row(Meaning::RootIdRootfs, &["-S"], "directory",
        "Like -0 -r, and bind the host files that package managers need: /dev, /proc, /sys, /tmp, \
         /run/shm, the home directory, the root itself at its host path, and the network files of \
         /etc. Missing ones are skipped"),
    row(Meaning::WorkingDirectory, &["-w", "--pwd", "--cwd"], "directory",
        "Start in this directory; the default is your current one. If the root doesn't have it, the \
         command starts in / with a warning"),
    row(Meaning::KernelRelease, &["-k", "--kernel-release"], "string",
        "Kernel release that uname(2) reports; or all its names, and AT_HWCAP in hexadecimal (-1: the host's), as \
         `\\sysname\\nodename\\release\\version\\machine\\domainname\\hwcap\\`"),
    row(Meaning::Link2Symlink, &["-l", "--link2symlink"], "",
        "Keep hard links in the root if the host refuses them: a file that gets a second name moves to a \
         hidden directory of the root, and its names lead there"),
    row(Meaning::KillOnExit, &["--kill-on-exit"], "",
        "Kill the processes that the command leaves behind when it ends"),
    row(Meaning::Verbose, &["-v", "--verbose"], "level",
        "Report more (1, 2 …), or print no warnings (-1)"),
    row(Meaning::Version, &["-V", "--version", "--about"], "",
        "Print the version"),
    row(Meaning::Help, &["-h", "--help", "--usage"], "",
        "Print this help"),

    row(Meaning::Needless, &["--sysvipc"], "",
        "No effect: the kernel provides System V IPC"),
    row(Meaning::Needless, &["-L"], "",
        "No effect: the size of a symbolic link is always the length of its text"),
    row(Meaning::Needless, &["-H"], "",
        "No effect: newroot's own files are always hidden"),
    row(Meaning::Needless, &["--ashmem-memfd"], "",
        "No effect: the kernel provides memory files"),

    row(Meaning::Unsupported, &["-q", "--qemu"], "command",
        "runs programs of other processors with QEMU"),
    row(Meaning::Unsupported, &["--mixed-mode"], "value",
        "runs host programs among those that QEMU runs"),
    row(Meaning::Unsupported, &["-p", "--port"], "in:out",
        "maps port numbers"),
    row(Meaning::Unsupported, &["-n", "--netcoop"], "",
        "chooses free port numbers"),
];

/// Returns the definition from which the help text, the manual page and the completions are made.
/// The parser doesn't use it. The definition can't express that the first word which isn't an
/// option ends the options: that is left to the lexer.
#[must_use]
pub fn command() -> clap::Command {
    let (known, refused): (Vec<_>, Vec<_>) =
        TABLE.iter().partition(|row| row.meaning != Meaning::Unsupported);
    clap::Command::new("proot")
        .about("Run a command in a root, with PRoot's options")
        .version(env!("CARGO_PKG_VERSION"))
        .override_usage("newroot proot [OPTIONS] [COMMAND]...\n       proot [OPTIONS] [COMMAND]...")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(known.into_iter().map(argument))
        .arg(
            clap::Arg::new("command")
                .value_name("COMMAND")
                .num_args(0..)
                .trailing_var_arg(true)
                .value_hint(ValueHint::CommandWithArguments)
                .help("Command to run, with its arguments; the default is /bin/sh"),
        )
        .after_help(format!(
            "Examples:\n  \
             proot -r ./debian -b /proc -b /dev ls /\n  \
             proot -R ./debian\n  \
             proot -b ~/hosts:/etc/hosts ping example\n\n\
             Notes:\n  \
             A link named proot, or proot-ANYTHING, that points to newroot takes these options, too.\n  \
             Unlike in PRoot, `:ro` at the end of a binding isn't part of the guest path (`:ro/` is).\n  \
             A missing host path or working directory is no error, unlike in newroot run.\n  \
             A binding at a deeper guest path prevails over one above it, in either order.\n  \
             A symbolic link in a binding that leads by an absolute path into the bound directory reads\n  \
             as the guest path of its target. Root gets the trap engine if a directory is bound at another\n  \
             path than its own.\n  \
             PRoot's options that newroot doesn't have: {}.",
            refused.iter().map(|row| row.names.join("/")).collect::<Vec<_>>().join(", ")
        ))
}

/// Returns the help text.
pub(super) fn help() -> String {
    command().render_help().to_string()
}

/// Returns the version, with the name of the dialect.
pub(super) fn about() -> String {
    format!(
        "newroot {}, speaking the proot dialect\n{}\nLicense: {}\n",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_DESCRIPTION"),
        env!("CARGO_PKG_LICENSE"),
    )
}

fn argument(row: &'static OptionRow) -> clap::Arg {
    let mut argument = clap::Arg::new(row.names[0]).help(row.help);
    for name in row.names {
        argument = match name.strip_prefix("--") {
            Some(word) if argument.get_long().is_none() => argument.long(word),
            Some(word) => argument.visible_alias(word),
            None => {
                let letter = name.chars().nth(1);
                match argument.get_short() {
                    None => argument.short(letter),
                    Some(_) => argument.visible_short_alias(letter),
                }
            }
        };
    }
    if row.value.is_empty() {
        return argument.action(clap::ArgAction::SetTrue);
    }
    let argument = argument.value_name(row.value).action(clap::ArgAction::Append);
    match row.meaning {
        Meaning::Rootfs | Meaning::RecommendedRootfs | Meaning::RootIdRootfs => {
            argument.value_hint(ValueHint::DirPath)
        }
        Meaning::Bind => argument.value_hint(ValueHint::AnyPath),
        _ => argument,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_for_two_options() {
        let mut names: Vec<_> = TABLE.iter().flat_map(|row| row.names).collect();
        let all = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn help_names_every_option() {
        let help = help();
        for row in TABLE {
            for name in row.names {
                assert!(help.contains(name), "{name} is missing in:\n{help}");
            }
        }
    }

    #[test]
    fn definition_is_sound() {
        command().debug_assert();
    }
}
