//! Histories of fixed seeds. More of them: `cargo run --release -p simulation -- 0..10000`.

#![allow(clippy::unwrap_used)]

use simulation::{Deliberate, Options, run};

/// Seeds of the normal tests.
const SEEDS: u64 = 300;
/// A bug must show within this many seeds.
const BUG_SEEDS: u64 = 1000;

#[test]
fn nothing_is_lost_and_nothing_is_read_wrongly() {
    for seed in 0..SEEDS {
        if let Err(failure) = run(seed, Options::default()) {
            panic!(
                "seed {seed}: {}\nafter:\n{}\nreplay with `cargo run -p simulation -- {seed}`",
                failure.text,
                failure.steps.join("\n")
            );
        }
    }
}

#[test]
fn a_seed_replays() {
    for seed in 0..20 {
        let [a, b] = [(), ()].map(|()| run(seed, Options::default()).unwrap().fingerprint);
        assert_eq!(a, b, "seed {seed}");
    }
}

/// The first seed that shows a bug.
fn shows(bug: Deliberate) -> u64 {
    let options = Options {
        deliberate: Some(bug),
        ..Options::default()
    };
    (0..BUG_SEEDS)
        .find(|seed| run(*seed, options).is_err())
        .unwrap_or_else(|| panic!("{bug:?} goes unnoticed"))
}

#[test]
fn a_sync_left_out_is_noticed() {
    shows(Deliberate::SyncOmitted);
}

#[test]
fn a_manifest_in_front_of_its_data_is_noticed() {
    shows(Deliberate::ManifestFirst);
}

#[test]
fn a_torn_record_that_is_accepted_is_noticed() {
    shows(Deliberate::TornRecordAccepted);
}
