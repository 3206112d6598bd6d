//! Sets of capabilities (capabilities(7)).

/// A set of capabilities. Bit N is the capability with number N in `linux/capability.h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(transparent)]
pub struct Capabilities(pub u64);

macro_rules! capabilities {
    ($($name:ident = $number:literal),* $(,)?) => {
        impl Capabilities {
            $(#[doc = concat!("`CAP_", stringify!($name), "`")] pub const $name: Self = Self(1 << $number);)*
        }
    };
}

capabilities! {
    CHOWN = 0, DAC_OVERRIDE = 1, DAC_READ_SEARCH = 2, FOWNER = 3, FSETID = 4, KILL = 5, SETGID = 6,
    SETUID = 7, SETPCAP = 8, LINUX_IMMUTABLE = 9, NET_BIND_SERVICE = 10, NET_BROADCAST = 11,
    NET_ADMIN = 12, NET_RAW = 13, IPC_LOCK = 14, IPC_OWNER = 15, SYS_MODULE = 16, SYS_RAWIO = 17,
    SYS_CHROOT = 18, SYS_PTRACE = 19, SYS_PACCT = 20, SYS_ADMIN = 21, SYS_BOOT = 22, SYS_NICE = 23,
    SYS_RESOURCE = 24, SYS_TIME = 25, SYS_TTY_CONFIG = 26, MKNOD = 27, LEASE = 28, AUDIT_WRITE = 29,
    AUDIT_CONTROL = 30, SETFCAP = 31, MAC_OVERRIDE = 32, MAC_ADMIN = 33, SYSLOG = 34, WAKE_ALARM = 35,
    BLOCK_SUSPEND = 36, AUDIT_READ = 37, PERFMON = 38, BPF = 39, CHECKPOINT_RESTORE = 40,
}

impl Capabilities {
    /// Highest capability number: `CAP_LAST_CAP`.
    pub const LAST: u32 = 40;
    /// The empty set.
    pub const NONE: Self = Self(0);
    /// The set of all capabilities.
    pub const ALL: Self = Self((1 << (Self::LAST + 1)) - 1);
    /// Capabilities that belong to file system user ID zero: `CAP_FS_SET` of `linux/capability.h`.
    pub const FILE_SYSTEM: Self = Self(
        Self::CHOWN.0
            | Self::MKNOD.0
            | Self::DAC_OVERRIDE.0
            | Self::DAC_READ_SEARCH.0
            | Self::FOWNER.0
            | Self::FSETID.0
            | Self::MAC_OVERRIDE.0
            | Self::LINUX_IMMUTABLE.0,
    );

    /// Returns the capability with this number, or `None` if there is none.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        if number <= Self::LAST as u64 { Some(Self(1 << number)) } else { None }
    }

    /// Checks whether the set is empty.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Checks whether the set contains all of `others`.
    #[must_use]
    pub const fn has(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }

    /// Returns the union of both sets.
    #[must_use]
    pub const fn with(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Returns the union of both sets; an alias of [`Self::with`].
    #[must_use]
    pub const fn union(self, others: Self) -> Self {
        self.with(others)
    }

    /// Returns the capabilities that aren't in `others`.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self(self.0 & !others.0)
    }

    /// Returns the intersection of both sets.
    #[must_use]
    pub const fn intersection(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Returns the capabilities that exist. The kernel drops all other bits of a set that it gets.
    #[must_use]
    pub const fn existing(self) -> Self {
        self.intersection(Self::ALL)
    }
}
