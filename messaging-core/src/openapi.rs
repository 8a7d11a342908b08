//! OpenAPI schemas of types with a text form. Objects and enums derive their schemas at their definitions.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, Type},
    },
};

use crate::{
    domain::{
        calendar::BucketUnit,
        message::{IdempotencyKey, MAX_IDEMPOTENCY_KEY_CHARS},
        report::ReportStatus,
    },
    event::{ChannelName, SocketId},
    id::{AgentId, AuditId, BookingId, ConversationId, MAX_HOST_ID_BYTES, MessageId, ReportId, UserId},
    store::AuditedAction,
    time::Timestamp,
};

macro_rules! schemas {
    ($($name:ident: $schema:expr;)*) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::T(Schema::Object($schema))
            }
        }

        impl ToSchema for $name {}
    )*};
}

schemas! {
    UserId: host_id("A person, as known to the host.", "client-1");
    AgentId: host_id("A business, as known to the host.", "agency-1");
    BookingId: host_id("A booking, as known to the host.", "booking-1");
    ConversationId: uuid("A conversation.", "0190163d-8694-739b-aea5-966c26f8ad91");
    MessageId: uuid("A message.", "0190163d-8a51-7b3c-9f3c-4a2d0c6f1e77");
    ReportId: uuid("A report.", "0190163d-8f02-7c15-8d44-73a1be5f2c08");
    AuditId: uuid("An entry of the audit log.", "0190163d-9310-7d6a-b2f1-05c9d8e4a613");
    IdempotencyKey: text("A key that makes a send repeatable: sends with the same key create one message.", "5f0c7e1a")
        .min_length(Some(1))
        .max_length(Some(MAX_IDEMPOTENCY_KEY_CHARS))
        .pattern(Some(GRAPHIC))
        .build();
    SocketId: text("The id of a connection to the realtime server.", "1234.5678")
        .max_length(Some(64))
        .pattern(Some(r"^[0-9]+\.[0-9]+$"))
        .build();
    ChannelName: text(
        "The name of a channel: `private-conversation-{id}`, `presence-conversation-{id}` or `private-user-{user}`. A user \
         whose id holds other characters, begins with `=` or is longer than 135 stands there as `=` and the id's \
         base64url, and where that is longer, as `==` and the base64url of its SHA-256; `countUnread` answers the \
         caller's.",
        "private-user-client-1",
    )
        .min_length(Some(1))
        .max_length(Some(164))
        .pattern(Some("^[A-Za-z0-9_=@,.;-]+$"))
        .build();
    Timestamp: text("A point in time in UTC, with milliseconds.", "2026-01-02T03:04:05.678Z")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .build();
    BucketUnit: choice("The length of a bucket.", ["hour", "day"]);
    ReportStatus: choice("The status of a report.", ReportStatus::ALL.map(ReportStatus::name));
    AuditedAction: choice("An action of an admin.", AuditedAction::ALL.map(AuditedAction::name));
}

/// Printable ASCII without space.
const GRAPHIC: &str = "^[!-~]+$";

fn text(description: &str, example: &str) -> ObjectBuilder {
    Object::builder()
        .schema_type(Type::String)
        .description(Some(description))
        .examples([example])
}

fn host_id(description: &str, example: &str) -> Object {
    text(description, example)
        .min_length(Some(1))
        .max_length(Some(MAX_HOST_ID_BYTES))
        .pattern(Some(GRAPHIC))
        .build()
}

fn uuid(description: &str, example: &str) -> Object {
    text(description, example)
        .format(Some(SchemaFormat::Custom("uuid".to_owned())))
        .pattern(Some(
            "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$",
        ))
        .build()
}

fn choice<const N: usize>(description: &str, names: [&str; N]) -> Object {
    Object::builder()
        .schema_type(Type::String)
        .description(Some(description))
        .enum_values(Some(names))
        .build()
}
