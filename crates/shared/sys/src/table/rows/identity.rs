//! Users, groups, capabilities and host names.

use crate::raw;
use crate::table::builder::call;
use crate::table::row::{Call, Fast, RootCall, Row, Session};

pub(super) const ROWS: &[Row] = &[
    call("getuid", raw::__NR_getuid).faked_by(RootCall::Identity).fast(Fast::GetId),
    call("geteuid", raw::__NR_geteuid).faked_by(RootCall::Identity).fast(Fast::GetId),
    call("getgid", raw::__NR_getgid).faked_by(RootCall::Identity).fast(Fast::GetId),
    call("getegid", raw::__NR_getegid).faked_by(RootCall::Identity).fast(Fast::GetId),
    call("getresuid", raw::__NR_getresuid).faked_by(RootCall::Identity),
    call("getresgid", raw::__NR_getresgid).faked_by(RootCall::Identity),
    call("getgroups", raw::__NR_getgroups).faked_by(RootCall::Identity),
    call("setuid", raw::__NR_setuid).faked_by(RootCall::Identity),
    call("setgid", raw::__NR_setgid).faked_by(RootCall::Identity),
    call("setreuid", raw::__NR_setreuid).faked_by(RootCall::Identity),
    call("setregid", raw::__NR_setregid).faked_by(RootCall::Identity),
    call("setresuid", raw::__NR_setresuid).faked_by(RootCall::Identity),
    call("setresgid", raw::__NR_setresgid).faked_by(RootCall::Identity),
    call("setfsuid", raw::__NR_setfsuid).faked_by(RootCall::Identity),
    call("setfsgid", raw::__NR_setfsgid).faked_by(RootCall::Identity),
    call("setgroups", raw::__NR_setgroups).faked_by(RootCall::Identity),
    call("capget", raw::__NR_capget).faked_by(RootCall::CapGet),
    call("capset", raw::__NR_capset).faked_by(RootCall::CapSet),
    // Names of the machine.
    call("uname", raw::__NR_uname).run_by(Call::Uname).trapped_in(Session::Release).faked(),
    call("sethostname", raw::__NR_sethostname)
        .faked_by(RootCall::SetHostName)
        .pretended_as_root("in this session"),
    call("setdomainname", raw::__NR_setdomainname)
        .faked_by(RootCall::SetDomainName)
        .pretended_as_root("in this session"),
];
