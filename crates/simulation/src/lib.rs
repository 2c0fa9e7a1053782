//! Durability, tried: a disk that fails in every way disks fail, and random histories of the
//! real engine on it, held against a model (docs/decisions/simulated-disk.md).
//!
//! Everything comes from one seed and can be replayed.

mod beside;
mod client;
mod contents;
mod disk;
mod expected;
mod faults;
mod history;
mod names;
mod random;
mod repair;
mod world;

pub use contents::Injected;
pub use disk::SimulatedDisk;
pub use faults::{Deliberate, Fault};
pub use history::{Failure, Options, Outcome, run};
pub use random::Random;
