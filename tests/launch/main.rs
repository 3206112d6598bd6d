//! The promises of the command line, in each dialect and on each engine.

mod bad_input;
mod bindings;
mod chroot;
mod cli;
mod doctor;
mod guide;
mod isolation;
mod namespace;
mod patching;
mod session;
