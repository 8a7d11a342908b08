//! Digests of unread messages as e-mails: rendered from templates, and sent over SMTP.
