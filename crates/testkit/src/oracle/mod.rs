//! The kernel as oracle for random operations on files: random trees and bindings, and random
//! sequences of operations by two processes, the same on the real kernel and on each engine.
//!
//! A [`Case`] is text with one line for each file, binding and operation. It comes from a seed
//! ([`generate`]) or from a file in `tests/oracle/cases`. The [`Lab`] makes its tree, lets
//! `tests/oracle/interpreter.c` run it, and compares the output and the files. [`shrink`] leaves
//! lines out of a case that shows a difference, which can then stay as a regression case.

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
