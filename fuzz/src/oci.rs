//! The names and documents of container images. Registries and archives that anybody makes supply
//! the documents.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use newroot_oci::manifest::{Config, Document, Index, Manifest};
use newroot_oci::{Platform, Reference, Source};

/// Reads arbitrary bytes as the place of an image, and as each document of one.
///
/// # Panics
/// If a reference isn't restored when it is written, if a part of it isn't a safe name of a file,
/// or if an index hands out an image for another platform.
pub fn check(bytes: &[u8]) {
    if let Ok(Source::Registry(reference)) = Source::parse(OsStr::from_bytes(bytes)) {
        check_reference(&reference);
    }
    if let Some(platform) = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<Platform>().ok()) {
        assert_eq!(platform.to_string().parse(), Ok(platform));
    }
    match Document::parse(bytes, "") {
        Ok(Document::Index(index)) => check_index(&index),
        Ok(Document::Manifest(manifest)) => check_config(bytes, &manifest),
        Err(why) => assert!(!why.to_string().contains('\n'), "{why}"),
    }
}

fn check_reference(reference: &Reference) {
    for text in [reference.to_string(), reference.short()] {
        assert_eq!(text.parse().as_ref(), Ok(reference), "{text}");
    }
    let name = format!("{}/{}", reference.registry(), reference.repository());
    assert!(name.split('/').all(|part| !matches!(part, "" | "." | "..")), "{name}");
    assert!(name.bytes().all(|byte| byte.is_ascii_graphic()), "{name}");
}

fn check_index(index: &Index) {
    let own = Platform::own();
    if let Some(entry) = index.choose(&own) {
        assert!(entry.platform.as_ref().is_none_or(|platform| own.fits(platform).is_some()), "{entry:?}");
    } else {
        assert!(index.manifests.iter().all(|entry| entry.platform.is_some()), "{index:?}");
    }
}

fn check_config(bytes: &[u8], manifest: &Manifest) {
    // The same bytes may be both: JSON's readers skip what they don't know.
    if let Ok(config) = Config::parse(bytes, manifest) {
        assert_eq!(config.rootfs.diff_ids.len(), manifest.layers.len());
    }
}
