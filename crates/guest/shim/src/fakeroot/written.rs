//! Changes the structures that stat(2) and statx(2) have just written for the guest.

use core::mem::offset_of;

use newroot_fakeroot::record::device_numbers;
use newroot_sys::raw;

use super::file::GuestStat;
use crate::kernel::Stat;
use crate::memory;

/// Writes the guest's view to a `struct stat`.
pub fn amend_classic(out: usize, seen: &GuestStat) {
    memory::store_owned(out + offset_of!(Stat, st_mode), &seen.mode);
    amend_classic_owners(out, seen.uid, seen.gid);
    if let Some(device) = seen.record.device {
        let (major, minor) = device_numbers(device);
        memory::store_owned(out + offset_of!(Stat, st_rdev), &kernel_device(major, minor));
    }
}

/// Writes only the owners to a `struct stat`.
pub fn amend_classic_owners(out: usize, uid: u32, gid: u32) {
    memory::store_owned(out + offset_of!(Stat, st_uid), &uid);
    memory::store_owned(out + offset_of!(Stat, st_gid), &gid);
}

/// Writes only the owners to a `struct statx`.
pub fn amend_statx_owners(out: usize, uid: u32, gid: u32) {
    memory::store_owned(out + offset_of!(raw::statx, stx_uid), &uid);
    memory::store_owned(out + offset_of!(raw::statx, stx_gid), &gid);
}

/// Encodes a device number as stat(2) does (new_encode_dev() in include/linux/kdev_t.h).
#[must_use]
pub fn kernel_device(major: u32, minor: u32) -> u64 {
    let [major, minor] = [u64::from(major), u64::from(minor)];
    minor & 0xff | major << 8 | (minor & !0xff) << 12
}

/// Decodes a device number of stat(2).
#[must_use]
pub fn numbers_of(device: u64) -> (u32, u32) {
    ((device >> 8 & 0xfff) as u32, (device & 0xff | device >> 12 & 0xfff00) as u32)
}

/// Writes the guest's view to a `struct statx`.
pub fn amend_statx(out: usize, seen: &GuestStat) {
    memory::store_owned(out + offset_of!(raw::statx, stx_mode), &(seen.mode as u16));
    amend_statx_owners(out, seen.uid, seen.gid);
    if let Some(device) = seen.record.device {
        let (major, minor) = device_numbers(device);
        memory::store_owned(out + offset_of!(raw::statx, stx_rdev_major), &major);
        memory::store_owned(out + offset_of!(raw::statx, stx_rdev_minor), &minor);
    }
}

/// Converts the fields of a `struct statx` that [`guest_stat`](super::file::guest_stat) needs to a
/// `struct stat`.
#[must_use]
pub fn short(from: &raw::statx) -> Stat {
    let mut stat = memory::zeroed_stat();
    stat.st_dev = kernel_device(from.stx_dev_major, from.stx_dev_minor);
    stat.st_ino = from.stx_ino;
    stat.st_mode = from.stx_mode.into();
    stat.st_uid = from.stx_uid;
    stat.st_gid = from.stx_gid;
    stat
}

/// The fields that the fast path needs.
#[derive(Clone, Copy, Debug)]
pub struct Short {
    /// Mode on the host.
    pub mode: u32,
    /// Owner on the host.
    pub uid: u32,
    /// Group on the host.
    pub gid: u32,
    /// Inode number.
    pub inode: u64,
    /// Time of change, in seconds since 1970.
    pub changed: u64,
}

impl Short {
    /// Reads the fields from a `struct stat`.
    #[must_use]
    pub fn of_stat(out: usize) -> Self {
        Self {
            mode: memory::owned_value(out + offset_of!(Stat, st_mode)),
            uid: memory::owned_value(out + offset_of!(Stat, st_uid)),
            gid: memory::owned_value(out + offset_of!(Stat, st_gid)),
            inode: memory::owned_value(out + offset_of!(Stat, st_ino)),
            changed: memory::owned_value(out + offset_of!(Stat, st_ctime)),
        }
    }

    /// Reads the fields from a `struct statx`.
    #[must_use]
    pub fn of_statx(out: usize) -> Self {
        Self {
            mode: memory::owned_value::<u16>(out + offset_of!(raw::statx, stx_mode)).into(),
            uid: memory::owned_value(out + offset_of!(raw::statx, stx_uid)),
            gid: memory::owned_value(out + offset_of!(raw::statx, stx_gid)),
            inode: memory::owned_value(out + offset_of!(raw::statx, stx_ino)),
            changed: memory::owned_value(out + offset_of!(raw::statx, stx_ctime)),
        }
    }
}
