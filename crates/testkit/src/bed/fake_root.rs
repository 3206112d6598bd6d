//! Guests that real root runs in a real chroot, and that an ordinary user then runs as newroot's
//! fake root.
//!
//! Afterwards a program in the root lists the files (`tests/guests/tools/survey.c`). It is a
//! command of its own, because owners and modes have to outlive the command that set them.

use std::path::Path;
use std::process::Command;

use super::{Bed, DEADLINE, Engine, Facts, GUEST_PROGRAM};
use crate::enter::User;
use crate::fixture::Fixture;
use crate::guest::{Guest, Linkage};
use crate::links;
use crate::run::{Ending, run_within};
use crate::snapshot::snapshot;

/// Path of the program that lists all files, with everything that root can find out about them.
const SURVEY: &str = "/bin/survey";

impl Bed {
    /// Runs `guest` as root on the real kernel, without the system calls in `lacking`.
    pub(super) fn native_root(&self, guest: &Guest, linkage: Linkage, lacking: &[&str]) -> Facts {
        let mut fixture = self.furnish(guest, linkage, User::ROOT);
        let world = self.real_root(&mut fixture, User::ROOT).root_alone().deny_all(lacking);
        let program = |path: &str| world.command(Path::new(path));
        both(&mut fixture, User::ROOT, program(GUEST_PROGRAM), program(SURVEY))
    }

    /// Runs `guest` as a user who is root only inside the root.
    pub(super) fn as_fake_root(&self, guest: &Guest, linkage: Linkage, engine: Engine) -> Facts {
        let user = User::ordinary();
        let mut fixture = self.furnish(guest, linkage, user);
        let root = fixture.root();
        let program = |path: &str| {
            let mut command = self.newroot(&fixture, user, engine);
            command.arg(&root).args(["--", path]);
            command
        };
        let [guest, survey] = [program(GUEST_PROGRAM), program(SURVEY)];
        let mut facts = both(&mut fixture, user, guest, survey);
        if engine.own_links {
            facts.files += &links::restore(&root);
        }
        facts
    }
}

/// Runs the guest, then the survey of its files. In the bindings every file belongs to `owner`, or
/// to the one other user there: newroot's own user, whose identity the guest may have taken.
fn both(fixture: &mut Fixture, owner: User, mut guest: Command, mut survey: Command) -> Facts {
    // Bound files are the host's, so they are listed there.
    let bound = fixture.bindings().iter().map(|binding| {
        let first = binding.guest.components().nth(1).expect("a name below the root");
        Path::new("/").join(first)
    });
    survey.args(bound);
    let outcome = run_within(&mut guest, DEADLINE);
    let left = run_within(&mut survey, DEADLINE);
    fixture.remove_mount_points();
    let printed = outcome.facts();
    if fixture.is_kept() {
        eprintln!("{guest:?}\n{printed}");
    }
    let host = snapshot(&fixture.host()).replace(&format!(" {}:{}", owner.uid, owner.gid), " 0:0");
    Facts {
        printed,
        timed_out: outcome.ending == Ending::TimedOut,
        files: format!("{}host\n{host}", left.facts()),
    }
}
