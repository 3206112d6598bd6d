//! The Debian package: an `ar` archive of two tarballs. It needs no Debian to be made.
//!
//! It has no maintainer scripts and no configuration files: removing it leaves nothing.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Maker, VERSION};
use crate::{Outcome, finish};

/// Makes the package of the tree at `root`, whose files are in `root/usr`.
pub(super) fn make(maker: &Maker<'_>, root: &Path, package: &Path) -> Outcome {
    let pages = files(&root.join("usr/share/man"))?;
    finish(Command::new("gzip").arg("-9n").args(pages))?;
    // In Debian, /usr/share/zsh/site-functions belongs to zsh.
    let zsh = root.join("usr/share/zsh");
    fs::rename(zsh.join("site-functions"), zsh.join("vendor-completions"))?;
    let documents = root.join("usr/share/doc/newroot");
    finish(
        Command::new("gzip")
            .arg("-9n")
            .args(["CHANGELOG.md", "THIRD-PARTY"].map(|name| documents.join(name))),
    )?;
    fs::rename(documents.join("CHANGELOG.md.gz"), documents.join("changelog.gz"))?;
    // Debian has its own copy of this text.
    fs::remove_file(documents.join("LICENSE-APACHE"))?;
    fs::remove_file(documents.join("LGPL-2.1"))?;
    fs::write(documents.join("copyright"), copyright(&fs::read_to_string(documents.join("LICENSE-MIT"))?))?;
    fs::remove_file(documents.join("LICENSE-MIT"))?;

    let scratch = tempfile::tempdir()?;
    let data = scratch.path().join("data.tar.gz");
    maker.archive(root, ".", &data)?;
    let control = scratch.path().join("control");
    fs::create_dir(&control)?;
    let files = files(&root.join("usr"))?;
    let mut size = 0;
    for file in &files {
        size += fs::metadata(file)?.len().div_ceil(1024);
    }
    fs::write(control.join("control"), control_file(size))?;
    let sums = File::create(control.join("md5sums"))?;
    let names = files.iter().map(|file| file.strip_prefix(root));
    let names: Vec<&Path> = names.collect::<Result<_, _>>()?;
    finish(Command::new("md5sum").current_dir(root).args(names).stdout(sums))?;
    let packed = scratch.path().join("control.tar.gz");
    maker.archive(&control, ".", &packed)?;

    let mut out = BufWriter::new(File::create(package)?);
    out.write_all(b"!<arch>\n")?;
    for (name, bytes) in [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", fs::read(packed)?),
        ("data.tar.gz", fs::read(data)?),
    ] {
        write_member(&mut out, name, maker.time, &bytes)?;
    }
    Ok(out.flush()?)
}

/// Writes one file of an ar(5) archive.
fn write_member(out: &mut impl Write, name: &str, time: u64, bytes: &[u8]) -> io::Result<()> {
    writeln!(out, "{name:<16}{time:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 100_644, bytes.len())?;
    out.write_all(bytes)?;
    if bytes.len() % 2 == 1 { out.write_all(b"\n") } else { Ok(()) }
}

/// Returns the control file, which describes the package to dpkg. `size` is in KiB. The package
/// depends on nothing: the program is static.
fn control_file(size: u64) -> String {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let name = variable("DEBFULLNAME").unwrap_or_else(|| "newroot maintainers".to_owned());
    let maintainer =
        variable("DEBEMAIL").map_or_else(|| name.clone(), |address| format!("{name} <{address}>"));
    format!(
        "Package: newroot\n\
         Version: {VERSION}\n\
         Architecture: amd64\n\
         Maintainer: {maintainer}\n\
         Installed-Size: {size}\n\
         Section: utils\n\
         Priority: optional\n\
         Homepage: {}\n\
         Description: run a program in another root filesystem, as an ordinary user\n \
         newroot enters another root filesystem, as chroot does, without root and without\n \
         a privileged helper. It needs neither user namespaces nor ptrace.\n \
         .\n \
         It understands the options of PRoot and of chroot under those names:\n \
         /usr/lib/newroot/bin has links to it.\n",
        env!("CARGO_PKG_REPOSITORY"),
    )
}

/// Returns the copyright file, which Debian's policy asks for (section 12.5).
fn copyright(mit: &str) -> String {
    format!(
        "newroot is under the MIT license or the Apache license 2.0, at your choice.\n\n\
         The Apache license is in /usr/share/common-licenses/Apache-2.0. The licenses of libraries in the\n\
         program are in THIRD-PARTY.gz and rust-standard-library.html beside this file; that of the GNU C\n\
         library is in /usr/share/common-licenses/LGPL-2.1. This is the MIT license:\n\n{mit}"
    )
}

/// Returns all regular files below a directory, sorted.
fn files(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let kind = entry.file_type()?;
        if kind.is_dir() {
            files.extend(self::files(&entry.path())?);
        } else if kind.is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    #[test]
    fn members_have_a_header_and_begin_at_even_offsets() {
        let mut out = Vec::new();
        super::write_member(&mut out, "debian-binary", 1_700_000_000, b"odd")
            .expect("memory can be written to");
        let header = "debian-binary   1700000000  0     0     100644  3         `\n";
        assert_eq!(header.len(), 60);
        assert_eq!(String::from_utf8(out).expect("text"), format!("{header}odd\n"));
    }
}
