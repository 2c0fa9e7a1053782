//! libFuzzer's entry to the target `table_file`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoder_fuzz::run("table_file", data));
