//! Launch specifications and the engines that run them.
//!
//! A dialect (the command line someone typed) lowers to one [`LaunchSpec`]; [`launch`]
//! hands it to an engine. Everything that looks at the world happens here, never in a
//! dialect: resolving the root, looking for the command, warning of a missing binding.
//!
//! The trap engine goes through `mounts` (the root and the bindings, in guest terms), `identity`,
//! `environment`, `cwd` and `command` (found, and found fit) before it starts the shim. The kernel
//! engines enter the root after the first two and do the rest from there (`inside`).

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
    FakeRoot, GuestLink, HardLinks, Identity, Isolation, LaunchSpec, Missing, Namespace, Patching, Principal,
    Uname, UserMap, Warning, WorkingDirectory, reason,
};

/// Runs `spec` and returns only if it could not be started, or, where a supervisor was
/// asked for (`kill_on_exit`), with the status the caller must exit with.
///
/// Without a supervisor the calling process *becomes* the command: job control, signals
/// and the exit status are then the kernel's own business.
///
/// # Errors
/// Whatever kept the command from starting; [`Error::exit_code`] is what to exit with.
pub fn launch(spec: &LaunchSpec, warn: &mut dyn FnMut(Warning)) -> Result<u8> {
    let is_root = rustix::process::geteuid().is_root();
    // Another identity that only the trap engine can fake.
    let needs_fake = || identity::needs_fake(spec);
    match spec.engine {
        EngineChoice::Trap => trap::launch(spec, warn),
        EngineChoice::Namespace => namespace::launch(spec, warn),
        EngineChoice::Chroot => chroot::launch(spec, warn),
        // What is asked for tells which.
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

/// Whether symlinks in a binding that somebody named may be the trap engine's to put in guest terms.
fn reads_links(spec: &LaunchSpec) -> bool {
    spec.binding_rules == BindingRules::Proot
        && spec.rootfs.as_os_str() != "/"
        && spec.bindings.iter().any(|binding| {
            let elsewhere = binding.guest.as_ref().is_some_and(|guest| *guest != binding.host);
            binding.missing != Missing::Ignore && elsewhere && binding.host.is_dir()
        })
}

/// Whether the trap engine can do what is asked of it, and leaves directories writable that the namespace engine
/// could only show read-only.
fn leaves_more_writable(spec: &LaunchSpec) -> bool {
    spec.isolation.drop_capabilities.is_empty() && namespace::needs_views(spec)
}
