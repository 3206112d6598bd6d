//! Calls on sockets: a Unix address is a path, and credentials name a user.

use super::EPROTONOSUPPORT;
use crate::raw;
use crate::table::builder::call;
use crate::table::row::{Call, Opens, RootCall, Row};

/// Arguments of socket(2) for NETLINK_AUDIT: its domain and its protocol
/// (include/uapi/linux/netlink.h).
const AUDIT: [(u8, u32); 2] = [(0, 16), (2, 9)];

pub(super) const ROWS: &[Row] = &[
    call("socket", raw::__NR_socket).refused_as_root_if(EPROTONOSUPPORT, &AUDIT).refused_as_root(
        "EPROTONOSUPPORT for NETLINK_AUDIT, as on a kernel without audit: a program that runs as \
         root takes the EPERM that its messages would get for a failure of audit, and gives up",
    ),
    call("socketpair", raw::__NR_socketpair).faked_by(RootCall::RecordPeer),
    call("listen", raw::__NR_listen).faked_by(RootCall::RecordPeer),
    call("bind", raw::__NR_bind).address().run_by(Call::Bind).done_as_root(),
    call("connect", raw::__NR_connect).address().run_by(Call::Connect).done_as_root(),
    call("getsockname", raw::__NR_getsockname).run_by(Call::GetSockName).files(),
    call("getpeername", raw::__NR_getpeername).run_by(Call::GetPeerName).files(),
    call("accept", raw::__NR_accept).run_by(Call::Accept).files().opens(Opens::Otherwise).trapped_if_given(1),
    call("accept4", raw::__NR_accept4)
        .run_by(Call::Accept)
        .files()
        .opens(Opens::Otherwise)
        .trapped_if_given(1),
    call("sendto", raw::__NR_sendto).run_by(Call::SendTo).files().trapped_if_given(4).done_as_root(),
    call("sendmsg", raw::__NR_sendmsg).run_by(Call::SendMsg).files().done_as_root(),
    call("sendmmsg", raw::__NR_sendmmsg).run_by(Call::SendMMsg).files().done_as_root(),
    call("recvfrom", raw::__NR_recvfrom).run_by(Call::RecvFrom).files().trapped_if_given(4),
    call("recvmsg", raw::__NR_recvmsg).run_by(Call::RecvMsg).files().opens(Opens::Otherwise).done_as_root(),
    call("recvmmsg", raw::__NR_recvmmsg)
        .run_by(Call::RecvMMsg)
        .files()
        .opens(Opens::Otherwise)
        .done_as_root(),
    call("getsockopt", raw::__NR_getsockopt).faked_by(RootCall::GetSockOpt),
];
