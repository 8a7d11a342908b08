use std::{collections::BTreeMap, sync::Arc};

use messaging_core::transport::mailer::Digest;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use crate::{
    links::Links,
    text::isolate,
    view::{Answers, BadLink, View},
};

/// The language of the embedded templates, and of whoever has none of the others.
const DEFAULT: &str = "en";

/// The templates of one language, in the syntax of Jinja.
///
/// | name | is |
/// |---|---|
/// | `name` | the recipient's name; may be empty |
/// | `messages` | how many messages they have not read |
/// | `conversations` | those shown: at least one |
/// | `more_conversations` | how many more there are |
/// | `unsubscribe` | the link that turns such e-mails off; may be none |
/// | `answers_are_read` | whether an answer to the e-mail arrives anywhere |
/// | of a conversation: `from` | who is on the other side; may be empty |
/// | `booking` | none, or its `number` and its `title`, which may be empty |
/// | `messages`, `first`, `more` | how many, the first of them, and how many more |
/// | `link` | the page on which it is read |
/// | of a message: `text`, `is_system` | its beginning, and whether the host itself wrote it |
/// | `at`, `at_iso` | when it was sent, in the recipient's zone: `2 Jan 2026, 15:04 CET`, and as RFC 3339 |
///
/// In `html` everything is escaped; each name and text belongs into a `<bdi>`. In the others the filter `isolate`
/// does that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestTemplates {
    /// The subject, in one line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
}

impl Default for DigestTemplates {
    /// The embedded ones, in English: a beginning for others.
    fn default() -> Self {
        Self {
            subject: include_str!("../templates/en/subject.txt").to_owned(),
            text: include_str!("../templates/en/digest.txt").to_owned(),
            html: include_str!("../templates/en/digest.html").to_owned(),
        }
    }
}

/// What e-mails are made from, by language. Cheap to clone.
#[derive(Clone)]
pub struct Templates {
    sources: Arc<BTreeMap<String, DigestTemplates>>,
    environment: Arc<Environment<'static>>,
}

/// A template cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("a template for e-mails is wrong")]
pub struct TemplateError(#[source] Box<dyn std::error::Error + Send + Sync>);

/// A digest, rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The subject, in one line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
}

impl Default for Templates {
    fn default() -> Self {
        let sources = BTreeMap::from([(DEFAULT.to_owned(), DigestTemplates::default())]);
        Self::of(sources).unwrap_or_else(|_| unreachable!("the embedded templates are tested"))
    }
}

impl Templates {
    /// The same, with templates for a language, or in place of those that it has. Whoever reads a language for which
    /// there are none gets those for `en`.
    ///
    /// # Errors
    /// [`TemplateError`] when one is not well-formed, with where.
    pub fn with(self, language: &str, templates: DigestTemplates) -> Result<Self, TemplateError> {
        let mut sources = Arc::unwrap_or_clone(self.sources);
        sources.insert(language.to_ascii_lowercase(), templates);
        Self::of(sources)
    }

    fn of(sources: BTreeMap<String, DigestTemplates>) -> Result<Self, TemplateError> {
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
            sources: Arc::new(sources),
            environment: Arc::new(environment),
        })
    }

    /// Renders a digest in the recipient's language.
    ///
    /// # Errors
    /// [`TemplateError`] when a link is none, or a template names something that is not there.
    pub fn render(&self, digest: &Digest, links: &dyn Links) -> Result<Rendered, TemplateError> {
        self.render_with(digest, links, Answers::NotRead)
    }

    pub(crate) fn render_with(
        &self,
        digest: &Digest,
        links: &dyn Links,
        answers: Answers,
    ) -> Result<Rendered, TemplateError> {
        let view = View::new(digest, links, answers).map_err(|error: BadLink| TemplateError(error.into()))?;
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

    /// The language that somebody gets: theirs, that of which theirs is a variety, or the default.
    fn language(&self, wanted: Option<&str>) -> &str {
        let wanted = wanted.unwrap_or(DEFAULT).to_ascii_lowercase();
        let primary = wanted.split('-').next().unwrap_or_default();
        let found = [wanted.as_str(), primary]
            .into_iter()
            .find_map(|one| self.sources.get_key_value(one));
        found.map_or(DEFAULT, |(language, _)| language.as_str())
    }
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.sources.keys()).finish()
    }
}
