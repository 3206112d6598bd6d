//! The chroot dialect: every option of GNU coreutils' chroot(1), with its spelling and meaning.

mod options;
mod wording;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use lexopt::{Arg, Parser};
use newroot_engine::{
    Access, Binding, BindingRules, CommandLine, EngineChoice, Environment, FakeRoot, Fresh, GuestLink,
    HardLinks, Identity, Isolation, LaunchSpec, Missing, Uname, WorkingDirectory,
};

use self::options::{Meaning, OptionRow};
use super::native::binding;
use super::{Launch, Request, UsageError, identity};
use crate::caller::Caller;

pub use self::options::command;
pub(super) use self::wording::wording;

/// Host paths that `--mount` mounts, with the mounts below them (/dev/pts, /dev/shm).
const MOUNTS: &[&str] = &["/proc", "/sys", "/dev", "/etc/resolv.conf"];

/// Empty directories that `--mount` gives the command, with their modes.
const FRESH: &[(&str, u32)] = &[("/run", 0o755), ("/tmp", 0o1777)];

/// Settings from the options parsed so far.
#[derive(Default)]
struct Settings {
    identity: Identity,
    skip_chdir: bool,
    mount: bool,
    bindings: Vec<Binding>,
}

/// Parses the arguments after the program's name.
pub(super) fn parse(arguments: &[OsString], caller: &Caller) -> Result<Request, UsageError> {
    let mut parser = Parser::from_args(arguments);
    let mut settings = Settings::default();
    while let Some(argument) = parser.next().map_err(lexer_error)? {
        let option = match argument {
            Arg::Short(letter) => return Err(usage(format!("invalid option -- '{letter}'"))),
            Arg::Long(word) => find(word)?,
            Arg::Value(rootfs) => {
                // All words after the root belong to the command, `--` too.
                let command = parser.raw_args().map_err(lexer_error)?.collect();
                let launch = settings.lower(PathBuf::from(rootfs), command, caller);
                return Ok(Request::Launch(Box::new(launch)));
            }
        };
        let value = if option.value.is_empty() {
            OsString::new()
        } else {
            parser.value().map_err(|_| usage(format!("option '--{}' requires an argument", option.name)))?
        };
        match option.meaning {
            Meaning::Groups => settings.identity.groups = Some(identity::groups(&value).map_err(malformed)?),
            Meaning::UserSpec => {
                let groups = settings.identity.groups.take();
                settings.identity = Identity { groups, ..identity::userspec(&value).map_err(malformed)? };
            }
            Meaning::SkipChdir => settings.skip_chdir = true,
            Meaning::Mount => settings.mount = true,
            Meaning::Bind => settings.bindings.push(bind(option, &value)?),
            Meaning::BindReadOnly => {
                let read_only = Binding { access: Access::ReadOnly, ..bind(option, &value)? };
                settings.bindings.push(read_only);
            }
            Meaning::Help => return Ok(Request::Print(options::help())),
            Meaning::Version => return Ok(Request::Print(options::version())),
        }
    }
    Err(usage("missing operand"))
}

impl Settings {
    fn lower(self, rootfs: PathBuf, command: Vec<OsString>, caller: &Caller) -> Launch {
        let (mounts, fresh) = if self.mount { (MOUNTS, FRESH) } else { (&[][..], &[][..]) };
        Launch {
            spec: LaunchSpec {
                fake_root: FakeRoot::On,
                hard_links: HardLinks::OfTheHost,
                rootfs,
                bindings: mounts.iter().map(|path| mount(path)).chain(self.bindings).collect(),
                binding_rules: BindingRules::default(),
                fresh: fresh
                    .iter()
                    .map(|(path, mode)| Fresh { guest: PathBuf::from(path), mode: *mode })
                    .collect(),
                read_only: false,
                // A chroot shows the root's own files of users and groups.
                accounts: false,
                cwd: if self.skip_chdir {
                    WorkingDirectory::Leave
                } else {
                    WorkingDirectory::Guest(PathBuf::from("/"))
                },
                command: CommandLine::Given(if command.is_empty() { shell(caller) } else { command }),
                environment: Environment::default(),
                engine: EngineChoice::LikeChroot,
                patching: caller.patching(),
                identity: self.identity,
                isolation: Isolation::default(),
                umask: None,
                kill_on_exit: false,
                uname: Uname::default(),
                verbosity: 0,
            },
            default_root: false,
            stray_option: None,
            env_files: Vec::new(),
            quiet: false,
        }
    }
}

fn mount(path: &str) -> Binding {
    Binding {
        host: PathBuf::from(path),
        guest: None,
        access: Access::ReadWrite,
        guest_link: GuestLink::Follow,
        missing: Missing::Ignore,
    }
}

/// Returns the command of an interactive shell: `$SHELL`, even if that is empty, else `/bin/sh`.
fn shell(caller: &Caller) -> Vec<OsString> {
    let own = caller.variable(OsStr::new("SHELL")).unwrap_or(OsStr::new("/bin/sh"));
    vec![own.to_owned(), OsString::from("-i")]
}

fn bind(option: &OptionRow, value: &OsStr) -> Result<Binding, UsageError> {
    binding::parse(value)
        .map_err(|why| usage(format!("invalid value '{}' for '--{}': {why}", value.display(), option.name)))
}

fn find(word: &str) -> Result<&'static OptionRow, UsageError> {
    match options::find(word)[..] {
        [] => Err(usage(format!("unrecognized option '--{word}'"))),
        [option] => Ok(option),
        _ => Err(usage(format!("option '--{word}' is ambiguous"))),
    }
}

fn usage(message: impl Into<String>) -> UsageError {
    UsageError::new(message).hint("Try 'chroot --help' for more information.")
}

fn malformed(error: identity::Malformed) -> UsageError {
    UsageError::new(error.to_string())
}

/// Words an error of the lexer. The only one left is a value for an option that takes none.
fn lexer_error(error: lexopt::Error) -> UsageError {
    match error {
        lexopt::Error::UnexpectedValue { option, .. } => {
            let name = option.trim_start_matches('-');
            let name = options::find(name).first().map_or(name, |option| option.name).to_owned();
            usage(format!("option '--{name}' doesn't allow an argument"))
        }
        other => usage(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
