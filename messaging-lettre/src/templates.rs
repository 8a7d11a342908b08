use std::{collections::BTreeMap, sync::Arc};

use messaging_core::transport::mailer::Digest;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use crate::{
    links::Links,
    text::isolate,
    view::{InvalidLink, Replies, View},
};

/// The language of the embedded templates, and the fallback for other languages.
const DEFAULT: &str = "en";

/// The templates of one language, in Jinja syntax.
///
/// | variable | value |
/// |---|---|
/// | `name` | name of the recipient; may be empty |
/// | `host` | name of the host ([`Templates::with_host`], or that of the sender); may be empty |
/// | `messages` | number of unread messages |
/// | `conversations` | the listed conversations; at least one |
/// | `more_conversations` | number of conversations that are not listed |
/// | `unsubscribe` | URL for unsubscribing; may be none |
/// | `answers_are_read` | whether the e-mail has a reply address |
/// | conversation: `from` | name of the other side; may be empty |
/// | conversation: `is_from_host` | whether all new messages are system messages, which are the host's own |
/// | conversation: `booking` | none, or `number` and `title`, which may be empty |
/// | conversation: `messages`, `first`, `more` | number of unread messages, the first of them, and the number of others |
/// | conversation: `link` | URL of the conversation |
/// | message: `text`, `is_system` | the beginning of the message, and whether it is a system message |
/// | message: `at`, `at_iso` | the time in the recipient's zone, as `2 Jan 2026, 15:04 CET` and in RFC 3339 |
///
/// In `html` all values are escaped; enclose each name and text in `<bdi>`. In the other templates, use the filter
/// `isolate` for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestTemplates {
    /// The subject; one line.
    pub subject: String,
    /// The plain text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

impl Default for DigestTemplates {
    /// The embedded English templates, as a starting point for others.
    fn default() -> Self {
        Self {
            subject: include_str!("../templates/en/subject.txt").to_owned(),
            text: include_str!("../templates/en/digest.txt").to_owned(),
            html: include_str!("../templates/en/digest.html").to_owned(),
        }
    }
}

/// The e-mail templates by language. Cheap to clone.
#[derive(Clone)]
pub struct Templates {
    host: String,
    sources: Arc<BTreeMap<String, DigestTemplates>>,
    environment: Arc<Environment<'static>>,
}

/// A template is invalid or failed to render.
#[derive(Debug, thiserror::Error)]
#[error("an e-mail template is invalid or failed to render")]
pub struct TemplateError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// A rendered digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The subject; one line.
    pub subject: String,
    /// The plain text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

impl Default for Templates {
    fn default() -> Self {
        let sources = BTreeMap::from([(DEFAULT.to_owned(), DigestTemplates::default())]);
        Self::compile(sources).unwrap_or_else(|_| unreachable!("the embedded templates are tested"))
    }
}

impl Templates {
    /// Adds or replaces the templates of a language. Recipients with another language get the templates for `en`.
    ///
    /// # Errors
    /// [`TemplateError`] if a template has a syntax error, with its position as source.
    pub fn with(self, language: &str, templates: DigestTemplates) -> Result<Self, TemplateError> {
        let mut sources = Arc::unwrap_or_clone(self.sources);
        sources.insert(language.to_ascii_lowercase(), templates);
        let host = self.host;
        Ok(Self {
            host,
            ..Self::compile(sources)?
        })
    }

    /// Sets the name under which system messages arrive, which are the host's own. Default: the name of the sender.
    pub fn with_host(self, name: impl Into<String>) -> Self {
        Self {
            host: name.into(),
            ..self
        }
    }

    /// With a name for the host where none is set.
    pub(crate) fn or_host(self, name: Option<&str>) -> Self {
        match name {
            Some(name) if self.host.is_empty() => self.with_host(name),
            _ => self,
        }
    }

    fn compile(sources: BTreeMap<String, DigestTemplates>) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| {
            if name.ends_with("html") {
                AutoEscape::Html
            } else {
                AutoEscape::None
            }
        });
        environment.add_filter("isolate", |text: &str| isolate(text));
        for (language, templates) in &sources {
            for (part, source) in [
                ("subject", &templates.subject),
                ("text", &templates.text),
                ("html", &templates.html),
            ] {
                let added = environment.add_template_owned(format!("{language}/{part}"), source.clone());
                added.map_err(|error| TemplateError(error.into()))?;
            }
        }
        Ok(Self {
            host: String::new(),
            sources: Arc::new(sources),
            environment: Arc::new(environment),
        })
    }

    /// Renders a digest in the recipient's language.
    ///
    /// # Errors
    /// [`TemplateError`] if a link is invalid or a template uses an undefined variable.
    pub fn render(&self, digest: &Digest, links: &dyn Links) -> Result<Rendered, TemplateError> {
        self.render_with(digest, links, Replies::Ignored)
    }

    pub(crate) fn render_with(
        &self,
        digest: &Digest,
        links: &dyn Links,
        replies: Replies,
    ) -> Result<Rendered, TemplateError> {
        let view = View::new(digest, &self.host, links, replies)
            .map_err(|error: InvalidLink| TemplateError(error.into()))?;
        let language = self.language(digest.contact.language.as_deref());
        let part = |part: &str| -> Result<String, TemplateError> {
            let template = self.environment.get_template(&format!("{language}/{part}"));
            let rendered = template.and_then(|template| template.render(minijinja::value::Serde(&view)));
            rendered.map_err(|error| TemplateError(error.into()))
        };
        let subject = part("subject")?;
        Ok(Rendered {
            subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
            text: part("text")?,
            html: part("html")?,
        })
    }

    /// The recipient's language if there are templates for it, otherwise its primary language (`de` for `de-CH`),
    /// otherwise the default.
    fn language(&self, requested: Option<&str>) -> &str {
        let requested = requested.unwrap_or(DEFAULT).to_ascii_lowercase();
        let primary = requested.split('-').next().unwrap_or_default();
        let found = [requested.as_str(), primary]
            .into_iter()
            .find_map(|language| self.sources.get_key_value(language));
        found.map_or(DEFAULT, |(language, _)| language.as_str())
    }
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.sources.keys()).finish()
    }
}
