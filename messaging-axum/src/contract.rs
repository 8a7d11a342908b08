//! The OpenAPI document: what each route says of itself, and what holds for all of them.
//!
//! A route names what it answers and which refusals are its own. Those that follow from its form are added here: who
//! takes parameters can find them invalid, who needs a caller can be without one. Every refusal of one status is one
//! response, with an example for each of its codes.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Components, ContentBuilder, Header, HeaderBuilder, Info, License, OpenApi, OpenApiBuilder, Paths,
        Ref, RefOr, Response, ResponseBuilder, Schema, Server,
        example::Example,
        path::{Operation, PathItem},
        schema::{Array, ArrayItems, Object, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
        tag::Tag,
    },
};

use crate::{
    error::{ErrorBody, FieldError},
    options::Login,
    status::Code,
};

/// What a path answers, and the schemas that it names.
pub(crate) type Described = (Vec<(String, RefOr<Schema>)>, Paths);

const LOGIN: &str = "login";
const WEBHOOK_KEY: &str = "webhookKey";
const WEBHOOK_SIGNATURE: &str = "webhookSignature";

const DESCRIPTION: &str = "\
Conversations between the clients and the agents of a marketplace. Times are RFC 3339 in UTC with milliseconds; \
cursors are opaque. An answer is `{\"success\": true, \"data\": …}`, with `meta` for a list; an error is \
`{\"success\": false, \"error\": …, \"code\": …}`, and names in `details` the fields that failed. What does not exist \
and what is not the caller's to know are answered alike.";

const TAGS: [(&str, &str); 5] = [
    ("messages", "Sending, reading, typing."),
    ("conversations", "Opening, listing, blocking, reporting."),
    (
        "realtime",
        "For the clients of the realtime server, and for itself.",
    ),
    ("admin", "For the host's staff. Every look is in the audit log."),
    ("document", "About this document."),
];

/// Puts a document together.
pub(crate) fn document(described: impl IntoIterator<Item = Described>, login: Option<Login>) -> OpenApi {
    let mut components = Components::new();
    let mut paths = Paths::new();
    for (schemas, described) in described {
        components.schemas.extend(schemas);
        paths.merge(described);
    }
    for item in paths.paths.values_mut() {
        for operation in operations(item) {
            complete(operation, login.is_some());
        }
    }
    components.schemas.extend([
        (ErrorBody::name().into(), ErrorBody::schema()),
        (Code::name().into(), Code::schema()),
        (FieldError::name().into(), FieldError::schema()),
    ]);
    name_parts(&mut components.schemas);
    components.responses = refusals().collect();
    components.security_schemes = security(login).collect();

    let license = License::builder()
        .name("MIT OR Apache-2.0")
        .identifier(Some(env!("CARGO_PKG_LICENSE")));
    let info = Info::builder()
        .title("Messaging")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(license.build()));
    let mut mounted = Server::new("..");
    mounted.description = Some("Where the routes are mounted: it is relative to this document.".to_owned());
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([mounted]))
        .tags(Some(TAGS.map(|(name, description)| {
            let mut tag = Tag::new(name);
            tag.description = Some(description.to_owned());
            tag
        })))
        .paths(paths)
        .components(Some(components))
        .build()
}

/// What an envelope holds stands in it whole, for it is generic: names it instead, so that a message is one type to
/// whoever makes a client of the document.
fn name_parts(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
    let known = schemas.clone();
    let name = |part: &mut RefOr<Schema>| {
        if let Some((name, _)) = known.iter().find(|(_, schema)| *schema == part) {
            *part = Ref::from_schema_name(name).into();
        }
    };
    for schema in schemas.values_mut() {
        let RefOr::T(Schema::Object(envelope)) = schema else {
            continue;
        };
        for part in envelope.properties.values_mut() {
            match part {
                RefOr::T(Schema::Array(Array {
                    items: ArrayItems::RefOrSchema(item),
                    ..
                })) => name(item),
                part => name(part),
            }
        }
    }
}

/// What can be done at a path.
fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        put,
        post,
        delete,
        ..
    } = item;
    [get, put, post, delete].into_iter().filter_map(Option::as_mut)
}

/// Adds what follows from an operation's form.
fn complete(operation: &mut Operation, has_login: bool) {
    let mut refusals = Vec::new();
    let is_for_callers = operation.security.is_none();
    if is_for_callers {
        refusals.push(Code::Unauthenticated);
        if has_login {
            operation.security = Some(vec![SecurityRequirement::new(LOGIN, [""; 0])]);
        }
    }
    if operation.parameters.is_some() {
        refusals.push(Code::ValidationFailed);
    }
    if operation.request_body.is_some() {
        refusals.extend([
            Code::ValidationFailed,
            Code::RequestTimeout,
            Code::PayloadTooLarge,
            Code::UnsupportedMediaType,
        ]);
    }
    refusals.extend([Code::Internal, Code::Unavailable]);
    let responses = &mut operation.responses.responses;
    for status in refusals.into_iter().map(Code::status) {
        responses
            .entry(status.as_str().to_owned())
            .or_insert_with(|| Response::new("").into());
    }
    for (status, response) in responses {
        let status: StatusCode = status.parse().unwrap_or_default();
        match response {
            _ if status.as_u16() >= 400 => *response = RefOr::Ref(Ref::from_response_name(name(status))),
            RefOr::T(success) => {
                success.headers.insert(REQUEST_ID.to_owned(), request_id().into());
                if success.description.is_empty() {
                    success.description = format!("{}.", status.canonical_reason().unwrap_or_default());
                }
            }
            RefOr::Ref(_) => {}
        }
    }
}

const REQUEST_ID: &str = "x-request-id";

fn request_id() -> Header {
    header(Type::String, "Names this request in the host's log.")
}

fn header(of: Type, description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(Object::with_type(of)))
        .description(Some(description))
        .build()
}

/// Every refusal, by the name of its status.
fn refusals() -> impl Iterator<Item = (String, RefOr<Response>)> {
    let mut by_status = BTreeMap::<StatusCode, Vec<Code>>::new();
    for code in Code::ALL {
        by_status.entry(code.status()).or_default().push(code);
    }
    by_status.into_iter().map(|(status, codes)| {
        let reason = status.canonical_reason().unwrap_or_default();
        let mut response = ResponseBuilder::new()
            .description(format!("{reason}."))
            .header(REQUEST_ID, request_id());
        if [Code::RateLimited, Code::Unavailable]
            .map(Code::status)
            .contains(&status)
        {
            response = response.header(
                "Retry-After",
                header(Type::Integer, "After how many seconds to try again."),
            );
        }
        let examples = codes.into_iter().map(|code| {
            let body = serde_json::to_value(ErrorBody::plain(code)).ok();
            let named = body
                .as_ref()
                .and_then(|body| body["code"].as_str())
                .unwrap_or_default()
                .to_owned();
            (named, Example::builder().value(body).build())
        });
        let body = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(ErrorBody::name())))
            .examples_from_iter(examples);
        let response = response.content("application/json", body.build());
        (name(status), response.build().into())
    })
}

fn name(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or_default().replace(' ', "")
}

/// How it is known who is calling.
fn security(login: Option<Login>) -> impl Iterator<Item = (String, RefOr<SecurityScheme>)> {
    let of_host = "The host's login.";
    let login = login.map(|login| match login {
        Login::Cookie(name) => {
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(name, of_host)))
        }
        Login::Header(name) => {
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, of_host)))
        }
        Login::Bearer => SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(of_host))
                .build(),
        ),
    });
    let of_server = |name, description| {
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, description)))
    };
    let webhooks = [
        (
            WEBHOOK_KEY,
            of_server("X-Pusher-Key", "The key of the realtime server's app."),
        ),
        (
            WEBHOOK_SIGNATURE,
            of_server(
                "X-Pusher-Signature",
                "The HMAC-SHA256 of the body with the app's secret, in hexadecimal.",
            ),
        ),
    ];
    login
        .map(|scheme| (LOGIN, scheme))
        .into_iter()
        .chain(webhooks)
        .map(|(name, scheme)| (name.to_owned(), scheme.into()))
}
