//! Manifests, indexes and configurations of images: OCI's, and docker's of schema 2, which say the
//! same with other media types.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Digest, Platform};

/// Size of the largest document that is read, in bytes: registries refuse larger manifests.
pub const LARGEST: u64 = 4 << 20;

const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// Media types of layers.
const LAYERS: [&str; 6] = [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
];

/// Media types that a registry is asked for, best first.
pub const ACCEPTED: [&str; 4] = [OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST];

/// A document that isn't an image newroot can run: the reason, to be read after the image's name.
/// Text of the document in it is escaped, so that it is one line and can't steer a terminal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// The document is no JSON, or lacks something.
    #[error("its {document} is damaged: {why}")]
    Damaged {
        /// The kind of document.
        document: &'static str,
        /// The reason, in the JSON reader's words.
        why: serde_json::Error,
    },
    /// The image has docker's old form.
    #[error(
        "it is of docker's old schema 1, which has no digests of its layers; pull and push it with a newer docker"
    )]
    Schema1,
    /// The document is something else.
    #[error("'{}' is no image", .0.escape_debug())]
    MediaType(String),
    /// A layer has a form that newroot doesn't know.
    #[error("newroot can't read layers of type '{}'", .0.escape_debug())]
    Layer(String),
    /// A layer has to be fetched from another place.
    #[error("it has a layer that isn't distributed with it (type '{}')", .0.escape_debug())]
    Foreign(String),
    /// The manifest and the configuration don't belong together.
    #[error("its manifest has {layers} layers, its configuration {diff_ids}")]
    LayerCount {
        /// Number of layers in the manifest.
        layers: usize,
        /// Number of layers in the configuration.
        diff_ids: usize,
    },
}

/// A blob: its digest, its size, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type. Old indexes leave it out.
    #[serde(default)]
    pub media_type: String,
    /// Digest of the bytes.
    pub digest: Digest,
    /// Number of bytes.
    pub size: u64,
    /// The platform that the image is for, in an index.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Notes, such as the image's name in an OCI layout.
    #[serde(default, deserialize_with = "or_default")]
    pub annotations: BTreeMap<String, String>,
}

impl Descriptor {
    /// Returns whether this is an index rather than a manifest.
    #[must_use]
    pub fn is_index(&self) -> bool {
        matches!(self.media_type.as_str(), OCI_INDEX | DOCKER_LIST)
    }
}

/// The document that a reference leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Document {
    /// Images for several platforms.
    Index(Index),
    /// One image.
    Manifest(Manifest),
}

/// A list of images.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Index {
    /// The images, and further indexes.
    #[serde(default, deserialize_with = "or_default")]
    pub manifests: Vec<Descriptor>,
}

impl Index {
    /// Returns the image that a machine of this platform runs best, and the first of those that it
    /// runs equally well. An entry without a platform comes last: it is whatever its configuration
    /// says.
    #[must_use]
    pub fn choose(&self, platform: &Platform) -> Option<&Descriptor> {
        let fit = |entry: &Descriptor| match &entry.platform {
            Some(image) => platform.fits(image).map(u64::from).map(|fit| fit + 1),
            None => Some(0),
        };
        // `max_by_key` takes the last of equals.
        self.manifests.iter().rev().filter(|entry| fit(entry).is_some()).max_by_key(|entry| fit(entry))
    }

    /// Returns the platforms that it has images for, each once.
    #[must_use]
    pub fn platforms(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        // Notes about an image stand beside it, for a platform of this name.
        let real = self.manifests.iter().filter_map(|entry| entry.platform.as_ref());
        for name in real.filter(|platform| platform.os != "unknown").map(ToString::to_string) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }
}

/// An image: its configuration, and its layers from the lowest up.
#[derive(Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The configuration's blob.
    pub config: Descriptor,
    /// The layers' blobs. Their media types promise a compression, but builders are known to write
    /// the wrong type: the first bytes of a layer show it.
    pub layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: u64,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    manifests: Option<Vec<Descriptor>>,
    #[serde(default)]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Option<Vec<Descriptor>>,
}

impl Document {
    /// Reads an index or a manifest. `media_type` is that of the answer or of the descriptor; the
    /// document's own counts more.
    ///
    /// # Errors
    /// Each [`Unusable`] but [`Unusable::LayerCount`].
    pub fn parse(bytes: &[u8], media_type: &str) -> Result<Self, Unusable> {
        let damaged = |why| Unusable::Damaged { document: "manifest", why };
        let raw: Raw = serde_json::from_slice(bytes).map_err(damaged)?;
        if raw.schema_version == 1 {
            return Err(Unusable::Schema1);
        }
        let named = raw.media_type.as_deref().filter(|name| !name.is_empty()).unwrap_or(media_type);
        let is_index = match named {
            OCI_INDEX | DOCKER_LIST => true,
            OCI_MANIFEST | DOCKER_MANIFEST => false,
            // Some servers send every document as plain JSON.
            "" | "application/json" | "text/plain" | "application/octet-stream" => raw.manifests.is_some(),
            other => return Err(Unusable::MediaType(other.to_owned())),
        };
        let lacks = |field| damaged(<serde_json::Error as serde::de::Error>::missing_field(field));
        if is_index {
            return Ok(Self::Index(Index { manifests: raw.manifests.ok_or_else(|| lacks("manifests"))? }));
        }
        let config = raw.config.ok_or_else(|| lacks("config"))?;
        // Other kinds of artifacts (charts, signatures) have manifests, too.
        if !matches!(config.media_type.as_str(), "" | OCI_CONFIG | DOCKER_CONFIG | "application/octet-stream")
        {
            return Err(Unusable::MediaType(config.media_type));
        }
        let layers = raw.layers.ok_or_else(|| lacks("layers"))?.into_iter().map(checked_layer);
        Ok(Self::Manifest(Manifest { config, layers: layers.collect::<Result<_, _>>()? }))
    }
}

/// Returns the blob, if it is a layer that newroot can read.
fn checked_layer(blob: Descriptor) -> Result<Descriptor, Unusable> {
    let kind = blob.media_type.as_str();
    if kind.contains("nondistributable") || kind.contains(".foreign.") {
        return Err(Unusable::Foreign(kind.to_owned()));
    }
    if LAYERS.contains(&kind) { Ok(blob) } else { Err(Unusable::Layer(blob.media_type)) }
}

/// An image's configuration.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct Config {
    /// Processor.
    #[serde(default)]
    pub architecture: String,
    /// Operating system.
    #[serde(default)]
    pub os: String,
    /// Generation of the processor.
    #[serde(default)]
    pub variant: Option<String>,
    /// How a container of the image is run.
    #[serde(default, deserialize_with = "or_default")]
    pub config: Execution,
    /// Digests of the layers' contents, without compression.
    pub rootfs: RootFs,
}

/// How a container of an image is run, unless the user says otherwise.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Execution {
    /// `USER[:GROUP]`, by names or numbers; empty means root.
    #[serde(default)]
    pub user: String,
    /// Environment, `NAME=VALUE`.
    #[serde(default, deserialize_with = "or_default")]
    pub env: Vec<String>,
    /// The command's first words.
    #[serde(default, deserialize_with = "or_default")]
    pub entrypoint: Vec<String>,
    /// The words behind them, which a command line replaces.
    #[serde(default, deserialize_with = "or_default")]
    pub cmd: Vec<String>,
    /// Working directory; empty means `/`.
    #[serde(default)]
    pub working_dir: String,
    /// Directories with contents of their own, by guest path.
    #[serde(default, deserialize_with = "or_default")]
    pub volumes: BTreeMap<String, serde_json::Value>,
    /// Labels.
    #[serde(default, deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    /// Signal that asks the command to end.
    #[serde(default)]
    pub stop_signal: Option<String>,
}

/// The contents of an image's layers.
#[derive(Debug, PartialEq, Eq, Deserialize)]
pub struct RootFs {
    /// Digests of the plain tar archives, from the lowest up.
    #[serde(default, deserialize_with = "or_default")]
    pub diff_ids: Vec<Digest>,
}

impl Config {
    /// Reads a configuration, and checks that it has as many layers as the manifest.
    ///
    /// # Errors
    /// [`Unusable::Damaged`], [`Unusable::LayerCount`].
    pub fn parse(bytes: &[u8], manifest: &Manifest) -> Result<Self, Unusable> {
        let damaged = |why| Unusable::Damaged { document: "configuration", why };
        let config: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        let (layers, diff_ids) = (manifest.layers.len(), config.rootfs.diff_ids.len());
        if layers == diff_ids { Ok(config) } else { Err(Unusable::LayerCount { layers, diff_ids }) }
    }

    /// Returns the platform that the image is for.
    #[must_use]
    pub fn platform(&self) -> Platform {
        Platform::new(&self.os, &self.architecture, self.variant.as_deref())
    }
}

/// Reads a value that Go's programs write as `null` when it is empty.
fn or_default<'de, D, T>(input: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(input)?.unwrap_or_default())
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        String::deserialize(input)?.parse().map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Words {
            #[serde(default)]
            os: String,
            #[serde(default)]
            architecture: String,
            #[serde(default)]
            variant: Option<String>,
        }
        let Words { os, architecture, variant } = Words::deserialize(input)?;
        Ok(Self::new(&os, &architecture, variant.as_deref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(letter: char) -> String {
        format!("sha256:{}", letter.to_string().repeat(64))
    }

    fn blob(kind: &str, letter: char) -> String {
        format!(r#"{{"mediaType":"{kind}","digest":"{}","size":{}}}"#, digest(letter), letter as u32)
    }

    fn manifest(layers: &[&str]) -> String {
        let layers: Vec<String> = layers.iter().map(|kind| blob(kind, 'b')).collect();
        format!(
            r#"{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{},"layers":[{}]}}"#,
            blob(OCI_CONFIG, 'a'),
            layers.join(",")
        )
    }

    fn read(text: &str) -> Manifest {
        match Document::parse(text.as_bytes(), "") {
            Ok(Document::Manifest(manifest)) => manifest,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn refused(text: &str) -> String {
        Document::parse(text.as_bytes(), "").expect_err(text).to_string()
    }

    #[test]
    fn configuration_and_layers_are_read() {
        let found = read(&manifest(&LAYERS));
        assert_eq!(found.config.digest.to_string(), digest('a'));
        assert_eq!(found.layers.iter().map(|layer| layer.media_type.as_str()).collect::<Vec<_>>(), LAYERS);
        assert!(found.layers.iter().all(|layer| layer.size == 'b' as u64));
        // docker's words, and a server that names no type.
        let dockers = manifest(&[]).replace(OCI_MANIFEST, DOCKER_MANIFEST).replace(OCI_CONFIG, DOCKER_CONFIG);
        assert_eq!(read(&dockers).layers.len(), 0);
        let unnamed = manifest(&[]).replace(&format!(r#""mediaType":"{OCI_MANIFEST}","#), "");
        read(&unnamed);
    }

    #[test]
    fn what_cannot_be_run_is_refused_with_its_reason() {
        assert!(refused(r#"{"schemaVersion":1,"fsLayers":[]}"#).contains("schema 1"));
        let foreign = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
        assert!(refused(&manifest(&[foreign])).contains("isn't distributed"));
        let nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar";
        assert!(refused(&manifest(&[nondistributable])).contains("isn't distributed"));
        assert!(refused(&manifest(&["application/x-sif"])).contains("'application/x-sif'"));
        let chart = manifest(&[]).replace(OCI_CONFIG, "application/vnd.cncf.helm.config.v1+json");
        assert!(refused(&chart).contains("helm"));
        for hostile in ["a\\n\\u001b[2Jb", "sha256:\\n\\u001b"] {
            for place in ["application/x-sif", &digest('b')] {
                let why = refused(&manifest(&["application/x-sif"]).replace(place, hostile));
                assert!(!why.contains(['\n', '\u{1b}']), "{why:?}");
            }
        }
        for damaged in [
            "",
            "{",
            "[]",
            "{}",
            r#"{"schemaVersion":2}"#,
            &manifest(&[]).replace("sha256:a", "sha256:A"),
            &manifest(&[]).replace(r#""size":97"#, r#""size":-1"#),
        ] {
            assert!(refused(damaged).contains("is damaged"), "{damaged}");
        }
    }

    #[test]
    fn index_has_an_image_for_each_platform() {
        let entry = |letter, platform: &str| {
            blob(OCI_MANIFEST, letter).replace('}', &format!(r#","platform":{{{platform}}}}}"#))
        };
        let entries = [
            entry('a', r#""os":"linux","architecture":"arm","variant":"v5""#),
            entry('b', r#""os":"linux","architecture":"amd64""#),
            entry('c', r#""os":"linux","architecture":"arm","variant":"v7""#),
            entry('d', r#""os":"linux","architecture":"amd64""#),
            entry('e', r#""os":"unknown","architecture":"unknown""#),
            entry('f', r#""os":"linux","architecture":"arm64","variant":"v8""#),
        ];
        let text =
            format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{}]}}"#, entries.join(","));
        let Ok(Document::Index(index)) = Document::parse(text.as_bytes(), "") else { panic!("{text}") };
        let chosen = |platform: &str| {
            index.choose(&platform.parse().expect("a platform")).map(|entry| entry.digest.to_string())
        };
        assert_eq!(chosen("linux/amd64"), Some(digest('b')));
        assert_eq!(chosen("linux/arm/v7"), Some(digest('c')));
        assert_eq!(chosen("linux/arm/v6"), Some(digest('a')));
        assert_eq!(chosen("arm64"), Some(digest('f')));
        assert_eq!(chosen("linux/riscv64"), None);
        assert_eq!(index.platforms(), ["linux/arm/v5", "linux/amd64", "linux/arm", "linux/arm64"]);
    }

    #[test]
    fn configuration_is_read_with_gos_empty_values() {
        let manifest = read(&manifest(&["application/vnd.oci.image.layer.v1.tar"]));
        let text = format!(
            r#"{{"os":"linux","architecture":"amd64","config":{{"User":"app","Env":["A=1"],"Cmd":null,
                "Entrypoint":["/bin/app"],"WorkingDir":"/srv","Volumes":{{"/data":{{}}}},"Labels":null}},
                "rootfs":{{"type":"layers","diff_ids":["{}"]}},"history":[{{"empty_layer":true}}]}}"#,
            digest('c')
        );
        let config = Config::parse(text.as_bytes(), &manifest).expect("a configuration");
        assert_eq!((config.config.user.as_str(), config.config.cmd.len()), ("app", 0));
        assert_eq!(config.config.entrypoint, ["/bin/app"]);
        assert!(config.config.volumes.contains_key("/data"));
        assert_eq!(config.platform().to_string(), "linux/amd64");
        let bare = format!(r#"{{"config":null,"rootfs":{{"diff_ids":["{}"]}}}}"#, digest('c'));
        let bare = Config::parse(bare.as_bytes(), &manifest).expect("a configuration");
        assert_eq!(bare.config, Execution::default());
        let more = r#"{"rootfs":{"diff_ids":null}}"#;
        let why = Config::parse(more.as_bytes(), &manifest).expect_err("too few").to_string();
        assert_eq!(why, "its manifest has 1 layers, its configuration 0");
    }
}
