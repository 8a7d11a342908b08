import { useEffect, useState } from "react";

import { type Activity, type ActivityRequest, useMessagingClient } from "../../messaging";
import { Loading } from "../ui/notice";
import { Chart } from "./chart";
import { formatBucket, formatDuration } from "./format";

const HOUR = 3_600_000;

const SPANS = [
  { name: "24 hours", bucket: "hour", length: 24 * HOUR },
  { name: "7 days", bucket: "day", length: 7 * 24 * HOUR },
  { name: "30 days", bucket: "day", length: 30 * 24 * HOUR },
] as const;

type Span = (typeof SPANS)[number];

/** How much goes on, overall or with one agent. */
export function ActivityPage() {
  const [span, setSpan] = useState<Span>(SPANS[0]);
  const [agentId, setAgentId] = useState("");
  const { counted, error, again } = useActivity(span, agentId);
  return (
    <div className="activity" role="region" aria-label="Activity" tabIndex={0}>
      <header className="list-head">
        <h1>Activity</h1>
        <form
          key={agentId}
          className="of-agent"
          onSubmit={(event) => {
            event.preventDefault();
            setAgentId(String(new FormData(event.currentTarget).get("agent")).trim());
          }}
        >
          <label className="visually-hidden" htmlFor="agent">
            Agent
          </label>
          <input id="agent" name="agent" defaultValue={agentId} placeholder="All agents" maxLength={100} />
        </form>
      </header>
      <div className="statuses" role="group" aria-label="How far back">
        {SPANS.map((it) => (
          <button key={it.name} type="button" aria-pressed={it === span} onClick={() => setSpan(it)}>
            {it.name}
          </button>
        ))}
      </div>
      {error !== null && (
        <p className="error" role="alert">
          {error}{" "}
          <button type="button" className="button small" onClick={again}>
            Try again
          </button>
        </p>
      )}
      {counted && <Charts counted={counted} span={span} agentId={agentId} />}
      {!counted && error === null && <Loading of="part" onRetry={again} />}
    </div>
  );
}

function Charts({ counted, span, agentId }: { counted: readonly Activity[]; span: Span; agentId: string }) {
  const names = counted.map(({ from }) => formatBucket(from, span.bucket));
  const of = (value: (activity: Activity) => number | null) => counted.map(value);
  return (
    <>
      <p className="muted">
        {agentId === "" ? "All agents" : <bdi>{agentId}</bdi>}, by the {span.bucket}
      </p>
      <div className="charts" data-loaded={true}>
        <Chart title="Messages" names={names} series={[{ name: "Messages", values: of((it) => it.messages) }]} />
        <Chart
          title="Conversations opened"
          names={names}
          series={[{ name: "Conversations opened", values: of((it) => it.conversationsOpened) }]}
        />
        <Chart
          title="Active people"
          names={names}
          series={[{ name: "Active people", values: of((it) => it.activeUsers) }]}
          isSummed={false}
        />
        <Chart
          title="Time to the first reply"
          names={names}
          series={[
            { name: "Half of the clients", values: of((it) => it.firstReplies.medianMs) },
            { name: "95 of 100", values: of((it) => it.firstReplies.p95Ms) },
          ]}
          shown={formatDuration}
          isSummed={false}
        />
      </div>
    </>
  );
}

/** What went on until now. What was counted before stays until something else has been. */
function useActivity(span: Span, agentId: string) {
  const { api } = useMessagingClient();
  const [found, setFound] = useState<{ counted: readonly Activity[] | null; error: string | null }>({
    counted: null,
    error: null,
  });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    const to = new Date();
    const request: ActivityRequest = {
      from: new Date(to.getTime() - span.length + 1),
      to,
      bucket: span.bucket,
      tz: Intl.DateTimeFormat().resolvedOptions().timeZone,
      agentId: agentId === "" ? undefined : agentId,
    };
    let isOver = false;
    api.countActivity(request).then(
      ({ data }) => isOver || setFound({ counted: data, error: null }),
      (why: unknown) =>
        isOver || setFound({ counted: null, error: why instanceof Error ? why.message : "It cannot be counted." }),
    );
    return () => {
      isOver = true;
    };
  }, [api, span, agentId, attempt]);
  return { ...found, again: () => setAttempt(attempt + 1) };
}
