//! GET `/messages/admin/activity`: activity for each hour or day.

use axum::extract::State;
use chrono_tz::Tz;
use messaging_core::{
    AgentId, Messaging, Timestamp,
    domain::calendar::{BucketUnit, Buckets, InvalidSpan},
    store::ActivityScan,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{Caller, Field, Fields, Query},
    response::{ApiResponse, ListBody},
    wire::ActivityPayload,
};

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ActivityQuery {
    /// A time in the first bucket.
    #[param(value_type = Timestamp, required = true)]
    from: Field<String>,
    /// A time in the last bucket, or its end.
    #[param(value_type = Timestamp, required = true)]
    to: Field<String>,
    /// The length of a bucket.
    #[param(value_type = BucketUnit, required = true)]
    bucket: Field<String>,
    /// The IANA name of the time zone in which hours and days begin.
    #[param(value_type = Option<String>, default = "UTC", example = "Europe/Zurich")]
    tz: Field<String>,
    /// Count this agent only.
    #[param(value_type = Option<AgentId>)]
    agent_id: Field<String>,
}

/// The parameters of the count.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityMeta {
    #[schema(value_type = BucketUnit)]
    bucket: &'static str,
    tz: &'static str,
}

/// Count activity
///
/// Counts for each hour or day, overall or for one agent.
#[utoipa::path(
    get,
    path = "/messages/admin/activity",
    tag = "admin",
    operation_id = "countActivity",
    params(ActivityQuery),
    responses((status = 200, body = ListBody<ActivityPayload, ActivityMeta>), (status = 403))
)]
pub(crate) async fn count(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Query(query): Query<ActivityQuery>,
) -> Result<ApiResponse<ListBody<ActivityPayload, ActivityMeta>>, ApiError> {
    let (scan, meta) = query.parse()?;
    let counted = messaging.admin(&actor)?.count_activity(&scan).await?;
    let bounds = scan.buckets.bounds().windows(2).zip(&counted);
    let payloads = bounds.map(|(bounds, activity)| ActivityPayload::new(bounds[0], bounds[1], activity));
    Ok(ApiResponse::list(payloads, meta))
}

impl ActivityQuery {
    fn parse(self) -> Result<(ActivityScan, ActivityMeta), ApiError> {
        let mut fields = Fields::default();
        let from = fields.required("from", self.from, Timestamp::parse);
        let to = fields.required("to", self.to, Timestamp::parse);
        let bucket = fields.required("bucket", self.bucket, |text: String| unit(&text));
        let tz = fields.optional("tz", self.tz, |text: String| zone(&text));
        let agent_id = fields.optional("agentId", self.agent_id, AgentId::parse);
        let (Ok(from), Ok(to), Ok((unit, bucket)), Ok(tz), Ok(agent_id)) = (from, to, bucket, tz, agent_id)
        else {
            return Err(fields.into());
        };
        let tz = tz.unwrap_or(Tz::UTC);
        match Buckets::of(from, to, unit, &tz) {
            Ok(buckets) => Ok((
                ActivityScan::new(buckets).with_agent_id(agent_id),
                ActivityMeta {
                    bucket,
                    tz: tz.name(),
                },
            )),
            Err(invalid) => {
                fields.reject("to", InvalidSpan::to_string(&invalid));
                Err(fields.into())
            }
        }
    }
}

fn unit(text: &str) -> Result<(BucketUnit, &'static str), &'static str> {
    match text {
        "hour" => Ok((BucketUnit::Hour, "hour")),
        "day" => Ok((BucketUnit::Day, "day")),
        _ => Err("must be hour or day"),
    }
}

fn zone(name: &str) -> Result<Tz, &'static str> {
    name.parse()
        .map_err(|_| "must be the name of a time zone, such as Europe/Zurich")
}
