//! The calls, one file for each subject. Each function takes a trapped call and returns its
//! outcome.

pub mod attributes;
pub mod directory;
pub(crate) mod errno_order;
pub mod exec;
mod exec_nested;
pub mod filters;
pub mod hardlinks;
pub mod landlock;
pub mod list;
pub mod names;
pub mod namespaces;
pub mod newer;
pub mod open;
pub mod path;
pub mod readlink;
pub mod signal;
pub mod socket;
pub mod stat;
pub mod synthetic_proc;
pub mod system;
pub(crate) mod times;
pub mod user_dispatch;
pub mod wait;
