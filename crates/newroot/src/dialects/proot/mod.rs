//! The proot dialect: every option of PRoot, with its spelling.
//!
//! The options mean what PRoot's manual says. This dialect also accepts forms that PRoot refuses
//! (`-rDIR`, `--rootfs DIR`, `--`).

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

/// Settings from the options parsed so far.
#[derive(Default)]
struct Settings {
    rootfs: Option<PathBuf>,
    /// Recommended bindings that the user asked for.
    recommended: Option<recommended::Set>,
    /// User and group as which the command appears.
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
                .map_err(|_| UsageError::new(format!("option '{spelling}' needs a {}", option.value)))?;
            if value.is_empty() {
                return Err(UsageError::new(format!(
                    "option '{spelling}' needs a {}, not an empty one",
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
                    "newroot doesn't support PRoot's option '{spelling}' ({})",
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
                // PRoot adds no entries.
                accounts: false,
                cwd: match self.cwd {
                    // A relative path starts at the caller's working directory.
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
            stray_option: None,
            env_files: Vec::new(),
            quiet: self.verbosity < 0,
        }
    }
}

/// Parses the numbers after `-i`.
fn ids(value: &OsString) -> Result<(u32, u32), UsageError> {
    let number = |text: &str| text.parse().ok().filter(|&number: &u32| number != u32::MAX);
    let parts = value.to_str().and_then(|text| text.split_once(':'));
    parts.and_then(|(uid, gid)| Some((number(uid)?, number(gid)?))).ok_or_else(|| {
        UsageError::new(format!(
            "option '-i' needs two numbers, 'uid:gid', not '{}'",
            Path::new(value).display()
        ))
    })
}

/// Parses the number after `-v`. A negative number suppresses warnings.
fn level(value: &OsString) -> Result<i32, UsageError> {
    value.to_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
        UsageError::new(format!("option '-v' needs a number, not '{}'", Path::new(value).display()))
    })
}

fn unknown(spelling: &Spelling) -> UsageError {
    UsageError::new(format!("unknown option '{spelling}'")).hint("'newroot proot --help' lists the options")
}

/// Words an error of the lexer. The only one left is a value for an option that takes none.
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
