//! Trees, mounts and paths, made of bytes.

use arbitrary::{Result, Unstructured};
use newroot_abi::plan::{Mount, MountFlags};
use newroot_paths::{Last, Rules, is_under};

use crate::lookup::forest::{Forest, HOST_ROOT, Node, What};
use crate::lookup::world::{Place, World};

/// Few, so that they are met again; and some that are nearly `.` and `..`.
const NAMES: &[&[u8]] = &[b"a", b"b", b"c", b"r", b"ab", b"...", b"..a", b".b"];

/// All there is to a lookup.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) world: World,
    /// The mounts as a plan has them, the root last: guest path and host path.
    pub(super) table: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where a relative path begins.
    pub(super) from: Place,
    pub(super) path: Vec<u8>,
    pub(super) last: Last,
    pub(super) rules: Rules,
}

impl Scene {
    /// A scene made of these bytes; an error if they are too few.
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
            // Where it can't be, it isn't.
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
        // The kernel follows so many links and no more.
        if bytes.ratio(1, 8)? {
            path = vec![path; bytes.int_in_range(1..=45)?].join(&b'/');
        }
        Ok(Self { world, table, from, path, last, rules })
    }

    /// The mounts of the plan.
    pub(super) fn mounts(&self) -> Vec<Mount<'_>> {
        self.table
            .iter()
            .map(|(guest, host)| Mount { guest, host, flags: MountFlags::default(), parent: (0, 0) })
            .collect()
    }
}

/// A path, or a link's text: never empty.
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

/// Mounts a file or a directory upon one of its kind.
fn mount(bytes: &mut Unstructured<'_>, world: &mut World, table: &mut Vec<(Vec<u8>, Vec<u8>)>) -> Result<()> {
    let places: Vec<Place> = world.places().split_off(1);
    if places.is_empty() {
        return Ok(());
    }
    let on = *bytes.choose(&places)?;
    let root: Node = bytes.choose_index(world.forest.len())?;
    let fits = match (world.forest.what(on.node), world.forest.what(root)) {
        (What::Directory(..), What::Directory(..)) | (What::File, What::File) => on != world.root(),
        _ => false,
    };
    if fits {
        let guest = world.path(on);
        // What was mounted there or below is seen no more.
        table.retain(|(other, _)| !is_under(other, &guest));
        table.push((guest, world.forest.path(root)));
        world.mount(on, root);
    }
    Ok(())
}

/// Makes a directory one that can't be searched: none that is on the way to a mount, to what is mounted, or to where
/// the lookup begins, for there the engine asks for other rights than the kernel (README, "What it isn't").
fn close_one(bytes: &mut Unstructured<'_>, world: &mut World, from: Place) -> Result<()> {
    let node = bytes.choose_index(world.forest.len())?;
    let mounts = world.mounted().flat_map(|(on, root)| [on.map_or(root, |on| on.node), root]);
    let is_on_the_way =
        mounts.chain([from.node]).any(|busy| busy == node || world.forest.is_below(busy, node));
    if !is_on_the_way {
        world.forest.close(node);
    }
    Ok(())
}
