//! The contents for a root, decided before anything is written.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::closure::{Closure, Collected};
use crate::error::{Error, Result};
use crate::options::Options;
use crate::{busybox, data, search, tree, usual};

/// Host paths, programs and applets.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) collected: Collected,
    /// The requested programs, at the paths where they were found.
    pub(crate) programs: Vec<PathBuf>,
    /// busybox, and the guest paths that lead to it.
    pub(crate) applets: Option<(PathBuf, Vec<PathBuf>)>,
    /// Whether to make the directories and files that every root has.
    pub(crate) skeleton: bool,
}

impl Manifest {
    /// Returns the contents of a new root: `names`, or the usual programs if there are none, and
    /// the skeleton.
    pub(crate) fn root(names: &[OsString], options: &Options) -> Result<Self> {
        if !names.is_empty() {
            let mut manifest = Self::programs(names, options)?;
            manifest.skeleton = true;
            manifest.applets = manifest
                .programs
                .iter()
                .find(|program| program.file_name() == Some(OsStr::new(busybox::NAME)))
                .map(|program| Ok((program.clone(), busybox::applets(program)?)))
                .transpose()?;
            return Ok(manifest);
        }
        let has = |name: &str| search::find(OsStr::new(name), &options.search_path).is_some();
        if has(busybox::NAME) {
            return Self::root(&[busybox::NAME.into()], options);
        }
        if !has("sh") {
            return Err(Error::NoDefaultPrograms);
        }
        let usual: Vec<OsString> = usual::PROGRAMS.iter().filter(|name| has(name)).map(Into::into).collect();
        Self::root(&usual, options)
    }

    /// Returns `names` and nothing else.
    pub(crate) fn programs(names: &[OsString], options: &Options) -> Result<Self> {
        let mut closure = Closure::new(options);
        let mut programs = Vec::with_capacity(names.len());
        for name in names {
            let program = search::program(name, &options.search_path)?;
            if program.is_dir() {
                // The program that opens modules in a directory isn't known. Any program will do.
                let shell = search::find(OsStr::new("sh"), &options.search_path);
                tree::collect(&mut closure, &program, shell.as_deref(), &|_| false)?;
            } else {
                closure.program(&program)?;
            }
            programs.push(program);
        }
        data::collect(&mut closure, options)?;
        Ok(Self { collected: closure.finish(), programs, applets: None, skeleton: false })
    }

    /// Returns whether the user named `path`, or a directory that it is in. If not, something else
    /// needs it.
    pub(crate) fn is_named(&self, path: &Path) -> bool {
        self.programs.iter().any(|program| path.starts_with(program))
    }
}
