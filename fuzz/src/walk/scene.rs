//! Trees, mounts and paths, built from bytes.

use arbitrary::{Result, Unstructured};
use newroot_abi::plan::{Mount, MountFlags};
use newroot_paths::{Last, Rules, is_under};

use crate::lookup::forest::{Forest, HOST_ROOT, Node, What};
use crate::lookup::world::{Place, World};

/// Few names, so that they often match, and some that resemble `.` and `..`.
const NAMES: &[&[u8]] = &[b"a", b"b", b"c", b"r", b"ab", b"...", b"..a", b".b"];

/// All input of a lookup.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) world: World,
    /// The mounts as in a plan, with the root last: guest path and host path.
    pub(super) table: Vec<(Vec<u8>, Vec<u8>)>,
    /// Directory from which a relative path starts.
    pub(super) from: Place,
    pub(super) path: Vec<u8>,
    pub(super) last: Last,
    pub(super) rules: Rules,
}

impl Scene {
    /// Builds a scene from the bytes. Fails if there are too few.
    pub(super) fn new(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let mut forest = Forest::new();
        let root = forest.make(HOST_ROOT, b"r", What::directory()).unwrap_or(HOST_ROOT);
        for _ in 0..bytes.int_in_range(0..=24)? {
            let what = match bytes.int_in_range(0..=4)? {
                0 => What::File,
                1 | 2 => What::Link(text(bytes, 4)?),
                _ => What::directory(),
            };
            let parent = bytes.choose_index(forest.len())?;
            // A file that can't be created is left out.
            let _ = forest.make(parent, bytes.choose(NAMES)?, what);
        }
        let root = if bytes.ratio(1, 8)? { HOST_ROOT } else { root };
        let mut table = vec![(Vec::new(), forest.path(root))];
        let mut world = World::new(forest, root);
        for _ in 0..bytes.int_in_range(0..=3)? {
            mount(bytes, &mut world, &mut table)?;
        }
        table.sort_by_key(|(guest, _)| std::cmp::Reverse(guest.len()));
        let directories: Vec<Place> =
            world.places().into_iter().filter(|place| world.forest.is_directory(place.node)).collect();
        let from = *bytes.choose(&directories)?;
        if bytes.arbitrary()? {
            close_one(bytes, &mut world, from)?;
        }
        let last = if bytes.arbitrary()? { Last::Follow } else { Last::Keep };
        let rules = rules(bytes)?;
        let mut path = text(bytes, 8)?;
        // Exceed the kernel's limit on links sometimes.
        if bytes.ratio(1, 8)? {
            path = vec![path; bytes.int_in_range(1..=45)?].join(&b'/');
        }
        Ok(Self { world, table, from, path, last, rules })
    }

    /// Returns the mounts of the plan.
    pub(super) fn mounts(&self) -> Vec<Mount<'_>> {
        self.table
            .iter()
            .map(|(guest, host)| Mount { guest, host, flags: MountFlags::default(), parent: (0, 0) })
            .collect()
    }
}

/// Returns a path or a link's text, which is never empty.
fn text(bytes: &mut Unstructured<'_>, most: u32) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    if bytes.ratio(1, 3)? {
        text.push(b'/');
    }
    for _ in 0..bytes.int_in_range(1..=most)? {
        let name = match bytes.int_in_range(0..=9)? {
            0 => b".",
            1 | 2 => &b".."[..],
            _ => bytes.choose(NAMES)?,
        };
        text.extend(name);
        text.extend(match bytes.int_in_range(0..=15)? {
            0 => &b"//"[..],
            _ => b"/",
        });
    }
    if !bytes.ratio(1, 4)? {
        while text.len() > 1 && text.ends_with(b"/") {
            text.pop();
        }
    }
    Ok(text)
}

fn rules(bytes: &mut Unstructured<'_>) -> Result<Rules> {
    if bytes.ratio(1, 2)? {
        return Ok(Rules::default());
    }
    let (beneath, in_root) = [(false, false), (true, false), (false, true)][bytes.choose_index(3)?];
    Ok(Rules {
        no_xdev: bytes.arbitrary()?,
        no_magic_links: bytes.arbitrary()?,
        no_symlinks: bytes.ratio(1, 4)?,
        beneath,
        in_root,
    })
}

/// Mounts a file or a directory on one of the same type.
fn mount(bytes: &mut Unstructured<'_>, world: &mut World, table: &mut Vec<(Vec<u8>, Vec<u8>)>) -> Result<()> {
    let places: Vec<Place> = world.places().split_off(1);
    if places.is_empty() {
        return Ok(());
    }
    let on = *bytes.choose(&places)?;
    let root: Node = bytes.choose_index(world.forest.len())?;
    let is_possible = match (world.forest.what(on.node), world.forest.what(root)) {
        (What::Directory(..), What::Directory(..)) | (What::File, What::File) => on != world.root(),
        _ => false,
    };
    if is_possible {
        let guest = world.path(on);
        // The new mount hides mounts at its path and below.
        table.retain(|(other, _)| !is_under(other, &guest));
        table.push((guest, world.forest.path(root)));
        world.mount(on, root);
    }
    Ok(())
}

/// Makes a directory unsearchable, but none above a mount point, a mounted directory or the start
/// of the lookup: there the engine needs other permissions than the kernel, a documented limit.
fn close_one(bytes: &mut Unstructured<'_>, world: &mut World, from: Place) -> Result<()> {
    let node = bytes.choose_index(world.forest.len())?;
    let mounts = world.mounted().flat_map(|(on, root)| [on.map_or(root, |on| on.node), root]);
    let is_above = mounts.chain([from.node]).any(|used| used == node || world.forest.is_below(used, node));
    if !is_above {
        world.forest.close(node);
    }
    Ok(())
}
