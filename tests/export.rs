//! Roots as archives.
