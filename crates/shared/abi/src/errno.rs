//! Error numbers of the kernel.

use linux_raw_sys::errno as raw;

/// A kernel error number, between 1 and 4095.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(u16);

impl Errno {
    /// Returns the number as libc's `errno` holds it.
    #[must_use]
    pub const fn number(self) -> i32 {
        self.0 as i32
    }

    /// Builds an error number from its positive value. A value outside the kernel's range becomes
    /// EINVAL.
    #[must_use]
    pub const fn from_number(number: i32) -> Self {
        if number > 0 && number < 4096 { Self(number as u16) } else { Self::INVAL }
    }

    /// Reads a system call's return value: -4095..=-1 is an error, anything else is a result.
    ///
    /// # Errors
    /// The errno, if `value` encodes one.
    #[inline(always)]
    pub const fn check(value: isize) -> Result<usize, Self> {
        if value < 0 && value >= -4095 { Err(Self(-value as u16)) } else { Ok(value as usize) }
    }

    /// Checks whether this error reports that a resource has run out: memory, descriptors, disk
    /// space or quota. Such an error says nothing about the file that was looked up, and the next
    /// call may succeed.
    #[must_use]
    pub const fn is_shortage(self) -> bool {
        matches!(self, Self::NOMEM | Self::NFILE | Self::MFILE | Self::NOSPC | Self::DQUOT)
    }

    /// Returns the value by which a system call reports this error.
    #[must_use]
    #[inline(always)]
    pub const fn to_return(self) -> isize {
        -(self.0 as isize)
    }
}

macro_rules! numbers {
    ($($short:ident = $long:ident),* $(,)?) => {
        impl Errno {
            $(#[doc = stringify!($long)] pub const $short: Self = Self(raw::$long as u16);)*
        }

        impl core::fmt::Debug for Errno {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match *self {
                    $(Self::$short => f.write_str(stringify!($long)),)*
                    Self(other) => write!(f, "errno {other}"),
                }
            }
        }
    };
}

numbers! {
    PERM = EPERM, SRCH = ESRCH, NXIO = ENXIO, NOENT = ENOENT, INTR = EINTR, IO = EIO, TOOBIG = E2BIG, NOEXEC = ENOEXEC,
    BADF = EBADF, AGAIN = EAGAIN, NOMEM = ENOMEM, ACCES = EACCES, FAULT = EFAULT, BUSY = EBUSY,
    EXIST = EEXIST, XDEV = EXDEV, NODEV = ENODEV, NOTDIR = ENOTDIR, ISDIR = EISDIR,
    INVAL = EINVAL, NFILE = ENFILE, MFILE = EMFILE, NOTTY = ENOTTY, TXTBSY = ETXTBSY,
    FBIG = EFBIG, NOSPC = ENOSPC, ROFS = EROFS, RANGE = ERANGE, NAMETOOLONG = ENAMETOOLONG,
    NOSYS = ENOSYS, NOTEMPTY = ENOTEMPTY, LOOP = ELOOP, OPNOTSUPP = EOPNOTSUPP, LIBBAD = ELIBBAD,
    NODATA = ENODATA, DQUOT = EDQUOT,
}
