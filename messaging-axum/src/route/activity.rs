//! GET `/messages/admin/activity`: how much went on, per hour or day.

use axum::extract::State;
use chrono_tz::Tz;
use messaging_core::{
    AgentId, BucketUnit, Buckets, Messaging, Timestamp, domain::activity::InvalidSpan,
    port::store::ActivityScan,
};
use serde::{Deserialize, Serialize};

use crate::{
    answer::Answer,
    error::ApiError,
    extract::{Caller, Field, Fields, Query},
    wire::ActivityPayload,
};

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct ActivityQuery {
    from: Field<String>,
    to: Field<String>,
    bucket: Field<String>,
    tz: Field<String>,
    agent_id: Field<String>,
}

/// As what it was counted.
#[derive(Debug, Serialize)]
pub(crate) struct ActivityMeta {
    bucket: &'static str,
    tz: &'static str,
}

pub(crate) async fn count(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    Query(query): Query<ActivityQuery>,
) -> Result<Answer<Vec<ActivityPayload>, ActivityMeta>, ApiError> {
    let (scan, meta) = query.parse()?;
    let counted = messaging.count_activity(&actor, &scan).await?;
    let bounds = scan.buckets.bounds().windows(2).zip(&counted);
    let shown = bounds.map(|(bounds, activity)| ActivityPayload::new(bounds[0], bounds[1], activity));
    Ok(Answer::with_meta(shown.collect(), meta))
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
