//! Names of the attributes in which the host keeps the guest's attributes, with the NUL that the
//! kernel expects.

/// The record: `newroot_fakeroot::record::ATTRIBUTE`.
pub const RECORD: &[u8] = b"user.rootlesscontainers\0";
/// Stands for `security.capability` (`newroot_fakeroot::record::stored_name`).
pub const CAPABILITY: &[u8] = b"user.newroot.security.capability\0";
/// Stands for `system.posix_acl_access`.
pub const ACCESS: &[u8] = b"user.newroot.system.posix_acl_access\0";
/// Stands for `system.posix_acl_default`.
pub const DEFAULT: &[u8] = b"user.newroot.system.posix_acl_default\0";

#[cfg(test)]
mod tests {
    use super::*;
    use newroot_fakeroot::acl;
    use newroot_fakeroot::record::{ATTRIBUTE, NAME_MAX, stored_name};

    #[test]
    fn they_are_those_that_the_records_have() {
        assert_eq!(RECORD.strip_suffix(b"\0"), Some(ATTRIBUTE));
        for (guest, host) in
            [(&b"security.capability"[..], CAPABILITY), (acl::ACCESS, ACCESS), (acl::DEFAULT, DEFAULT)]
        {
            let mut room = [0; NAME_MAX];
            assert_eq!(stored_name(guest, &mut room), Ok(host.strip_suffix(b"\0")));
        }
    }
}
