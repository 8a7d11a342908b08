use std::time::Duration;

use serde_json::Value;
use ureq::{Agent, Body, http::Response};

/// A caller of the server's API. Clones share their connections.
#[derive(Debug, Clone)]
pub struct Caller {
    agent: Agent,
    url: String,
    user: Option<String>,
}

/// A response of the server.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, `null` if it is not JSON.
    pub body: Value,
    /// The seconds of its `Retry-After` header, if any.
    pub retry_after: Option<u64>,
}

/// There was no response: the connection was refused or lost, or the request timed out.
#[derive(Debug)]
pub struct NoAnswer(pub ureq::Error);

const TIME_LIMIT: Duration = Duration::from_mins(1);

impl Caller {
    pub(crate) fn new(url: String, user: Option<&str>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIME_LIMIT));
        Self {
            agent: config.build().into(),
            url,
            user: user.map(str::to_owned),
        }
    }

    /// Gets this path and query.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub fn get(&self, path: &str) -> Result<Answer, NoAnswer> {
        let mut request = self.agent.get(self.at(path));
        if let Some(user) = &self.user {
            request = request.header("x-demo-user", user);
        }
        Answer::of(request.call())
    }

    /// Returns the text at this path, whatever the status.
    ///
    /// # Panics
    /// If there is no response.
    pub fn text(&self, path: &str) -> String {
        let answer = self.agent.get(self.at(path)).call();
        let mut answer = answer.expect("a response");
        answer.body_mut().read_to_string().expect("a text body")
    }

    /// Posts JSON.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub fn post(&self, path: &str, body: &Value) -> Result<Answer, NoAnswer> {
        let mut request = self.agent.post(self.at(path));
        if let Some(user) = &self.user {
            request = request.header("x-demo-user", user);
        }
        Answer::of(request.send_json(body))
    }

    /// Posts a body unchanged, with these headers.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub fn post_raw(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Answer, NoAnswer> {
        let request = self.agent.post(self.at(path));
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        Answer::of(request.send(body))
    }

    /// Posts a form.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub fn post_form(&self, path: &str, fields: &[(&str, &str)]) -> Result<Answer, NoAnswer> {
        let mut request = self.agent.post(self.at(path));
        if let Some(user) = &self.user {
            request = request.header("x-demo-user", user);
        }
        Answer::of(request.send_form(fields.iter().copied()))
    }

    /// Returns the `data` of a successful response.
    ///
    /// # Panics
    /// If the response is not a success.
    pub fn data(&self, path: &str) -> Value {
        self.get(path).expect("a response").data()
    }

    /// Opens the conversation with an agency, or finds it, and returns its id.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn open(&self, agent_id: &str) -> String {
        let wish = serde_json::json!({ "agentId": agent_id });
        let conversation = self
            .post("/api/messages/conversations", &wish)
            .expect("a response")
            .data();
        conversation["id"].as_str().expect("an id").to_owned()
    }

    /// Blocks the other side of a conversation.
    ///
    /// # Panics
    /// If the server refuses.
    pub fn block(&self, conversation_id: &str) {
        let path = format!("/api/messages/conversations/{conversation_id}/block");
        let mut request = self.agent.put(self.at(&path));
        if let Some(user) = &self.user {
            request = request.header("x-demo-user", user);
        }
        let blocked = Answer::of(request.send_empty()).expect("a response");
        assert!(matches!(blocked.status, 200 | 204), "{blocked:?}");
    }

    /// Sends a message with an idempotency key.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub fn send(&self, conversation_id: &str, content: &str, key: &str) -> Result<Answer, NoAnswer> {
        let message = serde_json::json!({
            "conversationId": conversation_id,
            "content": content,
            "clientMessageId": key,
        });
        self.post("/api/messages", &message)
    }

    /// Pages through all messages of a conversation from the newest; returns them oldest first. Marks nothing
    /// as read.
    ///
    /// # Panics
    /// If the server refuses a page.
    pub fn walk(&self, conversation_id: &str) -> Vec<Value> {
        let mut pages = Vec::new();
        let mut cursor = String::new();
        loop {
            let query = format!("conversationId={conversation_id}&markRead=false&limit=100{cursor}");
            let mut page = self.data(&format!("/api/messages?{query}"));
            pages.push(page["messages"].take());
            match page["nextCursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let pages = pages.into_iter().rev();
        pages
            .flat_map(|page| page.as_array().cloned().unwrap_or_default())
            .collect()
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

impl Answer {
    fn of(outcome: Result<Response<Body>, ureq::Error>) -> Result<Self, NoAnswer> {
        let mut response = outcome.map_err(NoAnswer)?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        // A truncated body is no response: its content is unknown.
        let text = response.body_mut().read_to_string().map_err(NoAnswer)?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Self {
            status,
            body,
            retry_after,
        })
    }

    /// Returns the `data` of a success.
    ///
    /// # Panics
    /// If the response is not a success.
    pub fn data(mut self) -> Value {
        assert!(self.body["success"] == true, "{self:?}");
        self.body["data"].take()
    }
}
