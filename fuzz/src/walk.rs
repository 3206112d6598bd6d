//! The component walk and the translation by text, on trees with mounts and symbolic links, against a model of the
//! kernel's own lookup.

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

/// Makes a tree, mounts and a path out of the bytes, and looks the path up.
///
/// # Panics
/// If the walk, or the path's text where it says enough, leads elsewhere than the kernel's lookup.
pub fn check(bytes: &[u8]) {
    let Ok(scene) = Scene::new(&mut Unstructured::new(bytes)) else { return };
    let mounts = scene.mounts();
    let mut words = vec![0; index::room(&mounts)];
    let used = index::build(&mounts, &mut words).expect("there is room");
    // Each mount compared, and found by the index.
    for table in [MountTable::new(&mounts), MountTable::indexed(&mounts, &words[..used])] {
        let table = table.expect("in order, with a root");
        check_walk(&scene, &table);
        check_text(&scene, &table);
    }
}

fn check_walk(scene: &Scene, table: &MountTable<'_>) {
    let Scene { world, from, path, last, rules, .. } = scene;
    let expected = world.resolve(*from, path, *last == Last::Follow, *rules);
    let mut scratch = WalkScratch::new();
    // As openat2(2) of the shim's calls it.
    if !path.starts_with(b"/") || rules.in_root {
        scratch.guest.assign(&world.path(*from)).expect("it is short");
    }
    let mut fs = HostFs(&world.forest);
    let walked = match *rules == Rules::default() {
        true => walk(&mut fs, table, &mut scratch, path, *last),
        false => walk_within(&mut fs, table, &mut scratch, path, *last, *rules),
    };
    let tell = || format!("{walked:?}, not {expected:?}: {scene:#?}\n{}", path.escape_ascii());
    let found = match walked {
        Ok(found) => found,
        Err(error) => {
            assert_eq!(Some(error), expected.as_ref().err().copied(), "{}", tell());
            return;
        }
    };
    let seen = world.forest.plain(HOST_ROOT, scratch.host.bytes());
    if *last == Last::Follow
        && let Ok(Plain::There(node)) = seen
    {
        assert!(!matches!(world.forest.what(node), What::Link(_)), "{}", tell());
    }
    match &expected {
        // What keeps the file from being found, the kernel says of the host's path.
        Err(error) => assert_eq!(Err(*error), seen, "{}", tell()),
        Ok((end, wants_directory)) => {
            assert_eq!(seen, Ok(plain(end)), "{}", tell());
            let (guest, mount) = known_as(scene, end);
            assert_eq!(scratch.guest.bytes(), guest, "{}", tell());
            assert_eq!(found.mount, mount, "{}", tell());
            let Found { directory, magic, .. } = found;
            assert!(!magic && (directory || !wants_directory), "{}", tell());
            if let End::There(place) = end {
                check_back(scene, table, *place, &guest, mount);
            } else {
                assert_eq!(directory, *wants_directory, "{}", tell());
            }
        }
    }
}

/// The host's path of what was found is known to the guest by the path that led there.
fn check_back(scene: &Scene, table: &MountTable<'_>, place: Place, guest: &[u8], mount: usize) {
    let mut back = GuestBuf::new();
    let host = scene.world.forest.path(place.node);
    assert_eq!(table.detranslate(&host, Some(mount), &mut back), Some(mount));
    assert_eq!(back.bytes(), guest);
}

/// What the text says, without a symbolic link on the way, is what the kernel finds.
fn check_text(scene: &Scene, table: &MountTable<'_>) {
    let Scene { world, from, path, .. } = scene;
    let mut host = HostBuf::new();
    let said = lexical(table, path, &mut GuestBuf::new(), &mut host);
    let (seen, mount) = match said.expect("paths are short") {
        Lexical::Walk => return,
        Lexical::Relative => (world.forest.plain(from.node, path), None),
        Lexical::Absolute(mount) => (world.forest.plain(HOST_ROOT, host.bytes()), Some(mount)),
    };
    // Then it is walked.
    if seen == Err(Errno::LOOP) {
        return;
    }
    let expected = world.resolve(*from, path, false, Rules::default());
    let tell =
        || format!("{said:?} '{}' {seen:?}, not {expected:?}: {scene:#?}", host.bytes().escape_ascii());
    assert_eq!(seen, expected.as_ref().map(|(end, _)| plain(end)).map_err(|error| *error), "{}", tell());
    if let (Some(mount), Ok((end, _))) = (mount, &expected) {
        assert_eq!(mount, known_as(scene, end).1, "{}", tell());
    }
}

/// What the host's kernel finds of it.
fn plain(end: &End) -> Plain {
    match end {
        End::There(place) => Plain::There(place.node),
        End::Missing(parent, name) => Plain::Missing(parent.node, name.clone()),
    }
}

/// The guest's path, and which of the table's mounts it belongs to.
fn known_as(scene: &Scene, end: &End) -> (Vec<u8>, usize) {
    let (place, name) = match end {
        End::There(place) => (place, None),
        End::Missing(parent, name) => (parent, Some(name)),
    };
    let guest = scene.world.path(*place);
    let mounted = scene.world.path_of_mount(place.mount);
    let mount = scene.table.iter().position(|(other, _)| *other == mounted).expect("it is in the plan");
    let guest = match name {
        Some(name) => [&guest, &b"/"[..], name].concat(),
        None => guest,
    };
    (guest, mount)
}

/// What the walk asks of the host.
struct HostFs<'a>(&'a Forest);

impl HostFs<'_> {
    fn look(&self, host: &HostBuf) -> Result<Plain, Errno> {
        let found = self.0.plain(HOST_ROOT, host.bytes());
        assert_ne!(found, Err(Errno::LOOP), "a link is on the way: {}", host.bytes().escape_ascii());
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
        let Plain::There(node) = self.look(host)? else { return Err(Errno::NOENT) };
        match self.0.what(node) {
            What::Link(target) => text.assign(target).map(|()| Link::Text),
            _ => Ok(Link::No),
        }
    }

    fn search(&mut self, host: &mut HostBuf) -> Result<(), Errno> {
        let Plain::There(node) = self.look(host)? else { return Err(Errno::NOENT) };
        self.0.child(node, b".").map(|_| ())
    }
}
