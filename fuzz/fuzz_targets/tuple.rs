//! libFuzzer's entry to the target `tuple`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoder_fuzz::run("tuple", data));
