//! The options: those of chroot(1), and those that newroot adds.

use clap::ValueHint;

/// Meaning of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Groups,
    UserSpec,
    SkipChdir,
    Mount,
    Bind,
    BindReadOnly,
    Help,
    Version,
}

/// One option.
#[derive(Debug)]
pub(super) struct OptionRow {
    pub(super) name: &'static str,
    pub(super) meaning: Meaning,
    /// Name of its value; empty if it takes none.
    pub(super) value: &'static str,
    help: &'static str,
}

const fn row(name: &'static str, meaning: Meaning, value: &'static str, help: &'static str) -> OptionRow {
    OptionRow { name, meaning, value, help }
}

/// All options.
const TABLE: &[OptionRow] = &[
    row("groups", Meaning::Groups, "G_LIST", "Supplementary groups, separated by commas"),
    row(
        "userspec",
        Meaning::UserSpec,
        "USER[:GROUP]",
        "User and group to run as, by name or number; +NUMBER is never a name",
    ),
    row("skip-chdir", Meaning::SkipChdir, "", "Stay in the working directory; only if NEWROOT is '/'"),
    row(
        "mount",
        Meaning::Mount,
        "",
        "Mount the host's /proc, /sys, /dev and /etc/resolv.conf, as far as they exist, and an empty /run and \
         /tmp, for this command only; --bind /tmp mounts the host's /tmp instead",
    ),
    row(
        "bind",
        Meaning::Bind,
        "HOST[:GUEST[:ro]]",
        "Mount a host file or directory for this command only, with :ro read-only; a missing HOST is an error",
    ),
    row("ro-bind", Meaning::BindReadOnly, "HOST[:GUEST]", "The same, read-only"),
    row("help", Meaning::Help, "", "Print this help"),
    row("version", Meaning::Version, "", "Print the version"),
];

/// Returns the options that a word stands for: the one of that name, or else, as in getopt_long(3),
/// all whose names begin with it.
pub(super) fn find(word: &str) -> Vec<&'static OptionRow> {
    if let Some(exact) = TABLE.iter().find(|row| row.name == word) {
        return vec![exact];
    }
    TABLE.iter().filter(|row| row.name.starts_with(word)).collect()
}

/// Returns the definition from which help, manual page and completions are made.
#[must_use]
pub fn command() -> clap::Command {
    clap::Command::new("chroot")
        .about("Run a command in a root, with chroot's options")
        .version(env!("CARGO_PKG_VERSION"))
        .override_usage(
            "newroot chroot [OPTION]... NEWROOT [COMMAND [ARG]...]\n       \
             chroot [OPTION]... NEWROOT [COMMAND [ARG]...]",
        )
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(TABLE.iter().map(argument))
        .arg(
            clap::Arg::new("newroot")
                .value_name("NEWROOT")
                .value_hint(ValueHint::DirPath)
                .help("Directory that becomes '/'"),
        )
        .arg(
            clap::Arg::new("command")
                .value_name("COMMAND")
                .num_args(0..)
                .trailing_var_arg(true)
                .value_hint(ValueHint::CommandWithArguments)
                .help("Command to run, with its arguments; the default is \"$SHELL\" -i, else /bin/sh -i"),
        )
        .after_help(
            "Examples:\n  \
             chroot ./debian                       a shell in ./debian\n  \
             chroot --userspec=ann ./debian id     as the user ann of ./debian\n  \
             chroot --mount ./debian apt update    with /proc, /dev and the like, for this command only\n\n\
             Notes:\n  \
             A link named chroot that points to newroot takes these options, too.\n  \
             The command starts in /, as in chroot(1). It sees the root's own users and groups: newroot adds\n  \
             no entries.\n  \
             An ordinary user gets the namespace engine if the host allows it, else the trap engine. With\n  \
             the trap engine and --mount, newroot waits for the command and kills the processes that it\n  \
             leaves behind.\n\n\
             Exit status:\n  \
             The command's own; 127 if it was not found, 126 if it could not be executed, 125 if\n  \
             newroot itself failed.",
        )
}

/// Returns the help text.
pub(super) fn help() -> String {
    command().render_help().to_string()
}

/// Returns the version, with the name of the dialect.
pub(super) fn version() -> String {
    format!(
        "newroot {}, speaking the chroot dialect\n{}\nLicense: {}\n",
        env!("CARGO_PKG_VERSION"),
        env!("CARGO_PKG_DESCRIPTION"),
        env!("CARGO_PKG_LICENSE"),
    )
}

fn argument(row: &'static OptionRow) -> clap::Arg {
    let argument = clap::Arg::new(row.name).long(row.name).help(row.help);
    if row.value.is_empty() {
        argument.action(clap::ArgAction::SetTrue)
    } else {
        argument.value_name(row.value).action(clap::ArgAction::Append)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_of_a_name_stands_for_it_if_no_other_begins_so() {
        let names = |word| find(word).iter().map(|row| row.name).collect::<Vec<_>>();
        assert_eq!(names("user"), ["userspec"]);
        assert_eq!(names("skip"), ["skip-chdir"]);
        assert_eq!(names("mount"), ["mount"]);
        assert_eq!(names("nothing"), [""; 0]);
    }

    #[test]
    fn definition_is_sound() {
        command().debug_assert();
    }
}
