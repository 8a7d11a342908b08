//! Builds the OpenAPI document from the descriptions of the routes.
//!
//! A route declares its successful responses and its own errors. Errors that follow from its form are added here: a
//! route with parameters can fail validation, and a route with a caller can be unauthenticated. All errors with one
//! status share one response, with an example for each code.

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

/// The operations of a path, and the schemas they reference.
pub(crate) type RouteDescription = (Vec<(String, RefOr<Schema>)>, Paths);

const LOGIN: &str = "login";
const WEBHOOK_KEY: &str = "webhookKey";
const WEBHOOK_SIGNATURE: &str = "webhookSignature";

const DESCRIPTION: &str = "\
Conversations between the clients and the agents of a marketplace. Times are RFC 3339 in UTC with milliseconds; \
cursors are opaque. A successful response is `{\"success\": true, \"data\": …}`, with `meta` for a list; an error is \
`{\"success\": false, \"error\": …, \"code\": …}`, with the invalid fields in `details`. A resource that the \
caller may not see is indistinguishable from one that does not exist.";

const TAGS: [(&str, &str); 5] = [
    ("messages", "Sending, reading, typing."),
    ("conversations", "Opening, listing, blocking, reporting."),
    (
        "realtime",
        "For clients of the realtime server, and for the server itself.",
    ),
    (
        "admin",
        "For the host's staff. Every access is recorded in the audit log.",
    ),
    ("document", "About this document."),
];

/// Builds the document. `login` describes the host's login, if known.
pub(crate) fn document(
    descriptions: impl IntoIterator<Item = RouteDescription>,
    login: Option<Login>,
) -> OpenApi {
    let mut components = Components::new();
    let mut paths = Paths::new();
    for (schemas, route_paths) in descriptions {
        components.schemas.extend(schemas);
        paths.merge(route_paths);
    }
    for item in paths.paths.values_mut() {
        for operation in operations(item) {
            add_common_responses(operation, login.is_some());
        }
    }
    components.schemas.extend([
        (ErrorBody::name().into(), ErrorBody::schema()),
        (Code::name().into(), Code::schema()),
        (FieldError::name().into(), FieldError::schema()),
    ]);
    reference_named_schemas(&mut components.schemas);
    components.responses = error_responses().collect();
    components.security_schemes = security(login).collect();

    let license = License::builder()
        .name("MIT OR Apache-2.0")
        .identifier(Some(env!("CARGO_PKG_LICENSE")));
    let info = Info::builder()
        .title("Messaging")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(license.build()));
    let mut server = Server::new("..");
    server.description = Some("The URL where the routes are mounted, relative to this document.".to_owned());
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some([server]))
        .tags(Some(TAGS.map(|(name, description)| {
            let mut tag = Tag::new(name);
            tag.description = Some(description.to_owned());
            tag
        })))
        .paths(paths)
        .components(Some(components))
        .build()
}

/// Replaces inline copies of named schemas in the generic response bodies by references, so that generated clients have
/// one type for each schema.
fn reference_named_schemas(schemas: &mut BTreeMap<String, RefOr<Schema>>) {
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

/// The operations of a path.
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

/// Adds the responses that follow from an operation's parameters, body and security.
fn add_common_responses(operation: &mut Operation, has_login: bool) {
    let mut errors = Vec::new();
    let needs_caller = operation.security.is_none();
    if needs_caller {
        errors.push(Code::Unauthenticated);
        if has_login {
            operation.security = Some(vec![SecurityRequirement::new(LOGIN, [""; 0])]);
        }
    }
    if operation.parameters.is_some() {
        errors.push(Code::ValidationFailed);
    }
    if operation.request_body.is_some() {
        errors.extend([
            Code::ValidationFailed,
            Code::RequestTimeout,
            Code::PayloadTooLarge,
            Code::UnsupportedMediaType,
        ]);
    }
    errors.extend([Code::Internal, Code::Unavailable]);
    let responses = &mut operation.responses.responses;
    for status in errors.into_iter().map(Code::status) {
        responses
            .entry(status.as_str().to_owned())
            .or_insert_with(|| Response::new("").into());
    }
    for (status, response) in responses {
        let status: StatusCode = status.parse().unwrap_or_default();
        match response {
            _ if status.as_u16() >= 400 => {
                *response = RefOr::Ref(Ref::from_response_name(response_name(status)));
            }
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
    header(Type::String, "The id of this request in the host's log.")
}

fn header(of: Type, description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(Object::with_type(of)))
        .description(Some(description))
        .build()
}

/// All error responses, by the name of their status.
fn error_responses() -> impl Iterator<Item = (String, RefOr<Response>)> {
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
                header(
                    Type::Integer,
                    "The number of seconds to wait before the next attempt.",
                ),
            );
        }
        let examples = codes.into_iter().map(|code| {
            let body = serde_json::to_value(ErrorBody::for_code(code)).ok();
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
        (response_name(status), response.build().into())
    })
}

fn response_name(status: StatusCode) -> String {
    status.canonical_reason().unwrap_or_default().replace(' ', "")
}

/// The security schemes: the host's login, and the webhook signature.
fn security(login: Option<Login>) -> impl Iterator<Item = (String, RefOr<SecurityScheme>)> {
    let host_login = "The host's login.";
    let login = login.map(|login| match login {
        Login::Cookie(name) => {
            SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::with_description(name, host_login)))
        }
        Login::Header(name) => {
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, host_login)))
        }
        Login::Bearer => SecurityScheme::Http(
            HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some(host_login))
                .build(),
        ),
    });
    let realtime_header = |name, description| {
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, description)))
    };
    let webhooks = [
        (
            WEBHOOK_KEY,
            realtime_header("X-Pusher-Key", "The key of the realtime server's app."),
        ),
        (
            WEBHOOK_SIGNATURE,
            realtime_header(
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
