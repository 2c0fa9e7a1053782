//! libFuzzer's entry to the target `journal_index`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoder_fuzz::run("journal_index", data));
