//! The native dialect: checked input, clear errors.

mod archive;
mod arguments;
pub(super) mod binding;
mod foreign;
mod usage;
mod variable;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::{CommandFactory, FromArgMatches};
use newroot_engine::{
    Access, Binding, BindingRules, Capabilities, CommandLine, Confinement, Environment, FakeRoot, Fresh,
    GuestLink, HardLinks, Identity, Isolation, LaunchSpec, Missing, Namespace, Patching, Principal, Uname,
    UserMap, WorkingDirectory,
};

use self::arguments::{Arguments, Engine, Run, Subcommand};
use super::{Launch, Request, UsageError, chroot, identity, proot};
use crate::caller::Caller;

/// Host paths bound by default: those that most programs need, and none of the user's own files.
const RECOMMENDED: &[&str] = &["/proc", "/sys", "/dev", "/tmp", "/etc/resolv.conf", "/etc/hosts"];

/// Shells to look for in a guest after the caller's own shell, best first.
const SHELLS: &[&str] = &["/bin/bash", "/usr/bin/bash", "/bin/sh", "/usr/bin/sh"];

/// Returns the definition from which help, manual pages and completions are made.
#[must_use]
pub fn command() -> clap::Command {
    Arguments::command().subcommand(proot::command()).subcommand(chroot::command())
}

/// Returns the definition that parses. It also has the words of other programs that newroot takes.
fn parser() -> clap::Command {
    foreign::extend(command())
}

/// Parses the arguments after the program's name.
pub(super) fn parse(arguments: &[OsString], caller: &Caller) -> Result<Request, UsageError> {
    let name = OsStr::new("newroot");
    let argv = std::iter::once(name).chain(arguments.iter().map(OsString::as_os_str));
    let parsed = parser().try_get_matches_from(argv).and_then(|matches| {
        let mut parsed = Arguments::from_arg_matches(&matches)?;
        if let (Subcommand::Run(run), Some((_, matches))) = (&mut parsed.command, matches.subcommand()) {
            run.adopt(matches)?;
        }
        Ok(parsed)
    });
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(error) if error.use_stderr() => return Err(usage::error(&error, arguments)),
        Err(help) => return Ok(Request::Print(help.to_string())),
    };
    match parsed.command {
        Subcommand::Run(run) => Ok(Request::Launch(Box::new(lower(*run, arguments, caller)?))),
        Subcommand::Init(init) => Ok(Request::Init {
            directory: init.directory,
            programs: init.programs,
            force: init.force,
            verbose: init.verbose,
        }),
        Subcommand::Add(add) => Ok(Request::Add {
            directory: add.directory,
            programs: add.programs,
            force: add.force,
            verbose: add.verbose,
        }),
        Subcommand::Export(export) => Ok(archive::export(export, caller)?),
        Subcommand::Import(import) => Ok(archive::import(import)),
        Subcommand::Doctor => Ok(Request::Doctor),
        Subcommand::Completions(completions) => Ok(Request::Print(script(completions.shell))),
        Subcommand::Man(man) => Ok(Request::Manual { directory: man.directory }),
        Subcommand::Links(links) => Ok(Request::Links { directory: links.directory, manual: links.man }),
    }
}

/// Returns the script that makes `shell` complete newroot's command line.
fn script(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "newroot", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Returns the launch that `run` asks for. `arguments` is the text that it was parsed from.
fn lower(run: Run, arguments: &[OsString], caller: &Caller) -> Result<Launch, UsageError> {
    foreign::refuse_volume_as_root(run.rootfs.as_ref(), arguments)?;
    foreign::refuse_value_as_root(run.rootfs.as_ref(), arguments)?;
    let identity = who(&run)?;
    let fake_root = if run.root { FakeRoot::Required } else { FakeRoot::On };
    let isolation = isolation(&run);
    let (rootfs, command) = separate(run.rootfs, run.command, arguments);
    let default_root = rootfs.is_none();
    let stray_option = if default_root { None } else { foreign::option_as_command(&command, arguments) };
    let home = if run.home { Some(home(caller)?) } else { None };
    let recommended = RECOMMENDED.iter().filter(|&&path| {
        // Files that fake root makes in /tmp must keep their owners.
        let is_roots_own = run.root && path == "/tmp";
        !run.no_recommended && !is_roots_own
    });
    Ok(Launch {
        spec: LaunchSpec {
            rootfs: PathBuf::from(rootfs.unwrap_or_default()),
            bindings: recommended
                .map(|path| recommended_binding(path))
                .chain(home.as_deref().map(home_binding))
                .chain(run.bind)
                .collect(),
            binding_rules: BindingRules::default(),
            fresh: run.tmpfs.into_iter().map(|guest| Fresh { guest, mode: 0o1777 }).collect(),
            read_only: run.read_only,
            accounts: !run.no_passwd && !run.no_recommended,
            cwd: match run.workdir {
                Some(directory) => WorkingDirectory::Guest(directory),
                None if run.skip_chdir => WorkingDirectory::Leave,
                None => WorkingDirectory::InheritOrRoot,
            },
            command: if command.is_empty() { shell(caller) } else { CommandLine::Given(command) },
            environment: Environment {
                clear: run.clear_env,
                guest_defaults: true,
                home,
                set: run.env.into_iter().filter_map(|variable| variable.resolve(caller)).collect(),
            },
            engine: match run.engine {
                Engine::Auto => newroot_engine::EngineChoice::Auto,
                Engine::Trap => newroot_engine::EngineChoice::Trap,
                Engine::Namespace => newroot_engine::EngineChoice::Namespace,
                Engine::Chroot => newroot_engine::EngineChoice::Chroot,
            },
            patching: match run.patch_after {
                Some(traps) => Patching::After(traps),
                None if run.no_patch => Patching::Never,
                None => caller.patching(),
            },
            kill_on_exit: run.kill_on_exit,
            identity,
            fake_root,
            hard_links: if run.link2symlink { HardLinks::Emulated } else { HardLinks::OfTheHost },
            isolation,
            umask: run.umask,
            uname: Uname::default(),
            verbosity: run.verbose,
        },
        default_root,
        stray_option,
        env_files: run.env_file,
        quiet: run.quiet,
    })
}

/// Returns the identity with which the command runs.
fn who(run: &Run) -> Result<Identity, UsageError> {
    let malformed = |error: identity::Malformed| UsageError::new(error.to_string());
    if run.root {
        let root = Some(Principal::Number(0));
        let groups = run.groups.as_deref().map(identity::groups).transpose().map_err(malformed)?;
        return Ok(Identity {
            user: root.clone(),
            group: root,
            groups: groups.or(Some(Vec::new())),
            dotted: None,
        });
    }
    let user = run.user.as_deref().unwrap_or_default();
    let (user, group) = identity::user_and_group(user).map_err(malformed)?;
    let groups = run.groups.as_deref().map(identity::groups).transpose().map_err(malformed)?;
    Ok(Identity { user, group, groups, dotted: None })
}

/// Returns the resources that the command doesn't share with the host.
fn isolation(run: &Run) -> Isolation {
    let mut namespaces: Vec<Namespace> = Vec::new();
    let named = run.unshare.iter().map(|kind| match kind {
        arguments::Namespace::Pid => Namespace::Pid,
        arguments::Namespace::Net => Namespace::Net,
        arguments::Namespace::Ipc => Namespace::Ipc,
        arguments::Namespace::Uts => Namespace::Uts,
        arguments::Namespace::Cgroup => Namespace::Cgroup,
    });
    for namespace in named.chain(run.hostname.as_ref().map(|_| Namespace::Uts)) {
        if !namespaces.contains(&namespace) {
            namespaces.push(namespace);
        }
    }
    let all = |sets: &[Capabilities]| sets.iter().fold(Capabilities::default(), |all, &set| all.and(set));
    Isolation {
        namespaces,
        hostname: run.hostname.clone(),
        user_map: if run.map_root { UserMap::Root } else { UserMap::Caller },
        keep_descriptors: run.keep_fd.clone(),
        die_with_parent: run.die_with_parent,
        drop_capabilities: all(&run.cap_drop),
        add_capabilities: all(&run.cap_add),
        confinement: match run.confine {
            None => Confinement::None,
            Some(arguments::Confine::BestEffort) => Confinement::BestEffort,
            Some(arguments::Confine::Strict) => Confinement::Strict,
        },
    }
}

/// Distinguishes `run ROOTFS COMMAND` and `run ROOTFS -- COMMAND` from `run -- COMMAND`, which is
/// for the default root. Returns the root, if one is named, and the command.
///
/// For the parser, `--` only ends the options: the word after it is the first positional argument
/// in any case. But the positional arguments are the end of the text, so the word before them
/// decides. No option takes `--` as its value.
fn separate(
    first: Option<OsString>,
    rest: Vec<OsString>,
    arguments: &[OsString],
) -> (Option<OsString>, Vec<OsString>) {
    let Some(first) = first else {
        return (None, rest);
    };
    let positionals = 1 + rest.len();
    let before = arguments.len().checked_sub(positionals + 1);
    if before.is_some_and(|index| arguments[index] == "--") {
        let mut command = vec![first];
        command.extend(rest);
        return (None, command);
    }
    (Some(first), rest)
}

/// Returns the caller's home directory.
fn home(caller: &Caller) -> Result<PathBuf, UsageError> {
    let home = caller.absolute_path("HOME").filter(|&home| home != "/");
    home.map(Path::to_owned)
        .ok_or_else(|| UsageError::new("cannot bind the home directory: HOME is not set to the path of one"))
}

fn home_binding(home: &Path) -> Binding {
    Binding {
        host: home.to_owned(),
        guest: None,
        access: Access::ReadWrite,
        guest_link: GuestLink::Follow,
        missing: Missing::Fail,
    }
}

fn recommended_binding(path: &str) -> Binding {
    Binding {
        host: PathBuf::from(path),
        guest: None,
        access: Access::ReadWrite,
        guest_link: GuestLink::Follow,
        missing: Missing::Ignore,
    }
}

/// Returns the guest's shell: the caller's `$SHELL` if the guest has it, else one of [`SHELLS`].
fn shell(caller: &Caller) -> CommandLine {
    let own = caller.absolute_path("SHELL");
    let others = SHELLS.iter().map(Path::new).filter(|&path| Some(path) != own);
    CommandLine::FirstOf {
        programs: own.into_iter().chain(others).map(Path::to_owned).collect(),
        arguments: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
