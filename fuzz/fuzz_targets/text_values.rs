//! libFuzzer's entry to the target `text_values`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoder_fuzz::run("text_values", data));
