//! Launch specifications and the engines that run them.
//!
//! A dialect (a form of the command line) turns its arguments into one [`LaunchSpec`], and
//! [`launch`] hands that to an engine. A dialect only parses. This crate does everything that
//! depends on the host's state: it resolves the root, looks the command up, and warns of a missing
//! binding.
//!
//! - [`LaunchSpec`]: what to run, in which root, with which bindings, identity and isolation.
//! - [`launch`]: chooses an engine ([`EngineChoice`]) and becomes the command.
//! - [`Error`], [`Hint`] and [`Warning`]: the lines that the user reads.
//! - [`doctor`]: tries which engines the host allows.
//!
//! The trap engine goes through `mounts` (the root and the bindings, in guest terms), `identity`,
//! `environment`, `cwd` and `command` (finds the command and checks that it can run) before it
//! starts the shim. The kernel engines enter the root after the first two steps and do the rest
//! from there (`inside`).
//!
//! ```no_run
//! use newroot_engine::{
//!     Access, Binding, BindingRules, CommandLine, EngineChoice, Environment, FakeRoot, GuestLink,
//!     HardLinks, LaunchSpec, Missing, Patching, Uname, WorkingDirectory, launch,
//! };
//!
//! // Runs `ls -l /` in a Debian root, with the host's list of name servers.
//! let spec = LaunchSpec {
//!     rootfs: "/srv/debian".into(),
//!     bindings: vec![Binding {
//!         host: "/etc/resolv.conf".into(),
//!         guest: None,
//!         access: Access::ReadOnly,
//!         guest_link: GuestLink::Follow,
//!         missing: Missing::Warn,
//!     }],
//!     binding_rules: BindingRules::Mounts,
//!     fresh: Vec::new(),
//!     read_only: false,
//!     accounts: true,
//!     cwd: WorkingDirectory::InheritOrRoot,
//!     command: CommandLine::Given(vec!["ls".into(), "-l".into(), "/".into()]),
//!     environment: Environment { guest_defaults: true, ..Environment::default() },
//!     engine: EngineChoice::Auto,
//!     patching: Patching::default(),
//!     identity: Default::default(),
//!     fake_root: FakeRoot::Off,
//!     hard_links: HardLinks::OfTheHost,
//!     isolation: Default::default(),
//!     umask: None,
//!     kill_on_exit: false,
//!     uname: Uname::Hosts,
//!     verbosity: 0,
//! };
//! let status = match launch(&spec, &mut |warning| eprintln!("newroot: {warning}")) {
//!     Ok(status) => status,
//!     Err(error) => {
//!         eprintln!("newroot: {error}");
//!         if let Some(hint) = error.hint() {
//!             eprintln!("newroot: {hint}");
//!         }
//!         error.exit_code()
//!     }
//! };
//! std::process::exit(status.into());
//! ```

mod accounts;
mod capabilities;
mod chroot;
mod command;
mod confine;
mod cwd;
mod descriptors;
pub mod doctor;
mod environment;
mod error;
mod exec;
mod guest;
mod identity;
mod inside;
mod mounts;
mod namespace;
mod places;
mod real_path;
mod root_file;
mod spec;
mod supervise;
mod trap;

pub use error::{Error, Hint, Result};
pub use spec::{
    Access, Binding, BindingRules, Capabilities, CommandLine, Confinement, Dotted, EngineChoice, Environment,
    FakeRoot, Fresh, GuestLink, HardLinks, Identity, Isolation, LaunchSpec, Missing, Namespace, Patching,
    Principal, Uname, UserMap, Warning, WorkingDirectory, reason,
};

/// Runs `spec`, and reports warnings to `warn`.
///
/// Without a supervisor the calling process *becomes* the command, and `launch` returns only if the
/// command can't be started. The kernel then handles job control, signals and the exit status. A
/// supervisor (for [`LaunchSpec::kill_on_exit`], for the trap engine's fresh directories, for a PID
/// namespace) waits for the command; `launch` then returns the status with which the caller must
/// exit.
///
/// # Errors
/// If the command can't be started; the [`Error`] names the reason, and [`Error::exit_code`] is the
/// status with which the caller must exit.
pub fn launch(spec: &LaunchSpec, warn: &mut dyn FnMut(Warning)) -> Result<u8> {
    let is_root = rustix::process::geteuid().is_root();
    // True if the specification asks for another identity that only the trap engine can fake.
    let needs_fake = || identity::needs_fake(spec);
    match spec.engine {
        EngineChoice::Trap => trap::launch(spec, warn),
        EngineChoice::Namespace => namespace::launch(spec, warn),
        EngineChoice::Chroot => chroot::launch(spec, warn),
        // The requested features decide.
        EngineChoice::Auto if spec.isolation.needs_namespaces() => namespace::launch(spec, warn),
        EngineChoice::Auto if !trap::has_filters() => namespace::launch(spec, warn),
        EngineChoice::Auto | EngineChoice::LikeChroot if needs_fake() => trap::launch(spec, warn),
        EngineChoice::Auto
            if namespace::suits_root(spec) && !leaves_more_writable(spec) && !reads_links(spec) =>
        {
            namespace::launch(spec, warn)
        }
        EngineChoice::Auto => trap::launch(spec, warn),
        EngineChoice::LikeChroot if is_root => chroot::launch(spec, warn),
        EngineChoice::LikeChroot if doctor::grants_namespaces() => namespace::launch(spec, warn),
        EngineChoice::LikeChroot => trap::launch(spec, warn),
    }
}

/// Returns whether the trap engine may have to rewrite symlinks, in bindings that the user named,
/// in guest terms.
fn reads_links(spec: &LaunchSpec) -> bool {
    spec.binding_rules == BindingRules::Proot
        && spec.rootfs.as_os_str() != "/"
        && spec.bindings.iter().any(|binding| {
            let elsewhere = binding.guest.as_ref().is_some_and(|guest| *guest != binding.host);
            binding.missing != Missing::Ignore && elsewhere && binding.host.is_dir()
        })
}

/// Returns whether the trap engine can run `spec`, and keeps directories writable that the
/// namespace engine could only show read-only.
fn leaves_more_writable(spec: &LaunchSpec) -> bool {
    spec.isolation.drop_capabilities.is_empty() && namespace::needs_views(spec)
}
