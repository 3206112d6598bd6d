//! Turns the requested identity into numbers, and switches to it.

mod privilege;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use newroot_accounts::{Database, User, number};
use newroot_paths::Last;
use rustix::process::{Gid, Uid};

pub(crate) use self::privilege::{can_become_others, needs_fake};
use crate::error::{Error, Result};
use crate::guest::Guest;
use crate::root_file;
use crate::spec::{Dotted, Identity, Principal, Warning};

/// An identity as the kernel knows it. `None` keeps the caller's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) groups: Option<Vec<u32>>,
}

/// Looks `wanted` up, first in the guest's files, then in the host's.
///
/// The rules are those of chroot(1): a user without a group gets the group of the passwd entry, and
/// the supplementary groups that the group file lists for the user's name, unless the request names
/// some.
pub(crate) fn resolve(guest: &Guest, wanted: &Identity, warn: &mut dyn FnMut(Warning)) -> Result<Numbers> {
    if wanted.is_callers() {
        return Ok(Numbers::default());
    }
    let known = Known::read(guest);
    let (user, group) = match (known.both(wanted.user.as_ref(), wanted.group.as_ref()), &wanted.dotted) {
        (Err(error), Some(dotted)) => {
            let both = known.dotted(dotted).ok_or(error)?;
            warn(Warning::ObsoleteDot);
            both
        }
        (both, _) => both?,
    };
    let entry = user.and_then(|uid| known.entry(uid));
    let gid = match (group, user) {
        (Some(gid), _) => Some(gid),
        (None, Some(uid)) => match &entry {
            Some((user, _)) => Some(user.gid),
            None => return Err(Error::NoGroup { uid }),
        },
        (None, None) => None,
    };
    let groups = match (&wanted.groups, user) {
        (Some(list), _) => Some(list.iter().map(|group| known.group(group, true)).collect::<Result<_>>()?),
        (None, Some(_)) => Some(match (&entry, gid) {
            (Some((user, database)), Some(gid)) => database.groups_of(&user.name, gid),
            _ => Vec::new(),
        }),
        (None, None) => None,
    };
    Ok(Numbers { uid: user, gid, groups })
}

/// Users and groups of the guest and of the host, in this order.
struct Known([Database; 2]);

impl Known {
    fn read(guest: &Guest) -> Self {
        let [passwd, group] = [&b"/etc/passwd"[..], b"/etc/group"].map(|path| {
            guest.resolve(path, Last::Follow).map_or_else(|_| PathBuf::new(), |found| found.host)
        });
        // A file that can't be read has no entries.
        let read = |file: &Path| root_file::read(file).unwrap_or_default();
        let [root, host] = [[&*passwd, &*group], [Path::new("/etc/passwd"), Path::new("/etc/group")]]
            .map(|[passwd, group]| Database::new(read(passwd), read(group)));
        Self([root, host])
    }

    /// Returns the numbers of a user and a group, as far as they are requested.
    fn both(
        &self,
        user: Option<&Principal>,
        group: Option<&Principal>,
    ) -> Result<(Option<u32>, Option<u32>)> {
        let user = user.map(|user| self.user(user)).transpose()?;
        Ok((user, group.map(|group| self.group(group, false)).transpose()?))
    }

    /// Does the same for the two parts of a word with a dot, if it can be read so.
    fn dotted(&self, dotted: &Dotted) -> Option<(Option<u32>, Option<u32>)> {
        // Without a group it is the user's own, which chroot(1) only looks up by the user's name.
        let has_entry = match (&dotted.user, &dotted.group) {
            (Some(Principal::Named(name)), None) => self.user_named(name).is_some(),
            (Some(Principal::Number(_)), None) => false,
            _ => true,
        };
        has_entry.then(|| self.both(dotted.user.as_ref(), dotted.group.as_ref()).ok()).flatten()
    }

    fn user_named(&self, name: &OsStr) -> Option<User> {
        self.0.iter().find_map(|database| database.user_named(name.as_bytes()))
    }

    fn user(&self, user: &Principal) -> Result<u32> {
        match user {
            Principal::Number(uid) => Ok(*uid),
            Principal::Named(name) => self
                .user_named(name)
                .map(|user| user.uid)
                .or_else(|| number(name.as_bytes()))
                .ok_or_else(|| Error::UnknownUser { name: name.clone() }),
        }
    }

    /// Returns a group's number. `listed` says that the word is from the list of supplementary
    /// groups.
    fn group(&self, group: &Principal, listed: bool) -> Result<u32> {
        match group {
            Principal::Number(gid) => Ok(*gid),
            Principal::Named(name) => {
                let named = self.0.iter().find_map(|database| database.group_named(name.as_bytes()));
                named
                    .or_else(|| number(name.as_bytes()))
                    .ok_or_else(|| Error::UnknownGroup { name: name.clone(), listed })
            }
        }
    }

    /// Returns a user's entry, and the database that has it.
    fn entry(&self, uid: u32) -> Option<(User, &Database)> {
        self.0.iter().find_map(|database| Some((database.user_numbered(uid)?, database)))
    }
}

impl Numbers {
    /// Switches to this identity: supplementary groups first, the user last, because only root may
    /// do the rest.
    ///
    /// The process must have one thread. The kernel changes only the calling thread.
    pub(crate) fn adopt(&self) -> Result<()> {
        if let Some(groups) = &self.groups {
            let groups: Vec<Gid> = groups.iter().map(|&gid| Gid::from_raw(gid)).collect();
            rustix::thread::set_thread_groups(&groups)
                .map_err(|cause| Error::system("set the supplementary groups", cause))?;
        }
        if let Some(gid) = self.gid.map(Gid::from_raw) {
            rustix::thread::set_thread_res_gid(gid, gid, gid)
                .map_err(|cause| Error::system(format!("become group {}", gid.as_raw()), cause))?;
        }
        if let Some(uid) = self.uid.map(Uid::from_raw) {
            rustix::thread::set_thread_res_uid(uid, uid, uid)
                .map_err(|cause| Error::system(format!("become user {}", uid.as_raw()), cause))?;
        }
        Ok(())
    }

    /// Returns the numbers that have to be set to get this identity.
    ///
    /// # Errors
    /// `OtherIdentity` for another identity than the caller's, unless the caller is a root that can
    /// switch to others. A root that can't gets it for every requested identity.
    pub(crate) fn permitted(self, wanted: &Identity, engine: &'static str) -> Result<Self> {
        if wanted.is_callers() || can_become_others() {
            return Ok(self);
        }
        let own = rustix::process::geteuid();
        let refused = |who| Err(Error::OtherIdentity { who, engine });
        if own.is_root() {
            return refused(match (self.uid, self.gid) {
                (Some(uid), _) => format!("user {uid}"),
                (None, Some(gid)) => format!("group {gid}"),
                (None, None) => "a member of other groups".to_owned(),
            });
        }
        if let Some(uid) = self.uid.filter(|&uid| uid != own.as_raw()) {
            return refused(format!("user {uid}"));
        }
        if let Some(gid) = self.gid.filter(|&gid| gid != rustix::process::getegid().as_raw()) {
            return refused(format!("group {gid}"));
        }
        if wanted.groups.is_some() {
            return refused("a member of other groups".to_owned());
        }
        Ok(Self::default())
    }
}
