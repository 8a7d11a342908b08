use std::io::{self, Read};

/// A message with its type, as both sides send them after the start of a session.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message(Vec<u8>);

/// A packet before the session; its first word is its code.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opening(Vec<u8>);

const LENGTH: usize = 4;

impl Message {
    pub(super) fn read(source: &mut impl Read) -> io::Result<Self> {
        let mut kind = [0];
        source.read_exact(&mut kind)?;
        let mut bytes = kind.to_vec();
        read_body(source, &mut bytes)?;
        Ok(Self(bytes))
    }

    pub(super) fn kind(&self) -> u8 {
        self.0[0]
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.0[1 + LENGTH..]
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Opening {
    pub(super) const CANCEL: u32 = 80_877_102;
    pub(super) const TLS: u32 = 80_877_103;
    pub(super) const GSS: u32 = 80_877_104;

    pub(super) fn read(source: &mut impl Read) -> io::Result<Self> {
        let mut bytes = Vec::new();
        read_body(source, &mut bytes)?;
        Ok(Self(bytes))
    }

    /// The code of the packet, or the protocol version, which starts a session.
    pub(super) fn code(&self) -> u32 {
        let word = self.0.get(LENGTH..2 * LENGTH);
        word.and_then(|word| word.try_into().ok())
            .map_or(0, u32::from_be_bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Appends a length, which includes itself, and the data.
fn read_body(source: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut length = [0; LENGTH];
    source.read_exact(&mut length)?;
    bytes.extend(length);
    let rest = (u32::from_be_bytes(length) as usize).checked_sub(LENGTH);
    let rest = rest.ok_or(io::ErrorKind::InvalidData)?;
    let start = bytes.len();
    bytes.resize(start + rest, 0);
    source.read_exact(&mut bytes[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_distinguished_by_their_tags() {
        let mut stream: &[u8] = b"Q\0\0\0\x0dSELECT 1\0S\0\0\0\x04X\0\0";
        let query = Message::read(&mut stream).unwrap();
        assert_eq!((query.kind(), query.body()), (b'Q', b"SELECT 1\0".as_slice()));
        assert_eq!(query.bytes(), b"Q\0\0\0\x0dSELECT 1\0");
        let sync = Message::read(&mut stream).unwrap();
        assert_eq!((sync.kind(), sync.body()), (b'S', b"".as_slice()));
        assert!(Message::read(&mut stream).is_err());
        assert!(Message::read(&mut b"S\0\0\0\x03".as_slice()).is_err());
    }

    #[test]
    fn a_startup_message_is_recognised() {
        let tls = Opening::read(&mut b"\0\0\0\x08\x04\xd2\x16\x2f".as_slice()).unwrap();
        assert_eq!(tls.code(), Opening::TLS);
        let session = Opening::read(&mut b"\0\0\0\x09\0\x03\0\0\0".as_slice()).unwrap();
        assert_eq!(session.code(), 3 << 16);
        assert_eq!(session.bytes().len(), 9);
    }
}
