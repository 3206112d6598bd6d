//! PRoot's words: every option spelled as its users know it.
//!
//! What the options mean is what PRoot's manual says; where this dialect is more lenient
//! (`-rDIR`, `--rootfs DIR`, `--`), it gives a meaning to what PRoot refuses.

mod binding;
mod options;
mod recommended;
mod uname;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use lexopt::{Arg, Parser};
use newroot_engine::{
    Binding, BindingRules, CommandLine, EngineChoice, Environment, FakeRoot, HardLinks, Identity, Isolation,
    LaunchSpec, Principal, Uname, WorkingDirectory,
};

use self::options::{Meaning, Spelling};
use super::{Launch, Request, UsageError};
use crate::caller::Caller;

pub use self::options::command;

/// What the options have said so far.
#[derive(Default)]
struct Settings {
    rootfs: Option<PathBuf>,
    /// Recommended bindings that are wanted.
    recommended: Option<recommended::Set>,
    /// Who the command is to believe to be.
    identity: Option<(u32, u32)>,
    bindings: Vec<Binding>,
    cwd: Option<PathBuf>,
    hard_links: HardLinks,
    uname: Uname,
    kill_on_exit: bool,
    verbosity: i32,
}

/// Parses the arguments after the program's name.
pub(super) fn parse(arguments: &[OsString], caller: &Caller) -> Result<Request, UsageError> {
    let mut parser = Parser::from_args(arguments);
    let mut settings = Settings::default();
    let mut command = Vec::new();
    while let Some(argument) = parser.next().map_err(lexer_error)? {
        let spelling = match argument {
            Arg::Short(letter) => Spelling::Short(letter),
            Arg::Long(word) => Spelling::Long(word.to_owned()),
            Arg::Value(program) => {
                command.push(program);
                command.extend(parser.raw_args().map_err(lexer_error)?);
                break;
            }
        };
        let option = options::find(&spelling).ok_or_else(|| unknown(&spelling))?;
        let mut value = || -> Result<OsString, UsageError> {
            let value = parser
                .value()
                .map_err(|_| UsageError::new(format!("option '{spelling}' wants a {}", option.value)))?;
            if value.is_empty() {
                return Err(UsageError::new(format!(
                    "option '{spelling}' wants a {}, not an empty one",
                    option.value
                )));
            }
            Ok(value)
        };
        match option.meaning {
            Meaning::Rootfs => settings.rootfs = Some(value()?.into()),
            Meaning::RecommendedRootfs => {
                settings.rootfs = Some(value()?.into());
                settings.recommended = Some(recommended::Set::Everyday);
            }
            Meaning::RootIdRootfs => {
                settings.rootfs = Some(value()?.into());
                settings.recommended = Some(recommended::Set::Installing);
                settings.identity = Some((0, 0));
            }
            Meaning::RootId => settings.identity = Some((0, 0)),
            Meaning::ChangeId => settings.identity = Some(ids(&value()?)?),
            Meaning::Bind => settings.bindings.push(binding::parse(&value()?)?),
            Meaning::WorkingDirectory => settings.cwd = Some(value()?.into()),
            Meaning::KernelRelease => settings.uname = uname::parse(value()?)?,
            Meaning::Link2Symlink => settings.hard_links = HardLinks::Emulated,
            Meaning::KillOnExit => settings.kill_on_exit = true,
            Meaning::Verbose => settings.verbosity = level(&value()?)?,
            Meaning::Version => return Ok(Request::Print(options::about())),
            Meaning::Help => return Ok(Request::Print(options::help())),
            Meaning::Needless => {}
            Meaning::Unsupported => {
                return Err(UsageError::new(format!(
                    "option '{spelling}' is PRoot's ({}), and not supported by newroot",
                    option.help
                )));
            }
        }
    }
    Ok(Request::Launch(Box::new(settings.lower(command, caller))))
}

impl Settings {
    fn lower(self, command: Vec<OsString>, caller: &Caller) -> Launch {
        let rootfs = self.rootfs.unwrap_or_else(|| PathBuf::from("/"));
        let bindings = match self.recommended {
            Some(set) => recommended::bindings(set, &rootfs, self.bindings, caller),
            None => self.bindings,
        };
        let principal = |number| Some(Principal::Number(number));
        let identity = self.identity.map_or_else(Identity::default, |(uid, gid)| Identity {
            user: principal(uid),
            group: principal(gid),
            groups: Some(Vec::new()),
            dotted: None,
        });
        Launch {
            spec: LaunchSpec {
                rootfs,
                bindings,
                binding_rules: BindingRules::Proot,
                fresh: Vec::new(),
                read_only: false,
                // PRoot makes no entries up.
                accounts: false,
                cwd: match self.cwd {
                    // A relative one is meant from where the caller is.
                    Some(directory) => WorkingDirectory::GuestOrRoot(caller.absolute(&directory)),
                    None => WorkingDirectory::Inherit,
                },
                command: CommandLine::Given(if command.is_empty() {
                    vec![OsString::from("/bin/sh")]
                } else {
                    command
                }),
                environment: Environment::default(),
                engine: EngineChoice::Auto,
                patching: caller.patching(),
                kill_on_exit: self.kill_on_exit,
                identity,
                fake_root: FakeRoot::OwnFiles,
                hard_links: self.hard_links,
                isolation: Isolation::default(),
                umask: None,
                uname: self.uname,
                verbosity: u8::try_from(self.verbosity.clamp(0, 255)).unwrap_or(u8::MAX),
            },
            default_root: false,
            env_files: Vec::new(),
            quiet: self.verbosity < 0,
        }
    }
}

/// The numbers after `-i`.
fn ids(value: &OsString) -> Result<(u32, u32), UsageError> {
    let number = |text: &str| text.parse().ok().filter(|&number: &u32| number != u32::MAX);
    let parts = value.to_str().and_then(|text| text.split_once(':'));
    parts.and_then(|(uid, gid)| Some((number(uid)?, number(gid)?))).ok_or_else(|| {
        UsageError::new(format!(
            "option '-i' wants two numbers, 'uid:gid', not '{}'",
            Path::new(value).display()
        ))
    })
}

/// The number after `-v`: negative ones silence the warnings.
fn level(value: &OsString) -> Result<i32, UsageError> {
    value.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
        UsageError::new(format!("option '-v' wants a number, not '{}'", Path::new(value).display()))
    })
}

fn unknown(spelling: &Spelling) -> UsageError {
    UsageError::new(format!("unknown option '{spelling}'"))
        .hint("the options are listed by 'newroot proot --help'")
}

/// What is left for the lexer to complain of: a value given to an option that takes none.
fn lexer_error(error: lexopt::Error) -> UsageError {
    match error {
        lexopt::Error::UnexpectedValue { option, .. } => {
            UsageError::new(format!("option '{option}' takes no value"))
        }
        other => UsageError::new(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
