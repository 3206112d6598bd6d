//! The component walk and the translation by text, compared with a model of the kernel's lookup, on
//! trees with mounts and symbolic links.

mod scene;

use arbitrary::Unstructured;
use newroot_abi::Errno;
use newroot_paths::{
    Found, Fs, GuestBuf, HostBuf, Last, Lexical, Link, MountTable, Rules, WalkScratch, index, lexical, walk,
    walk_within,
};

use self::scene::Scene;
use crate::lookup::forest::{Forest, HOST_ROOT, Plain, What};
use crate::lookup::world::{End, Place};

/// Builds a tree, mounts and a path from the bytes, and looks up the path.
///
/// # Panics
/// If the walk, or the translation by text where it suffices, leads elsewhere than the kernel's
/// lookup.
pub fn check(bytes: &[u8]) {
    let Ok(scene) = Scene::new(&mut Unstructured::new(bytes)) else { return };
    let mounts = scene.mounts();
    let mut words = vec![0; index::max_words(&mounts)];
    let used = index::build(&mounts, &mut words).expect("the index fits");
    // Once by a linear search of the mounts, once by the index.
    for table in [MountTable::new(&mounts), MountTable::indexed(&mounts, &words[..used])] {
        let table = table.expect("sorted mounts with a root");
        check_walk(&scene, &table);
        check_text(&scene, &table);
    }
}

fn check_walk(scene: &Scene, table: &MountTable<'_>) {
    let Scene { world, from, path, last, rules, .. } = scene;
    let expected = world.resolve(*from, path, *last == Last::Follow, *rules);
    let mut scratch = WalkScratch::new();
    // The setup that the shim uses for openat2(2).
    if !path.starts_with(b"/") || rules.in_root {
        scratch.guest.assign(&world.path(*from)).expect("a short path");
    }
    let mut fs = HostFs(&world.forest);
    let walked = match *rules == Rules::default() {
        true => walk(&mut fs, table, &mut scratch, path, *last),
        false => walk_within(&mut fs, table, &mut scratch, path, *last, *rules),
    };
    let context = || format!("{walked:?}, not {expected:?}: {scene:#?}\n{}", path.escape_ascii());
    let found = match walked {
        Ok(found) => found,
        Err(error) => {
            assert_eq!(Some(error), expected.as_ref().err().copied(), "{}", context());
            return;
        }
    };
    let seen = world.forest.plain(HOST_ROOT, scratch.host.bytes());
    if *last == Last::Follow
        && let Ok(Plain::There(node)) = seen
    {
        assert!(!matches!(world.forest.what(node), What::Link(_)), "{}", context());
    }
    match &expected {
        // The walk may leave it to the host's kernel to report why the file can't be found.
        Err(error) => assert_eq!(Err(*error), seen, "{}", context()),
        Ok((end, wants_directory)) => {
            assert_eq!(seen, Ok(plain(end)), "{}", context());
            let (guest, mount) = known_as(scene, end);
            assert_eq!(scratch.guest.bytes(), guest, "{}", context());
            assert_eq!(found.mount, mount, "{}", context());
            let Found { directory, magic, .. } = found;
            assert!(!magic && (directory || !wants_directory), "{}", context());
            if let End::There(place) = end {
                check_back(scene, table, *place, &guest, mount);
            } else {
                assert_eq!(directory, *wants_directory, "{}", context());
            }
        }
    }
}

/// Checks that the guest path of the found file leads back from its host path.
fn check_back(scene: &Scene, table: &MountTable<'_>, place: Place, guest: &[u8], mount: usize) {
    let mut back = GuestBuf::new();
    let host = scene.world.forest.path(place.node);
    assert_eq!(table.detranslate(&host, Some(mount), &mut back), Some(mount));
    assert_eq!(back.bytes(), guest);
}

/// Checks the translation by text: without a symbolic link on the path, the kernel must find the
/// same file.
fn check_text(scene: &Scene, table: &MountTable<'_>) {
    let Scene { world, from, path, .. } = scene;
    let mut host = HostBuf::new();
    let translated = lexical(table, path, &mut GuestBuf::new(), &mut host);
    let (seen, mount) = match translated.expect("a short path") {
        Lexical::Walk => return,
        Lexical::Relative => (world.forest.plain(from.node, path), None),
        Lexical::Absolute(mount) => (world.forest.plain(HOST_ROOT, host.bytes()), Some(mount)),
    };
    // On ELOOP the shim walks the path.
    if seen == Err(Errno::LOOP) {
        return;
    }
    let expected = world.resolve(*from, path, false, Rules::default());
    let context =
        || format!("{translated:?} '{}' {seen:?}, not {expected:?}: {scene:#?}", host.bytes().escape_ascii());
    assert_eq!(seen, expected.as_ref().map(|(end, _)| plain(end)).map_err(|error| *error), "{}", context());
    if let (Some(mount), Ok((end, _))) = (mount, &expected) {
        assert_eq!(mount, known_as(scene, end).1, "{}", context());
    }
}

/// Returns the result that the host's kernel should give.
fn plain(end: &End) -> Plain {
    match end {
        End::There(place) => Plain::There(place.node),
        End::Missing(parent, name) => Plain::Missing(parent.node, name.clone()),
    }
}

/// Returns the guest path, and the index of its mount in the table.
fn known_as(scene: &Scene, end: &End) -> (Vec<u8>, usize) {
    let (place, name) = match end {
        End::There(place) => (place, None),
        End::Missing(parent, name) => (parent, Some(name)),
    };
    let guest = scene.world.path(*place);
    let mounted = scene.world.path_of_mount(place.mount);
    let mount = scene.table.iter().position(|(other, _)| *other == mounted).expect("a mount of the plan");
    let guest = match name {
        Some(name) => [&guest, &b"/"[..], name].concat(),
        None => guest,
    };
    (guest, mount)
}

/// The host's file system for the walk.
struct HostFs<'a>(&'a Forest);

impl HostFs<'_> {
    fn lookup(&self, host: &HostBuf) -> Result<Plain, Errno> {
        let found = self.0.plain(HOST_ROOT, host.bytes());
        assert_ne!(found, Err(Errno::LOOP), "a link on the path: {}", host.bytes().escape_ascii());
        found
    }
}

impl Fs for HostFs<'_> {
    fn read_link(
        &mut self,
        _: &GuestBuf,
        host: &mut HostBuf,
        _: bool,
        text: &mut GuestBuf,
    ) -> Result<Link, Errno> {
        let Plain::There(node) = self.lookup(host)? else { return Err(Errno::NOENT) };
        match self.0.what(node) {
            What::Link(target) => text.assign(target).map(|()| Link::Text),
            _ => Ok(Link::No),
        }
    }

    fn search(&mut self, host: &mut HostBuf) -> Result<(), Errno> {
        let Plain::There(node) = self.lookup(host)? else { return Err(Errno::NOENT) };
        self.0.child(node, b".").map(|_| ())
    }
}
