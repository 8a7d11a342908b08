use std::{
    hash::{BuildHasher as _, RandomState},
    process,
};

/// Returns a unique name; it matches `[a-z_][a-z0-9_]{0,62}` if the prefix begins so and has at most 30
/// bytes.
pub(crate) fn fresh_name(prefix: &str) -> String {
    format!("{prefix}_{:x}_{:016x}", process::id(), random())
}

/// The only source of randomness in the standard library.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_fresh_and_need_no_quotes() {
        let names: HashSet<String> = (0..1000).map(|_| fresh_name("test")).collect();
        assert_eq!(names.len(), 1000);
        for name in names {
            assert!(name.len() <= 63, "{name}");
            assert!(
                name.bytes()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')),
                "{name}"
            );
        }
    }
}
