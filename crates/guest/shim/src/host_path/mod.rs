//! Host paths of any length: from a path to a file, and from a descriptor to a path.

mod climb;
mod descriptor;
mod long;
pub mod mounts;
mod open;

use newroot_abi::Errno;
use newroot_paths::{Buffer, Host, HostBuf};

use crate::kernel::{self, AT_FDCWD, Path};

pub use descriptor::name_descriptor;
pub use long::Anchored;
pub use open::{NO_SYMLINKS, open_host};

/// Writes the host path of a descriptor's file as the kernel returns it, wherever the file lies.
/// For a pipe and the like, the text is no path.
///
/// # Errors
/// EBADF for a descriptor that isn't open; ENAMETOOLONG if the path is too long for the kernel and
/// the file is no directory.
pub fn raw_host_path(descriptor: i32, out: &mut HostBuf) -> Result<(), Errno> {
    let read = if descriptor == AT_FDCWD {
        kernel::getcwd(out.space())
    } else {
        let mut name = Buffer::<Host, 64>::new();
        name_descriptor(descriptor, &mut name)?;
        kernel::readlinkat(AT_FDCWD, Path::new(name.with_nul()), out.space())
    };
    match read {
        Ok(len) => {
            out.set_len(len);
            Ok(())
        }
        Err(Errno::NAMETOOLONG) => climb::host_path(descriptor, out),
        Err(Errno::NOENT) if descriptor != AT_FDCWD => Err(Errno::BADF),
        Err(error) => Err(error),
    }
}
