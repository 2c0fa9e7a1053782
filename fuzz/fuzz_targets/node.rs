//! libFuzzer's entry to the target `node`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoder_fuzz::run("node", data));
