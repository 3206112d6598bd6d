//! The machine's disk: the tests and all their needs, at the same paths as here.

use std::fs;
use std::path::{Path, PathBuf};

use newroot_testkit::{Bed, Linkage, discover};

use crate::Outcome;
use crate::machine::disk::Disk;

/// Lines that the machine prints before a test program, with its name, and after it.
pub(super) const BEGUN: &str = "newroot-kernels: begun ";
pub(super) const ENDED: &str = "newroot-kernels: ended ";

/// Size of the disk; unwritten parts take no space.
const SIZE: &str = "2G";

/// Programs of this machine that busybox can't replace.
const PROGRAMS: [&str; 3] = ["/usr/bin/prlimit", "/usr/bin/unshare", "/usr/bin/setpriv"];

/// Makes the image, with the test programs and a script that runs the tests that have one of
/// `filters`, and none of `skips`, in their names.
pub(super) fn make(image: &Path, programs: &[PathBuf], filters: &[String], skips: &[String]) -> Outcome {
    let disk = Disk::new(image, &PROGRAMS.map(PathBuf::from))?;
    disk.script("usr/bin/ldd", "#!/bin/sh\nexec /lib64/ld-linux-x86-64.so.2 --list \"$1\"\n")?;

    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/newroot").canonicalize()?;
    let mut script =
        format!("export NEWROOT_TEST_PATIENCE=10\nmkdir -p '{0}'\ncd '{0}'\n", package.display());
    let skips: String = skips.iter().map(|skip| format!(" --skip='{skip}'")).collect();
    for program in programs {
        disk.take(program)?;
        let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = name.rsplit_once('-').map_or(name, |(name, _)| name);
        for filter in filters {
            script += &format!(
                "echo '{BEGUN}{name}'\n'{}' --color=never{skips} '{filter}' 2>&1\necho \"{ENDED}$?\"\n",
                program.display()
            );
        }
    }
    take_needs_of(&disk, &programs[0])?;
    disk.write(SIZE, &script)
}

/// Adds newroot, all compiled programs of tests, and their sources, by which the tests find them.
fn take_needs_of(disk: &Disk, test: &Path) -> Outcome {
    // …/release/deps/NAME-HASH, …/release/newroot, …/tmp
    let release = test.parent().and_then(Path::parent).ok_or("a test is in a directory of its own")?;
    let newroot = release.join("newroot");
    let cache = release.with_file_name("tmp");
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let bed = Bed::new(&newroot, &cache, &sources.join("tests/guests"));
    let mut files = vec![newroot, sources.join("crates/testkit/helpers"), sources.join("tests")];
    files.extend(bed.prepare_tools());
    files.push(bed.program_of(&sources.join("tests/oracle/interpreter.c")));
    for guest in discover(&sources.join("tests/guests")) {
        files.extend(bed.prepare(&guest));
        if guest.linkages.contains(&Linkage::Musl) {
            // Tests that need it check whether it exists.
            disk.script("usr/bin/musl-gcc", "#!/bin/sh\n")?;
        }
    }
    for group in ["launch", "fake_root", "archives", "robust"] {
        take_programs(&bed, &sources.join("tests").join(group), &mut files)?;
    }
    files.iter().try_for_each(|file| disk.take(file))
}

/// Adds the programs of all C files in a folder and its subfolders.
fn take_programs(bed: &Bed, folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            take_programs(bed, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "c") {
            files.push(bed.program_of(&path));
        }
    }
    Ok(())
}
