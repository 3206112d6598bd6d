//! Makes a tracer in the guest see the same stops as natively.
//!
//! A trapped call of a traced process is a series of stops that don't exist natively: SIGSYS, the
//! shim's own calls, the execution of the shim. The tracer is a guest, too, so its ptrace(2) and
//! its waits run in its own shim. That shim judges each stop (`stops`) before it reports it to the
//! guest. It restarts the tracee from stops that the guest must not see. In all others it replaces
//! the registers by those that the guest expects. All processes run the same image at the same
//! addresses, so the instruction pointer shows whether a tracee is in its shim. A `table` in the
//! tracer's process holds the state of each tracee.

pub mod delegate;
pub mod request;
mod stops;
mod table;
mod tracee;
pub mod waiting;
