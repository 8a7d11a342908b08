#![no_main]
//! Names of channels: none is taken for another's.

use libfuzzer_sys::fuzz_target;
use messaging_core::{
    UserId,
    event::{ChannelName, ChannelNames},
};

fuzz_target!(|input: (&str, &str)| {
    let (text, prefix) = input;
    if let Ok(name) = ChannelName::parse(text) {
        assert_eq!(name.as_str(), text);
        for names in [Ok(ChannelNames::default()), ChannelNames::with_prefix(prefix)].into_iter().flatten() {
            if let Some(channel) = names.parse(&name) {
                assert_eq!(names.name(&channel), *names.canonical(&name));
            }
        }
    }
    if let Ok(user) = UserId::parse(text) {
        let segment = user.to_channel_segment();
        let read = UserId::from_channel_segment(&segment);
        assert!(read == Some(user) || read.is_none() && segment.starts_with("=="));
    }
    if let Some(user) = UserId::from_channel_segment(text) {
        assert_eq!(user.to_channel_segment(), text);
    }
});
