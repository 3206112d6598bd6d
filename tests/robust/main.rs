//! Things that go wrong: failing steps, killed processes, races, attempts to leave the root.

mod escapes;
mod faults;
mod hygiene;
mod kills;
mod races;
