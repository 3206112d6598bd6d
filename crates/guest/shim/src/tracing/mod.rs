//! A tracer in the guest sees what it would see natively.
//!
//! A trapped call of a traced process is a row of stops that don't exist natively: SIGSYS, the shim's own
//! calls, the execution of the shim. The tracer is a guest too: its ptrace(2) and its waits run in its own shim,
//! which judges each stop ([`stops`]) before the guest is told of it, restarts the tracee from those that aren't
//! the guest's business, and makes the registers of the others the guest's own. All processes run the same image
//! at the same addresses, so an instruction pointer tells whether a tracee is in its shim. What is known of each
//! tracee is in a [`table`] of the tracer's process.

pub mod delegate;
pub mod request;
mod stops;
mod table;
mod tracee;
pub mod waiting;
