//! The licenses of everything that is linked into the program.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::TARGET;
use crate::cargo;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A crate of another project.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Crate {
    /// NAME-VERSION, which is also the name of its folder in cargo's cache.
    name: String,
    /// An SPDX expression.
    license: String,
}

/// Returns the license files that a package includes unchanged, and their names in it.
pub(super) fn files() -> Result<[(PathBuf, &'static str); 2]> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = output(Command::new(rustc).args(["--print", "sysroot"]))?;
    let library = Path::new(sysroot.trim()).join("share/doc/rust/COPYRIGHT-library.html");
    let glibc = PathBuf::from("/usr/share/common-licenses/LGPL-2.1");
    for (file, owner) in
        [(&library, "this toolchain (rustup's has it)"), (&glibc, "this machine (Debian's have it)")]
    {
        if !file.exists() {
            return Err(format!("{owner} lacks '{}', which the packages must include", file.display()).into());
        }
    }
    Ok([(library, "rust-standard-library.html"), (glibc, "LGPL-2.1")])
}

/// Returns the text of THIRD-PARTY: each crate and its license, then the texts, each once.
pub(super) fn third_party() -> Result<String> {
    let mut crates: Vec<Crate> = Vec::new();
    // The shim is built by a cargo of its own and is a dependency of no crate.
    for package in ["newroot", "newroot-shim"] {
        let mut tree = cargo();
        tree.args([
            "tree",
            "--locked",
            "--edges",
            "normal,no-proc-macro",
            "--target",
            TARGET,
            "--package",
            package,
        ]);
        crates.extend(crates_of(&output(tree.args(["--prefix", "none", "--format", "{p}\t{l}"]))?));
    }
    crates.sort();
    crates.dedup();
    let metadata =
        output(cargo().args(["metadata", "--locked", "--format-version", "1", "--filter-platform", TARGET]))?;
    let folders = folders(&metadata);

    let mut texts = Texts::default();
    let mut list = String::new();
    for third in &crates {
        let folder =
            folders.get(&third.name).ok_or_else(|| format!("cargo doesn't know where {} is", third.name))?;
        let mut numbers = Vec::new();
        for file in license_files(folder)? {
            numbers.push(texts.number(&fs::read_to_string(&file)?).to_string());
        }
        if numbers.is_empty() {
            return Err(format!("{} has no license text", third.name).into());
        }
        // Writing to a string doesn't fail.
        let _ = writeln!(list, "{:<28} {:<52} [{}]", third.name, third.license, numbers.join("] ["));
    }
    Ok(format!(
        "The program newroot contains these libraries. The numbers are those of the texts below.\n\n{list}\n\
         It also contains Rust's standard library (rust-standard-library.html) and the GNU C library, which is\n\
         under the GNU Lesser General Public License 2.1 or later. The sources of newroot are all that is needed\n\
         to link the program with another version of that library: `cargo build --release`.\n{}",
        texts.text()
    ))
}

/// Reads the output of `cargo tree`, without crates that have a path, which are our own.
fn crates_of(tree: &str) -> impl Iterator<Item = Crate> {
    tree.lines().filter_map(|line| {
        let (package, license) = line.split_once('\t')?;
        let mut words = package.split(' ');
        let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
        let is_ours = words.any(|word| word.starts_with("(/"));
        let license = license.trim_end_matches(" (*)").to_owned();
        (!is_ours).then(|| Crate { name: format!("{name}-{version}"), license })
    })
}

/// Returns the folder of each package that `cargo metadata` names, by the folder's own name.
fn folders(metadata: &str) -> BTreeMap<String, PathBuf> {
    let manifests = metadata.split("\"manifest_path\":\"").skip(1).filter_map(|rest| rest.split_once('"'));
    let folders = manifests.filter_map(|(path, _)| Path::new(path).parent());
    let named = |folder: &Path| Some((folder.file_name()?.to_str()?.to_owned(), folder.to_owned()));
    folders.filter_map(named).collect()
}

/// Returns the files of a crate that look like license texts, sorted.
fn license_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let names = ["license", "licence", "copying", "copyright", "notice", "unlicense"];
        if path.is_file() && names.iter().any(|start| name.starts_with(start)) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// License texts, each once: texts that differ only in white space are the same.
#[derive(Default)]
struct Texts {
    numbers: BTreeMap<String, usize>,
    texts: Vec<String>,
}

impl Texts {
    /// Returns the number of a text; a new text gets the next number.
    fn number(&mut self, text: &str) -> usize {
        let words: Vec<&str> = text.split_whitespace().collect();
        *self.numbers.entry(words.join(" ")).or_insert_with(|| {
            self.texts.push(text.trim_end().replace('\r', ""));
            self.texts.len()
        })
    }

    fn text(&self) -> String {
        let with_number =
            |(index, text): (usize, &String)| format!("\n======== [{}] ========\n\n{text}\n", index + 1);
        self.texts.iter().enumerate().map(with_number).collect()
    }
}

fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().display().to_string();
    let output = command.stderr(std::process::Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cannot start '{name}': {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_crates_are_left_out() {
        let tree = "newroot v0.1.0 (/src/crates/newroot)\tMIT OR Apache-2.0\n\
                    memchr v2.8.3\tUnlicense OR MIT\nmemchr v2.8.3\tUnlicense OR MIT (*)\n\n";
        let mut crates: Vec<Crate> = crates_of(tree).collect();
        crates.dedup();
        let memchr = Crate { name: "memchr-2.8.3".to_owned(), license: "Unlicense OR MIT".to_owned() };
        assert_eq!(crates, [memchr]);
    }

    #[test]
    fn folders_are_found_by_their_names() {
        let metadata = r#"{"packages":[{"name":"a","manifest_path":"/c/a-1.0.0/Cargo.toml","x":1},
                          {"manifest_path":"/c/b-2.0.0/Cargo.toml"}]}"#;
        let folders = folders(metadata);
        assert_eq!(folders["a-1.0.0"], Path::new("/c/a-1.0.0"));
        assert_eq!(folders["b-2.0.0"], Path::new("/c/b-2.0.0"));
    }

    #[test]
    fn a_text_stands_there_once() {
        let mut texts = Texts::default();
        let numbers = ["One  text\n", "another", "One\ntext"].map(|text| texts.number(text));
        assert_eq!(numbers, [1, 2, 1]);
        assert_eq!(
            texts.text(),
            "\n======== [1] ========\n\nOne  text\n\n======== [2] ========\n\nanother\n"
        );
    }

    #[test]
    fn every_library_has_a_license() {
        let text = third_party().expect("all have one");
        for name in ["clap-", "linux-raw-sys-", "rustix-"] {
            assert!(text.lines().any(|line| line.starts_with(name)), "{name}");
        }
        assert!(!text.contains("newroot-shim"));
    }
}
