//! Guests that real root runs in a real chroot, and then somebody else whom newroot lets be root.
//!
//! What is left of the files is told by a program in the root (`tests/guests/tools/survey.c`), and by a
//! command of its own: owners and modes have to outlast the one that gave them.

use std::path::Path;
use std::process::Command;

use super::{Bed, DEADLINE, Engine, Facts, GUEST_PROGRAM};
use crate::enter::User;
use crate::fixture::Fixture;
use crate::guest::{Guest, Linkage};
use crate::links;
use crate::run::{Ending, run_within};
use crate::snapshot::snapshot;

/// The program that lists all files with all that root can know of them.
const SURVEY: &str = "/bin/survey";

impl Bed {
    /// The facts of `guest` on the real kernel, run by root, where something is lacking.
    pub(super) fn native_root(&self, guest: &Guest, linkage: Linkage, lacking: &[&str]) -> Facts {
        let mut fixture = self.furnish(guest, linkage, User::ROOT);
        let world = self.real_root(&mut fixture, User::ROOT).root_alone().deny_all(lacking);
        let program = |path: &str| world.command(Path::new(path));
        both(&mut fixture, User::ROOT, program(GUEST_PROGRAM), program(SURVEY))
    }

    /// The facts of `guest` run by a user who is root inside only.
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

/// Runs the guest, then the survey of what it left. In the bindings every file belongs to `owner`, or to the
/// only other user there: whom newroot runs as, and whom the guest may have become.
fn both(fixture: &mut Fixture, owner: User, mut guest: Command, mut survey: Command) -> Facts {
    // What is bound is the host's, and seen there.
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
