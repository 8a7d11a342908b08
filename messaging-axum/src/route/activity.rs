//! GET `/messages/admin/activity`: how much went on, per hour or day.

use axum::extract::State;
use chrono_tz::Tz;
use messaging_core::{
    AgentId, BucketUnit, Buckets, Messaging, Timestamp, domain::activity::InvalidSpan, store::ActivityScan,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    answer::{Answer, Many},
    error::ApiError,
    extract::{Caller, Field, Fields, Query},
    wire::ActivityPayload,
};

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ActivityQuery {
    /// In the first bucket.
    #[param(value_type = Timestamp, required = true)]
    from: Field<String>,
    /// In the last one, or its end.
    #[param(value_type = Timestamp, required = true)]
    to: Field<String>,
    /// What is counted apart.
    #[param(value_type = BucketUnit, required = true)]
    bucket: Field<String>,
    /// The time zone in which hours and days begin, by its name.
    #[param(value_type = Option<String>, default = "UTC", example = "Europe/Zurich")]
    tz: Field<String>,
    /// Only of this agent.
    #[param(value_type = Option<AgentId>)]
    agent_id: Field<String>,
}

/// As what it was counted.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ActivityMeta {
    #[schema(value_type = BucketUnit)]
    bucket: &'static str,
    tz: &'static str,
}

/// Count what went on
///
/// Per hour or day, overall or for one agent.
#[utoipa::path(
    get,
    path = "/messages/admin/activity",
    tag = "admin",
    operation_id = "countActivity",
    params(ActivityQuery),
    responses((status = 200, body = Many<ActivityPayload, ActivityMeta>), (status = 403))
)]
pub(crate) async fn count(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Query(query): Query<ActivityQuery>,
) -> Result<Answer<Many<ActivityPayload, ActivityMeta>>, ApiError> {
    let (scan, meta) = query.parse()?;
    let counted = messaging.count_activity(&actor, &scan).await?;
    let bounds = scan.buckets.bounds().windows(2).zip(&counted);
    let shown = bounds.map(|(bounds, activity)| ActivityPayload::new(bounds[0], bounds[1], activity));
    Ok(Answer::list(shown, meta))
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
                ActivityScan { buckets, agent_id },
                ActivityMeta {
                    bucket,
                    tz: tz.name(),
                },
            )),
            Err(invalid) => {
                fields.refuse("to", InvalidSpan::to_string(&invalid));
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
