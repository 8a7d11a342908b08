import { useEffect, useRef } from "react";
import { Link } from "react-router";

import { type Access, useAudit } from "../../messaging";
import { Avatar } from "../ui/avatar";
import { Icon } from "../ui/icon";
import { Loading } from "../ui/notice";
import { fullTime } from "../ui/time";
import { useToasts } from "../ui/toast";
import { useInfiniteScroll } from "../ui/use-infinite-scroll";
import { nameOf } from "../ui/name-of";

/** What is done, in words; what this page does not know it shows as it is named. */
const WORDS: Readonly<Record<string, string>> = {
  list: "listed conversations",
  see: "looked at a conversation",
  read_history: "read messages",
  close: "closed a conversation",
  reopen: "reopened a conversation",
  list_reports: "listed reports",
  see_report: "looked at a report",
  resolve_report: "resolved a report",
  dismiss_report: "dismissed a report",
  read_audit: "read this log",
  read_activity: "looked at the activity",
};

/** What staff looked at and did, the newest first. */
export function AuditPage() {
  const { items, isLoaded, hasMore, isLoadingMore, loadMore, refresh } = useAudit();
  const { attempt } = useToasts();
  useEffect(() => attempt(refresh), [attempt, refresh]);
  const scroller = useRef<HTMLDivElement>(null);
  const end = useInfiniteScroll(scroller, {
    load: () => attempt(loadMore),
    loaded: items.length,
    isOff: !hasMore || isLoadingMore,
  });
  return (
    <div className="audit" ref={scroller} role="region" aria-label="Audit log" tabIndex={0}>
      <header className="list-head">
        <h1>Audit log</h1>
        <button
          type="button"
          className="icon-button"
          aria-label="Look again"
          title="Look again"
          onClick={() => attempt(refresh)}
        >
          <Icon name="refresh" />
        </button>
      </header>
      <ol className="card accesses" data-loaded={isLoaded}>
        {items.map((access) => (
          <Row key={access.id} access={access} />
        ))}
      </ol>
      <div ref={end} />
      {!isLoaded && <Loading of="part" onRetry={() => attempt(refresh)} />}
    </div>
  );
}

function Row({ access: { actor, action, at, conversationId } }: { access: Access }) {
  return (
    <li className="access" data-action={action}>
      <Avatar src={actor.image} name={nameOf(actor)} />
      <p>
        <strong>
          <bdi>{nameOf(actor)}</bdi>
        </strong>{" "}
        {WORDS[action] ?? action}
        {conversationId !== null && (
          <>
            {" · "}
            <Link to={`/admin/conversations/${conversationId}`}>the conversation</Link>
          </>
        )}
      </p>
      <time className="muted" dateTime={at}>
        {fullTime(at)}
      </time>
    </li>
  );
}
