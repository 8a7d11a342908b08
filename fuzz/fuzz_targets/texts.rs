#![no_main]
//! What people write: it is refused, or kept in a form that is its own normal form.

use libfuzzer_sys::fuzz_target;
use messaging_core::{
    Body, IdempotencyKey,
    domain::{body::MAX_BODY_CHARS, report::Remark},
};

fuzz_target!(|text: &str| {
    if let Ok(body) = Body::parse(text) {
        let kept = body.stored_text();
        assert!((1..=MAX_BODY_CHARS).contains(&kept.chars().count()));
        assert_eq!(Body::parse(kept).as_ref(), Ok(&body));
        assert_eq!(kept, kept.trim());
    }
    if let Ok(remark) = Remark::parse(text) {
        assert_eq!(Remark::parse(remark.as_str()).as_ref(), Ok(&remark));
        assert!(Body::parse(text).is_ok());
    }
    if let Ok(key) = IdempotencyKey::parse(text) {
        assert_eq!(key.as_str(), text);
    }
});
