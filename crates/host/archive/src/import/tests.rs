//! No archive, with any entries in any order, changes a file beside the directory.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use newroot_records::attribute::Attributes;
use proptest::prelude::*;

use super::{ImportOptions, Input, import};
use crate::tar::Writer;
use crate::tar::{Entry, Kind, Time};

/// Few names, so that entries conflict.
fn name() -> impl Strategy<Value = Vec<u8>> {
    let component = prop::sample::select(vec!["a", "b", "c", ".", "..", "", ".newroot", "owners", "victim"]);
    prop::collection::vec(component, 1..5).prop_map(|components| components.join("/").into_bytes())
}

fn target() -> impl Strategy<Value = Vec<u8>> {
    let known = ["..", "../victim", "../../victim", "/", "../victim/file", "a", "b/.."];
    prop_oneof![name(), prop::sample::select(known.map(|text| text.as_bytes().to_vec()).to_vec())]
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => Just(Kind::File),
        3 => Just(Kind::Directory),
        3 => target().prop_map(Kind::Symlink),
        2 => target().prop_map(Kind::HardLink),
        1 => Just(Kind::Fifo),
        1 => Just(Kind::Unknown(b'Z')),
    ]
}

/// Every owner is the user who runs the test. Another test has other owners.
fn archive() -> impl Strategy<Value = Vec<u8>> {
    let entry = (name(), kind(), 0..0o10000_u32);
    prop::collection::vec(entry, 1..12).prop_map(|entries| {
        let mut writer = Writer::new(Vec::new());
        for (name, kind, mode) in entries {
            let content: &[u8] = if kind == Kind::File { b"from the archive" } else { b"" };
            let entry = Entry {
                name,
                kind,
                mode,
                uid: rustix::process::geteuid().as_raw(),
                gid: rustix::process::getegid().as_raw(),
                size: content.len() as u64,
                modified: Time { seconds: 1, nanoseconds: 0 },
                attributes: Attributes::new(),
            };
            writer.entry(&entry).unwrap();
            writer.content(content).unwrap();
        }
        writer.finish().unwrap()
    })
}

fn state(top: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    let mut pending = vec![top.to_owned()];
    while let Some(path) = pending.pop() {
        let metadata = path.symlink_metadata().unwrap();
        if metadata.is_dir() {
            pending.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        let content = if metadata.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        let times = (metadata.mtime(), metadata.mtime_nsec());
        let line = format!("{:o} {} {times:?} {content:?}", metadata.mode(), metadata.nlink());
        found.insert(path, line);
    }
    found
}

proptest! {
    #[test]
    fn neighbours_stay_as_they_are(archive in archive(), exists in any::<bool>(), force in any::<bool>()) {
        let place = tempfile::tempdir().unwrap();
        let victim = place.path().join("victim");
        fs::create_dir(&victim).unwrap();
        fs::write(victim.join("file"), "untouched").unwrap();
        let inner = place.path().join("inner");
        fs::create_dir(&inner).unwrap();
        let (input, directory) = (place.path().join("archive"), inner.join("root"));
        fs::write(&input, &archive).unwrap();
        if exists {
            fs::create_dir(&directory).unwrap();
        }
        if exists && force {
            // A symlink that existed before leads out, too.
            symlink("../../victim", directory.join("a")).unwrap();
            fs::create_dir(directory.join("b")).unwrap();
            symlink("../../../victim", directory.join("b/c")).unwrap();
            fs::write(directory.join("c"), "theirs").unwrap();
        }
        let (victims, before) = (state(&victim), state(&inner));
        let options = ImportOptions { force, own_links: false };
        let result = import(&Input::File(input), &directory, options, &|| false, &mut ());
        prop_assert_eq!(state(&victim), victims);
        if result.is_err() {
            let untimed = |state: BTreeMap<PathBuf, String>| -> Vec<(PathBuf, String)> {
                // The times of directories are left out: making and removing a file changes them.
                let line = |text: String| text.split(" (").next().unwrap_or_default().to_owned();
                state.into_iter().map(|(path, text)| (path, line(text))).collect()
            };
            prop_assert_eq!(untimed(state(&inner)), untimed(before));
        } else {
            let names: Vec<_> = fs::read_dir(&inner).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            prop_assert_eq!(names, ["root"]);
        }
    }
}
