//! Telling a container image from a root.
//!
//! `docker save`, `podman save` and an OCI layout have the layers of an image as files, and descriptions of them. Unpacked
//! as they are, they make no root.

/// What the names of an archive's entries tell.
#[derive(Debug, Default)]
pub(super) struct Signs {
    /// `oci-layout`, which is in an OCI layout alone.
    layout: bool,
    /// `manifest.json` of `docker save`.
    manifest: bool,
    index: bool,
    layers: bool,
    /// Something that isn't in an image.
    others: bool,
}

impl Signs {
    /// Notes the name of an entry.
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

    /// Whether it is an image, and nothing else.
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
        // docker save, before and since Docker 25; podman save; an OCI layout.
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
