#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cameo_fuzz::preview(data));
