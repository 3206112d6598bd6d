//! The disk of the machine: the tests and all they need, at the paths where they are here.

use std::fs;
use std::path::{Path, PathBuf};

use newroot_testkit::{Bed, Linkage, discover};

use crate::Outcome;
use crate::machine::disk::Disk;

/// What the machine prints before the name of a test program that begins, and after one ended.
pub(super) const BEGUN: &str = "newroot-kernels: begun ";
pub(super) const ENDED: &str = "newroot-kernels: ended ";

/// Its size; what isn't written takes no room.
const SIZE: &str = "2G";

/// Programs of this machine that busybox has no equal of.
const PROGRAMS: [&str; 3] = ["/usr/bin/prlimit", "/usr/bin/unshare", "/usr/bin/setpriv"];

/// Makes the image, with the test programs in it and a script that runs those tests that have one
/// of `filters` in their names.
pub(super) fn make(image: &Path, programs: &[PathBuf], filters: &[String]) -> Outcome {
    let disk = Disk::new(image, &PROGRAMS.map(PathBuf::from))?;
    disk.script("usr/bin/ldd", "#!/bin/sh\nexec /lib64/ld-linux-x86-64.so.2 --list \"$1\"\n")?;

    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/newroot").canonicalize()?;
    let mut script =
        format!("export NEWROOT_TEST_PATIENCE=10\nmkdir -p '{0}'\ncd '{0}'\n", package.display());
    for program in programs {
        disk.take(program)?;
        let name = program.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = name.rsplit_once('-').map_or(name, |(name, _)| name);
        for filter in filters {
            script += &format!(
                "echo '{BEGUN}{name}'\n'{}' --color=never '{filter}' 2>&1\necho \"{ENDED}$?\"\n",
                program.display()
            );
        }
    }
    what_tests_need(&disk, &programs[0])?;
    disk.write(SIZE, &script)
}

/// newroot, the guest programs and all others, compiled, and their sources, by which they are found again.
fn what_tests_need(disk: &Disk, test: &Path) -> Outcome {
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
            // Tests that need it ask whether it is there.
            disk.script("usr/bin/musl-gcc", "#!/bin/sh\n")?;
        }
    }
    for folder in fs::read_dir(sources.join("tests"))? {
        let folder = folder?.path();
        let is_other =
            folder.is_dir() && !["guests", "programs", "oracle"].iter().any(|name| folder.ends_with(name));
        for source in is_other.then(|| fs::read_dir(&folder)).transpose()?.into_iter().flatten() {
            let source = source?.path();
            if source.extension().is_some_and(|extension| extension == "c") {
                files.push(bed.program_of(&source));
            }
        }
    }
    files.iter().try_for_each(|file| disk.take(file))
}
