//! The engines, with options, that have to agree with the kernel.

use crate::enter::WITHOUT_HARD_LINKS;
use crate::guest::Guest;

/// An engine, with options, that has to agree with the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    /// Name of its tests.
    pub name: &'static str,
    /// Options of `newroot run` that choose it.
    pub options: &'static [&'static str],
    /// Options of an outer `newroot run`, whose root is the host's own. Empty if there is no outer
    /// one.
    pub outer: &'static [&'static str],
    /// Whether root starts it and lets it switch to the guest's user.
    pub by_root: bool,
    /// Whether an ordinary user starts it as fake root. Then real root is the oracle.
    pub fake_root: bool,
    /// Whether it keeps hard links itself. They are turned into real ones before the files are
    /// compared.
    pub own_links: bool,
    /// System calls that the host lacks, for [`Enter::deny`](crate::Enter::deny). The oracle has
    /// them: newroot must give the same answers without them.
    pub denied: &'static [&'static str],
    /// System calls that newroot and the oracle lack alike. The guest notices.
    pub lacking: &'static [&'static str],
    /// The one area of guests that it runs, or `None` for all.
    pub area: Option<&'static str>,
    /// Whether the root has directories and files to mount on. The trap engine needs none. A kernel
    /// engine shows a stand-in for a directory that lacks them, and nothing can be created in a
    /// stand-in.
    pub mount_points: bool,
    /// Extension of the files that list its differences from the kernel.
    pub differences: &'static str,
}

impl Engine {
    /// The trap engine without patching.
    pub const TRAP: Self = Self {
        name: "trap",
        options: &["--engine=trap", "--no-patch"],
        outer: &[],
        by_root: false,
        fake_root: false,
        own_links: false,
        denied: &[],
        lacking: &[],
        area: None,
        mount_points: false,
        differences: "differs",
    };

    /// The namespace engine.
    pub const NAMESPACE: Self = Self {
        name: "namespace",
        options: &["--engine=namespace"],
        mount_points: true,
        differences: "namespace.differs",
        ..Self::TRAP
    };

    /// The chroot engine. Root needs no user namespace, so nothing differs.
    pub const CHROOT: Self = Self {
        name: "chroot",
        options: &["--engine=chroot"],
        by_root: true,
        differences: "chroot.differs",
        ..Self::NAMESPACE
    };

    /// Fake root, compared with real root.
    pub const FAKE_ROOT: Self = Self {
        name: "fake_root",
        options: &["--engine=trap", "--no-patch", "--root"],
        fake_root: true,
        differences: "fake_root.differs",
        ..Self::TRAP
    };

    /// The trap engine on a host that refuses hard links.
    pub const OWN_LINKS: Self = Self {
        name: "trap_own_links",
        options: &["--engine=trap", "--no-patch", "--link2symlink"],
        own_links: true,
        denied: &WITHOUT_HARD_LINKS,
        differences: "own_links.differs",
        ..Self::TRAP
    };

    /// Returns whether it runs a guest.
    #[must_use]
    pub fn is_tried(&self, guest: &Guest) -> bool {
        if !self.area.is_none_or(|area| guest.is_in(area)) {
            return false;
        }
        if self.own_links && NOT_WITH_OWN_LINKS.contains(&&*guest.name) {
            return false;
        }
        if guest.is_in(ROOTS_AREA) {
            return self.fake_root;
        }
        let by_root = ROOTS_TOO.iter().any(|area| guest.is_in(area)) && !NOT_BY_ROOT.contains(&&*guest.name);
        !self.fake_root || by_root
    }
}

/// The area that only real root and fake root run.
pub const ROOTS_AREA: &str = "owner";
/// Other areas that both run: those in which real root doesn't harm the machine.
const ROOTS_TOO: [&str; 9] =
    ["bindings", "exec", "fs", "library", "limits", "lookup", "sockets", "spawn", "threads"];
/// Guests that need real hard links: no links are kept in bindings, and a file that never had a
/// name can't get a kept one.
const NOT_WITH_OWN_LINKS: [&str; 5] = [
    "bindings::crossing_mounts_is_an_error",
    "limits::no_descriptor_at_all",
    "lookup::names_of_255_bytes",
    "lookup::unnamed_temporary_files",
    "owner::unnamed_files_get_names",
];
/// Two of these leave no root to compare. In the third real root isn't subject to the limit.
const NOT_BY_ROOT: [&str; 3] =
    ["fs::calls_that_only_root_may_make", "bindings::onto_a_link", "limits::no_more_processes"];
