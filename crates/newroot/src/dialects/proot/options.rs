//! PRoot's options: the table that the parser, the help text, the manual page and the
//! completions come from.

use std::fmt;

use clap::builder::ValueHint;

/// One option, with all its names.
pub(super) struct OptionRow {
    /// What it does here.
    pub(super) meaning: Meaning,
    /// Its names as one writes them, the usual ones first.
    names: &'static [&'static str],
    /// What its value is; empty if it takes none.
    pub(super) value: &'static str,
    /// What it is for.
    pub(super) help: &'static str,
}

/// What an option does.
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
    /// PRoot does something for it that newroot, or an ordinary Linux, does anyway.
    Needless,
    /// PRoot has it, newroot doesn't.
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

/// The option of that name.
pub(super) fn find(spelling: &Spelling) -> Option<&'static OptionRow> {
    let written = spelling.to_string();
    TABLE.iter().find(|row| row.names.contains(&written.as_str()))
}

/// A row of the table.
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
        "Like -r, and bind the files of the host that most programs want: /dev, /proc, /sys, \
         /tmp, /run, the home directory, the root itself at its host path, and the user, group \
         and network files of /etc. Those that the host hasn't got are left out"),
    row(Meaning::Bind, &["-b", "-m", "--bind", "--mount"], "host[:guest[!][:ro]]",
        "Bind a host file or directory, at the same path or at another one; with ! onto a \
         symbolic link itself rather than onto what it points to, with :ro read-only. One that the host \
         hasn't got is left out with a warning"),
    row(Meaning::RootId, &["-0", "--root-id"], "",
        "Appear as root, who may do what root may; owners and modes that are given to files of the \
         root are remembered there"),
    row(Meaning::ChangeId, &["-i", "--change-id"], "uid:gid",
        "Appear as this user and group, whose the root's files seem to be unless others are remembered"),
    row(Meaning::RootIdRootfs, &["-S"], "directory",
        "Like -0 -r, and bind what programs that install others want of the host: /dev, /proc, /sys, \
         /tmp, /run/shm, the home directory, the root itself at its host path, and the network files \
         of /etc"),
    row(Meaning::WorkingDirectory, &["-w", "--pwd", "--cwd"], "directory",
        "Start in this directory; the default is the caller's. Where the root hasn't got it, start in / with a \
         warning"),
    row(Meaning::KernelRelease, &["-k", "--kernel-release"], "string",
        "Kernel release that uname(2) tells; or all its names and AT_HWCAP in hexadecimal (-1: the host's), as \
         `\\sysname\\nodename\\release\\version\\machine\\domainname\\hwcap\\`"),
    row(Meaning::Link2Symlink, &["-l", "--link2symlink"], "",
        "Where the host refuses hard links, keep a file with several names inside the root, hidden, and \
         have its names lead there"),
    row(Meaning::KillOnExit, &["--kill-on-exit"], "",
        "End all processes the command has left behind when it ends"),
    row(Meaning::Verbose, &["-v", "--verbose"], "level",
        "Say more (1, 2 …), or leave out warnings (-1)"),
    row(Meaning::Version, &["-V", "--version", "--about"], "",
        "Print the version"),
    row(Meaning::Help, &["-h", "--help", "--usage"], "",
        "Print this help"),

    row(Meaning::Needless, &["--sysvipc"], "",
        "Nothing: System V IPC is the kernel's"),
    row(Meaning::Needless, &["-L"], "",
        "Nothing: the size of a symbolic link is the length of its text"),
    row(Meaning::Needless, &["-H"], "",
        "Nothing: newroot leaves no files of its own to be seen"),
    row(Meaning::Needless, &["--ashmem-memfd"], "",
        "Nothing: memory files are the kernel's"),

    row(Meaning::Unsupported, &["-q", "--qemu"], "command",
        "programs of other processors, by QEMU"),
    row(Meaning::Unsupported, &["--mixed-mode"], "value",
        "host programs among those run by QEMU"),
    row(Meaning::Unsupported, &["-p", "--port"], "in:out",
        "other port numbers"),
    row(Meaning::Unsupported, &["-n", "--netcoop"], "",
        "free port numbers"),
];

/// The definition that the help text, the manual page and the completions are made from. The
/// parser doesn't use it: what it can't say (the first word that isn't an option ends the
/// options) is said by the lexer.
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
             A link named proot, or proot-ANYTHING, that points to newroot speaks this dialect too.\n  \
             Unlike in PRoot, `:ro` at the end of a binding isn't part of the guest path (`:ro/` is).\n  \
             A missing host path or working directory is no error, unlike in newroot run.\n  \
             A binding at a deeper guest path prevails over one above it, whichever comes first.\n  \
             A symbolic link in a binding that leads by an absolute path into the bound directory is\n  \
             seen with the guest's path of it; root gets the trap engine where a directory is bound at\n  \
             another path than its own.\n  \
             PRoot's options that newroot doesn't have: {}.",
            refused.iter().map(|row| row.names.join("/")).collect::<Vec<_>>().join(", ")
        ))
}

/// The help text.
pub(super) fn help() -> String {
    command().render_help().to_string()
}

/// The version, and whose words these are.
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
