//! The ways to run guests that have to agree with the kernel.

use crate::enter::WITHOUT_HARD_LINKS;
use crate::guest::Guest;

/// A way to run guests that has to agree with the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Engine {
    /// What its tests are called.
    pub name: &'static str,
    /// Options of `newroot run` that choose it.
    pub options: &'static [&'static str],
    /// Options of another `newroot run`, in whose root, the host's own, it is started; none if it is started on the host.
    pub outer: &'static [&'static str],
    /// Whether root starts it, and has it become the guest's user.
    pub by_root: bool,
    /// Whether an ordinary user starts it and is root inside: the oracle is real root then.
    pub fake_root: bool,
    /// Whether it makes hard links of its own; they are real ones again when the files are looked at.
    pub own_links: bool,
    /// What the host lacks, for [`Enter::deny`](crate::Enter::deny). The oracle has it: newroot is to give the same
    /// answers without.
    pub denied: &'static [&'static str],
    /// What newroot and the oracle lack alike: the guest itself sees that it is missing.
    pub lacking: &'static [&'static str],
    /// The area of guests it is tried on, if not all of them.
    pub area: Option<&'static str>,
    /// Whether the root has directories and files to mount on. The trap engine needs none; a kernel
    /// engine shows a stand-in for a directory that lacks them, which nothing can be created in.
    pub mount_points: bool,
    /// The ending of the files that tell what it does otherwise than the kernel.
    pub differences: &'static str,
}

impl Engine {
    /// The trap engine, by its handler alone.
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

    /// The chroot engine. Root has no user namespace to differ by.
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

    /// The trap engine with hard links where the host refuses them.
    pub const OWN_LINKS: Self = Self {
        name: "trap_own_links",
        options: &["--engine=trap", "--no-patch", "--link2symlink"],
        own_links: true,
        denied: &WITHOUT_HARD_LINKS,
        differences: "own_links.differs",
        ..Self::TRAP
    };

    /// Whether it has anything to do with a guest.
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

/// What real root and fake root alone are asked about.
pub const ROOTS_AREA: &str = "owner";
/// What both are asked about besides: areas where real root does no harm to the machine.
const ROOTS_TOO: [&str; 9] =
    ["bindings", "exec", "fs", "library", "limits", "lookup", "sockets", "spawn", "threads"];
/// Where the host's own links alone will do: within bindings nothing is kept, and what never had a name can get none.
const NOT_WITH_OWN_LINKS: [&str; 5] = [
    "bindings::crossing_is_another_device",
    "limits::no_descriptor_at_all",
    "lookup::names_of_255_bytes",
    "lookup::unnamed_temporary_files",
    "owner::unnamed_files_get_names",
];
/// Two leave no root to look at; real root isn't held to the other's limit.
const NOT_BY_ROOT: [&str; 3] = ["fs::only_root_may", "bindings::onto_a_link", "limits::no_more_processes"];
