//! Buckets: groups of clients, by which a deployment that outgrows one database is split.

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::UserId;

/// One of 4,096 groups of clients: the first 12 bits of the SHA-256 of the client's id.
///
/// The last 12 bits of the id of a conversation or a report are the bucket of the conversation's client. So the id
/// alone determines the database of the row, once clients are distributed over several databases by bucket
/// (`docs/scaling.md`). The computation never changes, because ids are permanent. An id keeps its bucket when the
/// client is erased.
///
/// ```
/// use messaging_core::id::{Bucket, UserId};
///
/// let bucket = Bucket::of_client(&UserId::parse("client-1")?);
/// assert_eq!(bucket.number(), 0x570);
/// # Ok::<(), messaging_core::id::InvalidId>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket(u16);

impl Bucket {
    /// The number of an id's last bits that hold its bucket.
    pub const BITS: u32 = 12;

    /// The number of buckets.
    pub const COUNT: u16 = 1 << Self::BITS;

    const MASK: u128 = (1 << Self::BITS) - 1;

    /// The bucket of a client; it never changes.
    pub fn of_client(client_id: &UserId) -> Self {
        let digest = Sha256::digest(client_id.as_str());
        let first = u16::from_be_bytes([digest[0], digest[1]]);
        Self(first >> (u16::BITS - Self::BITS))
    }

    /// The bucket in an id. An id that was created without a bucket has an arbitrary one.
    pub const fn of_id(id: Uuid) -> Self {
        let [.., high, low] = *id.as_bytes();
        Self(u16::from_be_bytes([high, low]) % Self::COUNT)
    }

    /// Replaces the last 12 bits of an id by this bucket. A UUIDv7 stays a UUIDv7 of the same millisecond, with 62 of
    /// its 74 random bits.
    #[must_use]
    pub const fn put_in(self, id: Uuid) -> Uuid {
        Uuid::from_u128(id.as_u128() & !Self::MASK | self.0 as u128)
    }

    /// The bucket's number, from 0 to 4,095.
    pub const fn number(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(client_id: &str) -> u16 {
        Bucket::of_client(&UserId::parse(client_id).unwrap()).number()
    }

    /// Operators who split a deployment compute buckets in SQL or in a proxy, so the values are fixed.
    #[test]
    fn a_bucket_is_the_first_12_bits_of_sha_256() {
        for (client_id, bucket) in [
            // The first test vector of FIPS 180.
            ("abc", 0xba7),
            ("client-1", 0x570),
            ("client-2", 0x66c),
            ("42", 0x734),
            ("auth0|42", 0x141),
            ("0190163d-8694-739b-aea5-966c26f8ad91", 0x65e),
            ("client-8588", 0),
            ("client-6579", 4_095),
        ] {
            assert_eq!(of(client_id), bucket, "{client_id}");
        }
        assert_eq!(of(&"x".repeat(255)), 0xd22);
    }

    #[test]
    fn a_bucket_replaces_only_the_last_12_bits() {
        let id = Uuid::from_u128(0x0190_163d_8694_739b_aea5_966c_26f8_ad91);
        let marked = Bucket(0xabc).put_in(id);
        assert_eq!(marked.to_string(), "0190163d-8694-739b-aea5-966c26f8aabc");
        assert_eq!(Bucket::of_id(id), Bucket(0xd91));
    }

    proptest! {
        #[test]
        fn an_id_holds_its_bucket_and_keeps_its_other_bits(client_id in "[!-~]{1,255}", id: u128) {
            let (bucket, id) = (Bucket::of_client(&UserId::parse(client_id).unwrap()), Uuid::from_u128(id));
            prop_assert!(bucket.number() < Bucket::COUNT);
            let marked = bucket.put_in(id);
            prop_assert_eq!(Bucket::of_id(marked), bucket);
            prop_assert_eq!(marked.as_u128() >> Bucket::BITS, id.as_u128() >> Bucket::BITS);
            prop_assert_eq!(marked.get_version_num(), id.get_version_num());
            prop_assert_eq!(bucket.put_in(marked), marked);
        }
    }
}
