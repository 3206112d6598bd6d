//! The procfs path of a descriptor.

use newroot_abi::Errno;
use newroot_paths::Buffer;
use newroot_procfs::Decimal;

/// Writes the path that a descriptor of the calling process has in procfs.
///
/// # Errors
/// EBADF for a negative number.
pub fn name_descriptor<Side, const N: usize>(
    descriptor: i32,
    out: &mut Buffer<Side, N>,
) -> Result<(), Errno> {
    let number = u64::try_from(descriptor).map_err(|_| Errno::BADF)?;
    out.assign(b"/proc/self/fd/")?;
    out.extend(Decimal::new(number).bytes())
}
