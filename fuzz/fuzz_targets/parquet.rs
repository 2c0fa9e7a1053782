//! libFuzzer's entry to the target `parquet`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| decoder_fuzz::run("parquet", data));
