//! Calls that change the machine, which the host's kernel refuses its ordinary user, and so the
//! guest's root.

use super::EPERM;
use crate::raw;
use crate::table::builder::call;
use crate::table::row::Row;

const LOCKED: &str = "ENOMEM or EPERM beyond the host's limit";
const KEYS: &str = "no keys of other users: all keys belong to the host's user";
const OBJECTS: &str = "EPERM to set another owner; all objects belong to the host's user, and every process of the session may use them";
const NO_PRIVILEGE: &str = "EPERM, as for any unprivileged process";

pub(super) const ROWS: &[Row] = &[
    // Time.
    call("settimeofday", raw::__NR_settimeofday).refused_as_root("EPERM"),
    call("clock_settime", raw::__NR_clock_settime).refused_as_root("EPERM"),
    call("adjtimex", raw::__NR_adjtimex).refused_as_root("EPERM, except to read"),
    call("clock_adjtime", raw::__NR_clock_adjtime).refused_as_root("EPERM, except to read"),
    // The kernel and its devices.
    call("reboot", raw::__NR_reboot).refused_as_root("EPERM"),
    call("kexec_load", raw::__NR_kexec_load).refused_as_root("EPERM"),
    call("kexec_file_load", raw::__NR_kexec_file_load).refused_as_root("EPERM"),
    call("init_module", raw::__NR_init_module).refused_as_root("EPERM"),
    call("finit_module", raw::__NR_finit_module).refused_as_root("EPERM"),
    call("delete_module", raw::__NR_delete_module).refused_as_root("EPERM"),
    call("iopl", raw::__NR_iopl).refused_as_root("EPERM"),
    call("ioperm", raw::__NR_ioperm).refused_as_root("EPERM"),
    call("syslog", raw::__NR_syslog)
        .refused_as_root("EPERM, except to read where the host's `dmesg_restrict` is off"),
    call("vhangup", raw::__NR_vhangup).refused_as_root("EPERM"),
    call("acct", raw::__NR_acct).refused(EPERM, NO_PRIVILEGE),
    call("swapon", raw::__NR_swapon).refused(EPERM, NO_PRIVILEGE),
    call("swapoff", raw::__NR_swapoff).refused(EPERM, NO_PRIVILEGE),
    call("quotactl", raw::__NR_quotactl).refused(EPERM, NO_PRIVILEGE),
    call("quotactl_fd", raw::__NR_quotactl_fd).refused_as_root("EPERM").may_be_missing(),
    // Observation.
    call("bpf", raw::__NR_bpf).refused_as_root("EPERM, except for what the host allows its users"),
    call("perf_event_open", raw::__NR_perf_event_open)
        .refused_as_root("EACCES, except for what the host allows its users"),
    call("fanotify_init", raw::__NR_fanotify_init)
        .refused_as_root("EPERM, except for what the host allows its users"),
    call("userfaultfd", raw::__NR_userfaultfd)
        .refused_as_root("EPERM, except for what the host allows its users"),
    // Memory, keys, IPC objects.
    call("mlock", raw::__NR_mlock).refused_as_root(LOCKED),
    call("mlock2", raw::__NR_mlock2).refused_as_root(LOCKED),
    call("mlockall", raw::__NR_mlockall).refused_as_root(LOCKED),
    call("add_key", raw::__NR_add_key).refused_as_root(KEYS),
    call("request_key", raw::__NR_request_key).refused_as_root(KEYS),
    call("keyctl", raw::__NR_keyctl).refused_as_root(KEYS),
    call("msgctl", raw::__NR_msgctl).refused_as_root(OBJECTS),
    call("semctl", raw::__NR_semctl).refused_as_root(OBJECTS),
    call("shmctl", raw::__NR_shmctl).refused_as_root(OBJECTS),
];
