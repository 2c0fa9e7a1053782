//! Bytes from outside, true or not, must never make a decoder panic, loop, or take more memory
//! than they are worth.
//!
//! Each [`Target`] reads bytes as one kind of thing and walks everything that it offers. The
//! targets are driven by libFuzzer (`cargo +nightly fuzz run --features libfuzzer NAME`), by
//! [`mutation`] for as long as one likes (`cargo run --release -p decoder-fuzz --bin mutate`),
//! and by a short run with a fixed seed among the tests.

mod messages;
pub mod mutation;
mod packets;
mod seeds;
mod statements;
mod store_files;
mod stored_values;
mod tables;

/// One kind of decoder.
pub struct Target {
    /// Its name on the command line.
    pub name: &'static str,
    /// Reads bytes.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: &[Target] = &[
    target("journal", store_files::journal, seeds::journal),
    target(
        "journal_index",
        store_files::journal_index,
        seeds::journal_index,
    ),
    target("manifest", store_files::manifest, seeds::manifest),
    target("table_file", store_files::table_file, seeds::table_file),
    target("archive", store_files::archive, seeds::archive),
    target("kept", store_files::kept, seeds::kept),
    target("node", messages::node, seeds::nodes),
    target("object", messages::object, seeds::objects),
    target("tuple", stored_values::tuple, seeds::tuples),
    target("json", stored_values::json, seeds::json),
    target("geometry", stored_values::geometry, seeds::geometry),
    target("statement", statements::statement, seeds::statements),
    target("packet", packets::packet, seeds::packets),
    target("text_values", stored_values::text, seeds::text_values),
    target("parquet", tables::parquet, tables::parquet_seeds),
];

const fn target(name: &'static str, run: fn(&[u8]), seeds: fn() -> Vec<Vec<u8>>) -> Target {
    Target { name, run, seeds }
}

/// Runs a target by its name.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|t| t.name == name);
    (target.expect("a target of this name").run)(data);
}
