//! The host's files in memory, and the host kernel's lookup of paths without symbolic links.

use std::collections::BTreeMap;

use newroot_abi::Errno;

/// Number of a file.
pub(crate) type Node = usize;

/// The host's own root.
pub(crate) const HOST_ROOT: Node = 0;

/// Type and content of a file.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// A directory with its names, and whether it may be searched.
    Directory(BTreeMap<Vec<u8>, Node>, bool),
    File,
    Link(Vec<u8>),
}

impl What {
    /// Returns an empty directory that may be searched.
    pub(crate) fn directory() -> Self {
        Self::Directory(BTreeMap::new(), true)
    }
}

#[derive(Debug)]
struct File {
    name: Vec<u8>,
    parent: Node,
    what: What,
}

/// All files of the host.
#[derive(Debug)]
pub(crate) struct Forest(Vec<File>);

/// Result of a lookup without symbolic links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Plain {
    There(Node),
    /// The file doesn't exist; its parent directory and name.
    Missing(Node, Vec<u8>),
}

impl Forest {
    /// Creates a forest that consists of a root.
    pub(crate) fn new() -> Self {
        Self(vec![File { name: Vec::new(), parent: HOST_ROOT, what: What::directory() }])
    }

    /// Creates a file. Returns `None` if the name is taken or `parent` isn't a directory.
    pub(crate) fn make(&mut self, parent: Node, name: &[u8], what: What) -> Option<Node> {
        let node = self.0.len();
        match &mut self.0[parent].what {
            What::Directory(names, _) if !names.contains_key(name) => names.insert(name.to_vec(), node),
            _ => return None,
        };
        self.0.push(File { name: name.to_vec(), parent, what });
        Some(node)
    }

    /// Makes a directory unsearchable.
    pub(crate) fn close(&mut self, node: Node) {
        if let What::Directory(_, searchable) = &mut self.0[node].what {
            *searchable = false;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn what(&self, node: Node) -> &What {
        &self.0[node].what
    }

    pub(crate) fn is_directory(&self, node: Node) -> bool {
        matches!(self.what(node), What::Directory(..))
    }

    pub(crate) fn name(&self, node: Node) -> &[u8] {
        &self.0[node].name
    }

    pub(crate) fn parent(&self, node: Node) -> Node {
        self.0[node].parent
    }

    /// Checks whether `node` lies below `above`.
    pub(crate) fn is_below(&self, node: Node, above: Node) -> bool {
        let mut at = node;
        while at != HOST_ROOT {
            at = self.parent(at);
            if at == above {
                return true;
            }
        }
        false
    }

    /// Returns the canonical path, empty for the root.
    pub(crate) fn path(&self, node: Node) -> Vec<u8> {
        if node == HOST_ROOT {
            return Vec::new();
        }
        [&self.path(self.parent(node)), &b"/"[..], self.name(node)].concat()
    }

    /// Looks up a name in a directory. Fails if the directory can't be searched.
    pub(crate) fn child(&self, directory: Node, name: &[u8]) -> Result<Option<Node>, Errno> {
        match self.what(directory) {
            What::Directory(_, false) => Err(Errno::ACCES),
            What::Directory(names, true) => Ok(names.get(name).copied()),
            What::File | What::Link(_) => Err(Errno::NOTDIR),
        }
    }

    /// Looks up a path as openat2(2) does with RESOLVE_NO_SYMLINKS and O_NOFOLLOW.
    pub(crate) fn plain(&self, from: Node, path: &[u8]) -> Result<Plain, Errno> {
        let mut at = if path.starts_with(b"/") { HOST_ROOT } else { from };
        let wants_directory = path.ends_with(b"/");
        let mut names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            let is_last = names.peek().is_none();
            match (name, self.child(at, name)?) {
                (b".", _) => {}
                (b"..", _) => at = self.parent(at),
                (_, Some(node)) => at = node,
                (_, None) if is_last => return Ok(Plain::Missing(at, name.to_vec())),
                (_, None) => return Err(Errno::NOENT),
            }
            if matches!(self.what(at), What::Link(_)) && (!is_last || wants_directory) {
                return Err(Errno::LOOP);
            }
        }
        if wants_directory && !self.is_directory(at) {
            return Err(Errno::NOTDIR);
        }
        Ok(Plain::There(at))
    }
}
