//! The laws of `svm::fuzzing::event`, for whatever the fuzzer makes up.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| svm::fuzzing::event(data));
