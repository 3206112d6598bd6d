//! Tests of the walk on a tree in memory.

use std::collections::BTreeMap;

use newroot_abi::Errno;
use newroot_abi::plan::{Mount, MountFlags};
use newroot_paths::{Found, Fs, GuestBuf, HostBuf, Last, Link, MountTable, WalkScratch, walk};

#[derive(Clone)]
enum Node {
    Directory,
    File,
    Link(&'static str),
    /// A name of a file that lies elsewhere on the host.
    Relocated(&'static str),
}

/// A host file system: canonical host path to node. Directories above a node are implied.
struct Memory(BTreeMap<Vec<u8>, Node>);

impl Memory {
    fn new(entries: &[(&'static str, Node)]) -> Self {
        let mut tree = BTreeMap::new();
        for (path, node) in entries {
            let mut parent = String::new();
            for component in path.split('/').skip(1) {
                tree.entry(parent.clone().into_bytes()).or_insert(Node::Directory);
                parent = format!("{parent}/{component}");
            }
            tree.insert(path.as_bytes().to_vec(), node.clone());
        }
        Self(tree)
    }

    fn lookup(&self, host: &[u8]) -> Result<&Node, Errno> {
        let host = if host == b"/" { b"" } else { host };
        for (slash, _) in host.iter().enumerate().filter(|(_, byte)| **byte == b'/').skip(1) {
            match self.0.get(&host[..slash]) {
                Some(Node::Directory) => {}
                Some(_) => return Err(Errno::NOTDIR),
                None => return Err(Errno::NOENT),
            }
        }
        self.0.get(host).ok_or(Errno::NOENT)
    }
}

impl Fs for Memory {
    fn read_link(
        &mut self,
        _: &GuestBuf,
        host: &mut HostBuf,
        _: bool,
        text: &mut GuestBuf,
    ) -> Result<Link, Errno> {
        match self.lookup(host.bytes())? {
            Node::Link(target) => text.assign(target.as_bytes()).map(|()| Link::Text),
            Node::Relocated(file) => host.assign(file.as_bytes()).map(|()| Link::Relocated),
            _ => Ok(Link::No),
        }
    }

    fn elsewhere(&mut self, host: &mut HostBuf) -> Result<bool, Errno> {
        match self.lookup(host.bytes()) {
            Ok(Node::Relocated(file)) => host.assign(file.as_bytes()).map(|()| true),
            _ => Ok(false),
        }
    }

    fn search(&mut self, host: &mut HostBuf) -> Result<(), Errno> {
        match self.lookup(host.bytes())? {
            Node::Directory => Ok(()),
            _ => Err(Errno::NOTDIR),
        }
    }
}

const MOUNTS: &[(&str, &str)] = &[("/mnt/deep", "/other"), ("/mnt", "/bound"), ("", "/r")];

fn resolve(from: &str, path: &str, last: Last) -> Result<(String, String, Found), Errno> {
    let mut fs = Memory::new(&[
        ("/r/usr/bin/sh", Node::File),
        ("/r/bin", Node::Link("usr/bin")),
        ("/r/abs", Node::Link("/usr")),
        ("/r/up", Node::Link("../../..")),
        ("/r/loop", Node::Link("loop")),
        ("/r/dangling", Node::Link("/usr/none")),
        ("/r/to-mnt", Node::Link("/mnt/x")),
        ("/r/etc", Node::Directory),
        ("/r/etc/other", Node::Relocated("/r/store/1")),
        ("/r/to-other", Node::Link("etc/other")),
        ("/r/store/1", Node::File),
        ("/r/mnt", Node::Directory),
        ("/bound/x", Node::File),
        ("/bound/out", Node::Link("../usr")),
        ("/bound/abs", Node::Link("/usr/bin")),
        ("/other/y", Node::File),
    ]);
    let mounts: Vec<Mount<'_>> = MOUNTS
        .iter()
        .map(|(guest, host)| Mount {
            guest: guest.as_bytes(),
            host: host.as_bytes(),
            flags: MountFlags::default(),
            parent: (0, 0),
        })
        .collect();
    let table = MountTable::new(&mounts).expect("ordered");
    let mut scratch = WalkScratch::new();
    scratch.guest.assign(from.as_bytes())?;
    let found = walk(&mut fs, &table, &mut scratch, path.as_bytes(), last)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("ASCII");
    Ok((text(scratch.guest.bytes()), text(scratch.host.bytes()), found))
}

#[track_caller]
fn check(from: &str, path: &str, guest: &str, host: &str) {
    let (got_guest, got_host, _) = resolve(from, path, Last::Follow).expect(path);
    assert_eq!((got_guest.as_str(), got_host.as_str()), (guest, host), "{path}");
}

#[test]
fn relative_and_absolute_links_stay_in_the_root() {
    check("", "/bin/sh", "/usr/bin/sh", "/r/usr/bin/sh");
    check("", "/abs/bin/sh", "/usr/bin/sh", "/r/usr/bin/sh");
    check("/etc", "../abs/bin", "/usr/bin", "/r/usr/bin");
}

#[test]
fn dotdot_stops_at_the_root() {
    check("", "/../../usr", "/usr", "/r/usr");
    check("", "/up/usr", "/usr", "/r/usr");
}

#[test]
fn dotdot_leaves_the_target_of_a_symlink() {
    check("", "/bin/..", "/usr", "/r/usr/");
}

#[test]
fn dotdot_out_of_a_binding_leads_to_the_guest_parent() {
    check("/mnt", "../etc", "/etc", "/r/etc");
    check("", "/mnt/deep/../x", "/mnt/x", "/bound/x");
    check("", "/mnt/out/bin/sh", "/usr/bin/sh", "/r/usr/bin/sh");
}

#[test]
fn links_inside_a_binding_resolve_in_guest_terms() {
    check("", "/mnt/abs/sh", "/usr/bin/sh", "/r/usr/bin/sh");
    check("", "/to-mnt", "/mnt/x", "/bound/x");
}

#[test]
fn a_last_link_is_not_followed_unless_a_slash_follows() {
    let (guest, ..) = resolve("", "/bin", Last::Keep).unwrap();
    assert_eq!(guest, "/bin");
    let (guest, host, found) = resolve("", "/bin/", Last::Keep).unwrap();
    assert_eq!((guest.as_str(), host.as_str()), ("/usr/bin", "/r/usr/bin/"));
    assert!(found.directory);
}

#[test]
fn a_dangling_link_ends_at_its_target() {
    check("", "/dangling", "/usr/none", "/r/usr/none");
}

#[test]
fn a_loop_is_eloop_and_a_file_on_the_way_enotdir() {
    assert_eq!(resolve("", "/loop", Last::Follow).unwrap_err(), Errno::LOOP);
    assert_eq!(resolve("", "/usr/bin/sh/x", Last::Follow).unwrap_err(), Errno::NOTDIR);
    assert_eq!(resolve("", "/usr/bin/sh/..", Last::Follow).unwrap_err(), Errno::NOTDIR);
    assert_eq!(resolve("", "/usr/none/x", Last::Follow).unwrap_err(), Errno::NOENT);
    assert_eq!(resolve("", "/usr/none/..", Last::Follow).unwrap_err(), Errno::NOENT);
}

#[test]
fn a_binding_inside_a_binding_is_found_by_its_longer_path() {
    check("", "/mnt/deep/y", "/mnt/deep/y", "/other/y");
    check("/mnt", "deep/y", "/mnt/deep/y", "/other/y");
}

#[test]
fn a_relocated_file_is_found_by_its_name() {
    for last in [Last::Follow, Last::Keep] {
        let (guest, host, found) = resolve("/etc", "other", last).expect("a relocated file");
        assert_eq!((guest.as_str(), host.as_str()), ("/etc/other", "/r/store/1"));
        assert!(found.elsewhere && found.mount == MOUNTS.len() - 1);
    }
    check("", "/to-other", "/etc/other", "/r/store/1");
    let (_, host, found) = resolve("", "/to-other", Last::Keep).expect("a link");
    assert_eq!((host.as_str(), found.elsewhere), ("/r/to-other", false));
    for path in ["/etc/other/", "/etc/other/x", "/etc/other/.."] {
        assert_eq!(resolve("", path, Last::Follow).expect_err(path), Errno::NOTDIR);
    }
}
