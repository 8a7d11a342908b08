#![no_main]
//! The WebSocket protocol: whatever pages send, each line a message of one of two, the channels stay consistent.

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    messaging_pusher::fuzzing::converse(text.lines());
});
