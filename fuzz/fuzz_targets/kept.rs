//! libFuzzer's entry to the target `kept`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoder_fuzz::run("kept", data));
