//! Roots as archives: written by `newroot export`, read by `newroot import`.

mod export;
mod facts;
mod forge;
mod import;
