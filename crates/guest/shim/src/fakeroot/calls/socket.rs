//! Sockets: the identity of the process at the other end, and the right to send to it.
//!
//! The kernel knows the process at the other end, and the same user for all processes here. So the
//! shim looks the process up. A process has noted its identity when it connected or listened
//! ([`process::note`]). A received message shows its sender's identity at that time, or the last
//! one of a sender that has ended.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Capabilities, Credentials, Want};
use newroot_paths::Last;
use newroot_sys::raw;
use newroot_sys::table::Call;

use crate::call::resume::Builder;
use crate::call::{Trapped, forward};
use crate::calls::socket::read_address;
use crate::fakeroot::permission;
use crate::identity::process::Note;
use crate::identity::{process, session_file};
use crate::kernel::{self, AT_FDCWD};
use crate::memory;
use crate::slots::Operand;

const SOL_SOCKET: u32 = 1;
const SCM_CREDENTIALS: u32 = 2;
/// Size of `struct cmsghdr`.
const HEADER: usize = 16;
/// Size of `struct ucred`.
const CREDENTIALS: usize = 12;
/// Limit of messages with addresses that one sendmmsg(2) sends at once (`calls::socket`).
const BATCH: usize = 8;

/// Size limit of control data with credentials, in bytes: more than the largest number of
/// descriptors takes.
const CONTROL: usize = 2048;

/// Makes the checks before connect(2), sendto(2), sendmsg(2) and sendmmsg(2).
pub(super) fn outgoing(
    call: &Trapped<'_>,
    me: &Identity<'_>,
    kind: Call,
    operand: &mut Operand,
) -> Result<(), Errno> {
    process::note(if kind == Call::Connect { Note::Peer } else { Note::Sender });
    if permission::is_unlimited(me) {
        return Ok(());
    }
    let [_, b, c, _, e, f] = call.arguments;
    match kind {
        Call::Connect => may_reach(me, operand, b, c as u32 as usize),
        Call::SendTo => may_reach(me, operand, e, f as u32 as usize),
        Call::SendMsg => may_reach_addressee(me, operand, b),
        _ => {
            // Size of `struct mmsghdr`.
            const STEP: usize = 64;
            for index in 0..(c as u32 as usize).min(BATCH) {
                // A message that may not be sent also keeps those before it from being sent.
                may_reach_addressee(me, operand, b + index * STEP)?;
            }
            Ok(())
        }
    }
}

fn may_reach_addressee(me: &Identity<'_>, operand: &mut Operand, message: usize) -> Result<(), Errno> {
    // The call itself reports a message that can't be read.
    let Ok([address, len]) = memory::read::<[usize; 2]>(message) else { return Ok(()) };
    may_reach(me, operand, address, len as u32 as usize)
}

/// Checks access to a socket with a path: the directories on the way must be searchable, and the
/// socket writable (`unix_find_bsd` of net/unix/af_unix.c).
fn may_reach(me: &Identity<'_>, operand: &mut Operand, address: usize, len: usize) -> Result<(), Errno> {
    if !read_address(address, len, &mut operand.text).unwrap_or(false) {
        return Ok(());
    }
    let reached = permission::object(me, operand, AT_FDCWD, Last::Follow)
        .and_then(|mut object| permission::may_object(me, &mut object, Want::WRITE));
    match reached {
        Err(Errno::ACCES) => Err(Errno::ACCES),
        // The call itself may succeed, and makes no check.
        Err(error) if error.is_shortage() => Err(error),
        _ => Ok(()),
    }
}

/// Runs getsockopt(2) for the identity at the other end.
pub(super) fn getsockopt(call: &Trapped<'_>) -> Result<usize, Errno> {
    const SO_PEERCRED: u32 = 17;
    const SO_PEERGROUPS: u32 = 59;
    let [socket, level, option, value, len_at, _] = call.arguments;
    let option = option as u32;
    if level as u32 != SOL_SOCKET || !matches!(option, SO_PEERCRED | SO_PEERGROUPS) {
        return forward(raw::__NR_getsockopt, call.arguments);
    }
    let room = memory::read::<u32>(len_at)?;
    if (room as i32) < 0 {
        return Err(Errno::INVAL);
    }
    let mut peer = [0u32; CREDENTIALS / 4];
    let mut len = CREDENTIALS as u32;
    let arguments = [
        socket,
        SOL_SOCKET as usize,
        SO_PEERCRED as usize,
        peer.as_mut_ptr() as usize,
        &raw mut len as usize,
        0,
    ];
    forward(raw::__NR_getsockopt, arguments)?;
    if option == SO_PEERCRED {
        let [process, uid, gid] = shown(peer, peer_of, |of| (of.euid, of.egid));
        let words = [process, uid, gid].map(u32::to_ne_bytes);
        let bytes = words.as_flattened();
        let bytes = bytes.get(..bytes.len().min(room as usize)).unwrap_or(bytes);
        memory::write_bytes(value, bytes)?;
        return memory::write(len_at, &(bytes.len() as u32)).map(|()| 0);
    }
    let [process, uid, _] = peer;
    let known = if uid == session_file::header().real_uid { peer_of(process) } else { None };
    // The kernel knows processes that aren't in this session.
    let Some(known) = known else { return forward(raw::__NR_getsockopt, call.arguments) };
    let needed = size_of_val(known.groups);
    if (room as usize) < needed {
        memory::write(len_at, &(needed as u32))?;
        return Err(Errno::RANGE);
    }
    for (index, group) in known.groups.iter().enumerate() {
        memory::write(value + index * size_of::<u32>(), group)?;
    }
    memory::write(len_at, &(needed as u32)).map(|()| 0)
}

/// Returns the identity of the process that connected or listened. If that isn't noted any more,
/// returns its present identity.
fn peer_of(process: u32) -> Option<Identity<'static>> {
    let now = now(process);
    if now.is_none() && is_there(process) {
        return None;
    }
    process::noted(Note::Peer, process).or(now)
}

/// Returns the identity of a sender. If it has ended, returns its last one.
fn sender_of(process: u32) -> Option<Identity<'static>> {
    let before = || {
        let noted = |what| process::noted(what, process);
        if is_there(process) { None } else { noted(Note::Sender).or_else(|| noted(Note::Peer)) }
    };
    now(process).or_else(before)
}

fn now(process: u32) -> Option<Identity<'static>> {
    if process == kernel::getpid() { Some(process::current()) } else { process::of(process) }
}

/// Returns whether a process exists. A process outside of this session may have the number of one
/// that was in it.
fn is_there(process: u32) -> bool {
    process as i32 > 0 && forward(raw::__NR_kill, [process as usize, 0, 0, 0, 0, 0]).is_ok()
}

/// Returns a `struct ucred` in guest terms, with the identity that `find` returns.
fn shown(
    [process, uid, gid]: [u32; 3],
    find: impl Fn(u32) -> Option<Identity<'static>>,
    pick: impl Fn(&Credentials) -> (u32, u32),
) -> [u32; 3] {
    if uid != session_file::header().real_uid {
        return [process, uid, gid];
    }
    // A process of the real user that is in no session, or has ended. Its files belong to root,
    // too, in the guest's view.
    let of = find(process).map_or_else(process::stranger, |found| found.credentials);
    let (uid, gid) = pick(&of);
    [process, uid, gid]
}

/// Finds credentials in control data. Returns their offset in `bytes`.
fn find_credentials(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let header = bytes.get(at..)?.first_chunk::<HEADER>()?;
        let [len, kind] =
            [header.first_chunk::<8>()?, header.last_chunk::<8>()?].map(|part| u64::from_ne_bytes(*part));
        let len = usize::try_from(len).ok().filter(|&len| len >= HEADER)?;
        let is_it = kind == u64::from(SCM_CREDENTIALS) << 32 | u64::from(SOL_SOCKET);
        if is_it && len >= HEADER + CREDENTIALS && bytes.len() - at >= HEADER + CREDENTIALS {
            return Some(at + HEADER);
        }
        at = at.checked_add(len.checked_next_multiple_of(8)?)?;
    }
}

/// Copies the control data of a message to the guest's stack, if it has credentials, with
/// credentials that the kernel accepts. Returns the copy's address. `header` is the guest's `struct
/// msghdr`.
///
/// # Errors
/// EPERM for credentials that the sender may not send; ENOBUFS if there is too much other data;
/// EFAULT if the stack has no space.
pub(crate) fn push_control(builder: &mut Builder, header: &[usize]) -> Result<Option<usize>, Errno> {
    let Some(&[.., control, len, _]) = header.first_chunk::<7>() else { return Ok(None) };
    if control == 0 || len < HEADER + CREDENTIALS {
        return Ok(None);
    }
    push_credentials(builder, control, len)
}

#[inline(never)]
fn push_credentials(builder: &mut Builder, control: usize, len: usize) -> Result<Option<usize>, Errno> {
    const ENOBUFS: Errno = Errno::from_number(105);
    let mut room = [0; CONTROL];
    let bytes = room.get_mut(..len.min(CONTROL)).ok_or(Errno::INVAL)?;
    // The kernel reports control data that can't be read.
    if memory::read_bytes(control, bytes).is_err() {
        return Ok(None);
    }
    let mut from = 0;
    let mut found = false;
    while let Some(at) = find_credentials(bytes, from) {
        let place = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut::<CREDENTIALS>());
        let Some(place) = place else { break };
        let word = |index: usize| {
            let word = place.get(index * 4..).and_then(|rest| rest.first_chunk::<4>());
            word.map_or(0, |word| u32::from_ne_bytes(*word))
        };
        may_send(&process::current().credentials, [word(0), word(1), word(2)])?;
        let known = session_file::header();
        let words = [kernel::getpid(), known.real_uid, known.real_gid].map(u32::to_ne_bytes);
        place.copy_from_slice(words.as_flattened());
        found = true;
        from = at - HEADER + (HEADER + CREDENTIALS).next_multiple_of(8);
    }
    match found {
        true if len > CONTROL => Err(ENOBUFS),
        true => builder.push(bytes).map(Some),
        false => Ok(None),
    }
}

/// Checks whether a process may send these credentials: `scm_check_creds` of net/core/scm.c.
fn may_send(me: &Credentials, [process, uid, gid]: [u32; 3]) -> Result<(), Errno> {
    let process = process == kernel::getpid() || me.capable(Capabilities::SYS_ADMIN);
    let uid = [me.ruid, me.euid, me.suid].contains(&uid) || me.capable(Capabilities::SETUID);
    let gid = [me.rgid, me.egid, me.sgid].contains(&gid) || me.capable(Capabilities::SETGID);
    if process && uid && gid { Ok(()) } else { Err(Errno::PERM) }
}

/// Translates the credentials of a received message into guest terms. They are always the sender's,
/// whatever it sent.
///
/// # Errors
/// EFAULT.
pub(crate) fn show_received(message: usize) -> Result<(), Errno> {
    const MOST: usize = 1 << 16;
    let header = memory::read::<[usize; 7]>(message)?;
    let [.., control, len, _] = header;
    if control == 0 {
        return Ok(());
    }
    let mut at = 0;
    while at + HEADER <= len.min(MOST) {
        let [size, kind] = memory::read::<[usize; 2]>(control + at)?;
        if !(HEADER..=MOST).contains(&size) {
            break;
        }
        if kind == (SCM_CREDENTIALS as usize) << 32 | SOL_SOCKET as usize && size >= HEADER + CREDENTIALS {
            let sent = memory::read::<[u32; 3]>(control + at + HEADER)?;
            memory::write(control + at + HEADER, &shown(sent, sender_of, |of| (of.ruid, of.rgid)))?;
        }
        at += size.next_multiple_of(8);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    fn item(kind: u64, data: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::from(((HEADER + data.len()) as u64).to_ne_bytes());
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(data);
        bytes.resize(bytes.len().next_multiple_of(8), 0);
        bytes
    }

    #[test]
    fn credentials_are_found_among_descriptors() {
        let rights = item(1 << 32 | 1, &[0; 12]);
        let credentials = item(2 << 32 | 1, &[7; 12]);
        let both = [rights.clone(), credentials.clone()].concat();
        assert_eq!(find_credentials(&both, 0), Some(rights.len() + HEADER));
        assert_eq!(find_credentials(&credentials, 0), Some(HEADER));
        assert_eq!(find_credentials(&rights, 0), None);
        assert_eq!(find_credentials(&credentials[..HEADER + 4], 0), None);
        // An invalid length ends the search.
        assert_eq!(find_credentials(&item(0, &[])[..8], 0), None);
        let mut bad = both;
        bad[..8].copy_from_slice(&u64::MAX.to_ne_bytes());
        assert_eq!(find_credentials(&bad, 0), None);
    }

    #[test]
    fn somebody_else_is_named_by_root_alone() {
        let own = kernel::getpid();
        let user = Credentials { suid: 9, ..Credentials::user(5, 6) };
        for sent in [[own, 5, 6], [own, 9, 6]] {
            assert_eq!(may_send(&user, sent), Ok(()));
        }
        for sent in [[own, 0, 6], [own, 5, 0], [own + 1, 5, 6]] {
            assert_eq!(may_send(&user, sent), Err(Errno::PERM));
            assert_eq!(may_send(&Credentials::root(), sent), Ok(()));
        }
    }
}
