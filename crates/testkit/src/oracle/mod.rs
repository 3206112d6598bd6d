//! The kernel as oracle for operations on files that nobody thought of: random trees, random bindings, random
//! sequences of operations by two processes, the same on the real kernel and on each engine.
//!
//! A [`Case`] is text, one line for each thing: what there is, what is bound, what is done. It comes from a seed
//! ([`generate`]) or from a file in `tests/cases`. The [`Lab`] makes its tree, has `tests/oracle/interpreter.c`
//! carry it out, and compares what that printed and what was left. A case that shows a difference is made small
//! by leaving out lines ([`shrink`]), and can then stay as a regression case.

mod case;
mod engines;
mod generate;
mod hunt;
mod lab;
mod paths;
mod private;
mod random;
mod shrink;
mod tree;

pub use case::Case;
pub use engines::ENGINES;
pub use generate::generate;
pub use hunt::{Find, Hunt, Report};
pub use lab::{Difference, Findings, Lab};
pub use private::again_on_a_tmpfs;
pub use shrink::shrink;
