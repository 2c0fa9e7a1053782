//! What can go wrong.

/// What goes wrong at one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The power goes at an operation that changes something.
    PowerLoss,
    /// The process is killed at a sync, and does nothing until
    /// [`kill_process`](crate::SimulatedDisk::kill_process) makes room for the next one.
    Kill,
    /// A read fails.
    ReadError,
    /// A write ends early, or a name cannot be changed.
    WriteError,
    /// A write is acknowledged and lands elsewhere.
    Misdirected,
    /// A sync fails, and what it was to make durable may be lost.
    SyncError,
}

impl Fault {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Fault::PowerLoss => "power lost",
            Fault::Kill => "killed at a sync",
            Fault::ReadError => "read error",
            Fault::WriteError => "write error",
            Fault::Misdirected => "misdirected write",
            Fault::SyncError => "sync error",
        }
    }
}

/// A bug that the store has not got: the disk behaves as if it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deliberate {
    /// The journal is not synced.
    SyncOmitted,
    /// The manifest is written before the table files that it names.
    ManifestFirst,
    /// The checksum of a record that power loss tore is not looked at.
    TornRecordAccepted,
}
