use messaging_core::transport::mailer::{Digest, DigestConversation};

/// The URLs in a digest. Only `http` and `https` URLs are accepted.
pub trait Links: Send + Sync + 'static {
    /// The page of a conversation.
    fn conversation(&self, digest: &Digest, conversation: &DigestConversation) -> String;

    /// The page on which the recipient unsubscribes, if any. Mail programs show it next to the sender. An `https` URL
    /// must also accept a POST request without a body (RFC 8058). The URL should contain a secret of the recipient, so
    /// that users cannot unsubscribe each other.
    fn unsubscribe(&self, digest: &Digest) -> Option<String>;
}

/// Whether a URL is accepted in an e-mail.
pub(crate) fn is_link(link: &str) -> bool {
    let has_scheme = ["http://", "https://"]
        .iter()
        .any(|scheme| link.starts_with(scheme));
    has_scheme
        && link.len() <= 900
        && link
            .bytes()
            .all(|b| b.is_ascii_graphic() && !b"<>\"'`\\".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_http_urls_are_links() {
        assert!(is_link("https://tours.example/m?a=1&b=%20#x") && is_link("http://localhost:3000/"));
        for bad in [
            "javascript:alert(1)",
            "//tours.example",
            "https://tours.example/\" onclick=\"x",
            "https://tours.example/a b",
            "https://tours.example/\r\nBcc: eve@example.com",
            "https://tours.example/ü",
            &format!("https://tours.example/{}", "x".repeat(900)),
        ] {
            assert!(!is_link(bad), "{bad}");
        }
    }
}
