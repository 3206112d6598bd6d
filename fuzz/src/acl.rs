//! Access control lists in the kernel's form: setxattr(2) of any program brings them, and archives do.

use newroot_fakeroot::acl::{self, Equivalent};
use newroot_fakeroot::permission::{Owned, Want, Who};
use newroot_fakeroot::{Credentials, permission};

/// Reads any bytes, but the first four, as an access control list; the first give a mode and a umask.
///
/// # Panics
/// If what is made of a valid list isn't one, or grants what the list doesn't.
pub fn check(bytes: &[u8]) {
    let Some((&[m0, m1, u0, u1], list)) = bytes.split_first_chunk() else { return };
    let mode = u32::from(u16::from_le_bytes([m0, m1])) & 0o7777;
    let umask = u32::from(u16::from_le_bytes([u0, u1])) & 0o777;
    let mut out = vec![0; list.len()];

    // Lists that make no sense come out of attributes that somebody else has written.
    for who in [Credentials::root(), Credentials::user(7, 8)] {
        let who = Who { credentials: &who, groups: &[9] };
        let file = Owned { uid: 7, gid: 9, mode: 0o100_000 | mode, acl: Some(list) };
        for want in 0..8 {
            let _ = permission::may(&who, &file, Want(want));
        }
    }
    let created = acl::on_creation(Some(list), 0o100_000 | mode, umask, &mut out);
    if acl::check(list) != Ok(true) {
        assert!(created.is_err(), "a list that can't be set isn't inherited");
        return;
    }

    let created = created.expect("there is room");
    assert_eq!(created.mode & !(0o100_000 | mode), 0, "nothing is granted that the mode denies");
    if let Some(len) = created.access {
        assert_eq!(acl::check(&out[..len]), Ok(true));
        assert_eq!(bits(acl::equivalent(&out[..len])), created.mode & 0o777);
    }
    let len = acl::normal(list, &mut out).expect("there is room");
    assert_eq!(acl::check(&out[..len]), Ok(true));
    assert_eq!(acl::equivalent(&out[..len]), acl::equivalent(list));
    let len = acl::after_chmod(list, mode, &mut out).expect("there is room");
    assert_eq!(acl::check(&out[..len]), Ok(true));
    // The group's bits are the mask's, if there is one; else, if somebody is named, nobody's. Such a list isn't valid.
    assert_eq!(bits(acl::equivalent(&out[..len])), mode & 0o777);
    if let Some(short) = list.len().checked_sub(1) {
        assert!(acl::normal(list, &mut out[..short]).is_err(), "no list is cut off");
    }
}

const fn bits(equivalent: Equivalent) -> u32 {
    match equivalent {
        Equivalent::Mode(bits) | Equivalent::Mask(bits) => bits,
    }
}
