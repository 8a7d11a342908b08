use messaging_core::transport::mailer::{Digest, DigestConversation};

/// Where the links of a digest lead. Only `http` and `https` URLs are put into an e-mail.
pub trait Links: Send + Sync + 'static {
    /// The page on which a conversation is read and answered.
    fn conversation(&self, digest: &Digest, conversation: &DigestConversation) -> String;

    /// The page on which the recipient turns such e-mails off, if there is one. Mail programs offer it beside the
    /// sender; one that begins with `https` has to take a POST without a body too (RFC 8058). So that nobody turns
    /// off somebody else's, it should hold something that only the recipient has.
    fn unsubscribe(&self, digest: &Digest) -> Option<String>;
}

/// Whether a link may stand in an e-mail.
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
    fn only_whole_urls_of_the_web_are_links() {
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
