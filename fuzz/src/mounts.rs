//! The mounts that fake root emulates: a list of changes must lead to the mounts that the kernel
//! would show.

use arbitrary::{Result, Unstructured};
use newroot_abi::plan::{Mount, MountFlags};
use newroot_fakeroot::tree::Change;
use newroot_fakeroot::tree::compose::{Composer, Placed};
use newroot_paths::{is_under, strip_prefix};

use crate::lookup::forest::{Forest, HOST_ROOT, What};
use crate::lookup::world::{Place, World};

const NAMES: &[&[u8]] = &[b"a", b"b", b"ab"];

/// A change: the number of its operation, and its paths.
type Encoded = (u32, [Vec<u8>; 2]);

/// Builds a tree, changes of its mounts and a root from the bytes, and composes the mounts.
///
/// # Panics
/// If the composed mounts differ from the kernel's.
pub fn check(bytes: &[u8]) {
    // The changes end where the bytes do.
    let _ = play(&mut Unstructured::new(bytes));
}

fn play(bytes: &mut Unstructured<'_>) -> Result<()> {
    let mut forest = Forest::new();
    for _ in 0..bytes.int_in_range(1..=12)? {
        let what = if bytes.ratio(1, 5)? { What::File } else { What::directory() };
        let parent = bytes.choose_index(forest.len())?;
        // A file that can't be created is left out.
        let _ = forest.make(parent, bytes.choose(NAMES)?, what);
    }
    let mut world = World::new(forest, HOST_ROOT);
    let mut changes = Vec::new();
    for _ in 0..bytes.int_in_range(0..=10)? {
        changes.extend(change(bytes, &mut world)?);
    }
    let directories: Vec<Place> =
        world.places().into_iter().filter(|place| world.forest.is_directory(place.node)).collect();
    let root = *bytes.choose(&directories)?;
    assert_eq!(composed(&changes, &world.path(root)), expected(&world, root), "{changes:?} {world:#?}");
    Ok(())
}

/// Returns a change that the kernel would allow, if any: it changes only visible mounts.
fn change(bytes: &mut Unstructured<'_>, world: &mut World) -> Result<Option<Encoded>> {
    let places = world.places();
    let place = *bytes.choose(&places)?;
    let other = *bytes.choose(&places)?;
    let is_directory = |place: Place| world.forest.is_directory(place.node);
    let (path, path_of_other) = (world.path(place), world.path(other));
    if place == world.root() {
        return Ok(None);
    }
    let is_mount_root = world.is_mount_root(place);
    let is_below = is_under(&path_of_other, &path);
    Ok(match bytes.int_in_range(0..=5)? {
        3 if is_mount_root => {
            world.unmount(place.mount);
            Some((2, [path, Vec::new()]))
        }
        4 if is_mount_root
            && !is_below
            && other != world.root()
            && is_directory(place) == is_directory(other) =>
        {
            world.move_to(place.mount, other);
            Some((4, [path, path_of_other]))
        }
        5 if is_mount_root && is_below && other != place && is_directory(place) && is_directory(other) => {
            world.pivot(place.mount, other);
            Some((5, [path, path_of_other]))
        }
        0..=2 if is_directory(place) == is_directory(other) => {
            let host = world.forest.path(other.node);
            world.mount(place, other.node);
            Some((1, [path, host]))
        }
        _ => None,
    })
}

/// Composes the mounts below a root, in its terms: guest path and host path.
fn composed(changes: &[Encoded], root: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut list = [Placed::NONE; 16];
    let mut paths = vec![0; 1 << 16];
    let mut composer = Composer::new(&mut list, &mut paths);
    let flags = MountFlags::default();
    composer.push(Mount { guest: b"", host: b"", flags, parent: (0, 0) }, 0).expect("the buffers suffice");
    for (operation, [first, second]) in changes {
        let change = Change::decode(*operation, flags, [first, second]).expect("a known operation");
        composer.apply(&change, 1).expect("the buffers suffice");
    }
    let (len, _) = composer.look_from(root).expect("the root is visible");
    let lengths = list[..len].iter().map(|placed| placed.mount.guest.len());
    assert!(lengths.is_sorted_by(|one, next| one >= next), "the longest guest paths come first");
    let mut seen: Vec<_> =
        list[..len].iter().map(|placed| (placed.mount.guest.to_vec(), placed.mount.host.to_vec())).collect();
    seen.sort();
    seen
}

/// Returns the same mounts as the kernel would show them.
fn expected(world: &World, root: Place) -> Vec<(Vec<u8>, Vec<u8>)> {
    let above = world.path(root);
    let mut seen = vec![(Vec::new(), world.forest.path(root.node))];
    for place in world.places() {
        let path = world.path(place);
        if let Some(rest @ [_, ..]) = strip_prefix(&path, &above)
            && world.is_mount_root(place)
        {
            seen.push((rest.to_vec(), world.forest.path(place.node)));
        }
    }
    seen.sort();
    seen
}
