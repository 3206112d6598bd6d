//! Distinguishes a container image from a root.
//!
//! `docker save` and `podman save` write, and an OCI layout has, an image's layers as files, with
//! descriptions of them. Unpacked as they are, they are no root.

/// Conclusions from the names of an archive's entries.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// `oci-layout`, which only an OCI layout has.
    layout: bool,
    /// `manifest.json`, which `docker save` writes.
    manifest: bool,
    index: bool,
    layers: bool,
    /// A name that no image has.
    others: bool,
}

impl Signs {
    /// Takes note of an entry's name.
    pub(super) fn note(&mut self, name: &[u8]) {
        let parts: Vec<&[u8]> =
            name.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
        match parts[..] {
            [] | [b"repositories" | b"blobs"] | [b"blobs", _] => {}
            [b"oci-layout"] => self.layout = true,
            [b"manifest.json"] => self.manifest = true,
            [b"index.json"] => self.index = true,
            [b"blobs", _, _] => self.layers = true,
            [id, b"layer.tar"] if is_digest(id) => self.layers = true,
            [id] | [id, b"VERSION" | b"json"] if is_digest(id) => {}
            [file] => match file.iter().rposition(|&byte| byte == b'.').map(|dot| file.split_at(dot)) {
                Some((id, b".json")) if is_digest(id) => {}
                Some((id, b".tar")) if is_digest(id) => self.layers = true,
                Some((id, b".gz")) if id.strip_suffix(b".tar").is_some_and(is_digest) => self.layers = true,
                _ => self.others = true,
            },
            _ => self.others = true,
        }
    }

    /// Returns whether the archive is an image and nothing else.
    pub(super) fn is_image(&self) -> bool {
        !self.others && (self.layout && self.index || self.manifest && self.layers)
    }
}

fn is_digest(name: &[u8]) -> bool {
    let digits = name.strip_prefix(b"sha256:").unwrap_or(name);
    digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_image(names: &[&str]) -> bool {
        let mut signs = Signs::default();
        names.iter().for_each(|name| signs.note(name.as_bytes()));
        signs.is_image()
    }

    #[test]
    fn images_are_told_from_roots() {
        let digest = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";
        let [blob, layer, config, tar] = [
            format!("blobs/sha256/{digest}"),
            format!("{digest}/layer.tar"),
            format!("{digest}.json"),
            format!("{digest}.tar"),
        ];
        // docker save before Docker 25 and since; podman save; an OCI layout.
        assert!(is_image(&[digest, &layer, &config, "manifest.json", "repositories"]));
        assert!(is_image(&["blobs/", "blobs/sha256/", &blob, "index.json", "manifest.json", "oci-layout"]));
        assert!(is_image(&[&tar, &config, &layer, "manifest.json"]));
        assert!(is_image(&["./oci-layout", "./index.json", &blob]));
        assert!(!is_image(&["bin/sh", "manifest.json", &layer]));
        assert!(!is_image(&["etc", "oci-layout", "index.json", &blob]));
        assert!(!is_image(&["manifest.json"]));
        assert!(!is_image(&[]));
    }
}
