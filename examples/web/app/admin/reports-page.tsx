import { useEffect, useRef } from "react";
import { Link, useParams, useSearchParams } from "react-router";

import { type Paged, type Report, type ReportStatus, useReports } from "../../messaging";
import { NothingOpen } from "../inbox/inbox-page";
import { Avatar } from "../ui/avatar";
import { Icon } from "../ui/icon";
import { Loading } from "../ui/notice";
import { shortTime } from "../ui/time";
import { useToasts } from "../ui/toast";
import { useInfiniteScroll } from "../ui/use-infinite-scroll";
import { nameOf } from "../ui/name-of";
import { ReportPane } from "./report-pane";

const STATUSES: readonly ReportStatus[] = ["open", "resolved", "dismissed"];

/** What has been reported, by how it stands, and one report with its evidence. */
export function ReportsPage() {
  const { id } = useParams();
  const [query] = useSearchParams();
  const status = STATUSES.find((it) => it === query.get("status")) ?? "open";
  const list = useReports(status);
  const { attempt } = useToasts();
  const refresh = () => attempt(list.refresh);
  useEffect(() => attempt(list.refresh), [attempt, list.refresh]);
  return (
    <div className="inbox" data-view={id ? "thread" : "list"}>
      <h1 className="visually-hidden">Reports</h1>
      <Sidebar list={list} status={status} openId={id} onRefresh={refresh} />
      {id ? (
        <ReportPane key={id} id={id} back={`/admin/reports?status=${status}`} onResolved={refresh} />
      ) : (
        <NothingOpen what="report" />
      )}
    </div>
  );
}

interface SidebarProps {
  readonly list: Paged<Report>;
  readonly status: ReportStatus;
  readonly openId: string | undefined;
  readonly onRefresh: () => void;
}

function Sidebar({ list, status, openId, onRefresh }: SidebarProps) {
  const { items: reports, isLoaded, hasMore, isLoadingMore, loadMore } = list;
  const { attempt } = useToasts();
  const scroller = useRef<HTMLElement>(null);
  const end = useInfiniteScroll(scroller, {
    load: () => attempt(loadMore),
    loaded: reports.length,
    isOff: !hasMore || isLoadingMore,
  });
  return (
    <div className="sidebar">
      <header className="list-head">
        <h2>Reports</h2>
        <button type="button" className="icon-button" aria-label="Look again" title="Look again" onClick={onRefresh}>
          <Icon name="refresh" />
        </button>
      </header>
      <nav className="statuses" aria-label="How they stand">
        {STATUSES.map((it) => (
          <Link key={it} to={`/admin/reports?status=${it}`} aria-current={it === status ? "true" : undefined}>
            {it}
          </Link>
        ))}
      </nav>
      <nav ref={scroller} className="list-scroll" aria-label="Reports">
        <ul className="list" data-loaded={isLoaded}>
          {reports.map((report) => (
            <Row key={report.id} report={report} status={status} isOpen={report.id === openId} />
          ))}
        </ul>
        <div ref={end} />
        {!isLoaded && <Loading of="part" onRetry={onRefresh} />}
        {isLoaded && reports.length === 0 && (
          <p className="empty">{status === "open" ? "Nothing waits for you." : "Nothing yet."}</p>
        )}
      </nav>
    </div>
  );
}

function Row({ report, status, isOpen }: { report: Report; status: ReportStatus; isOpen: boolean }) {
  const { id, reported, complaints, openedAt } = report;
  return (
    <li>
      <Link
        className="row"
        to={`/admin/reports/${id}?status=${status}`}
        aria-current={isOpen ? "page" : undefined}
        data-report={id}
      >
        <Avatar src={reported.image} name={nameOf(reported)} />
        <span className="row-text">
          <strong dir="auto">{nameOf(reported)}</strong>
          <time className="muted" dateTime={openedAt}>
            {shortTime(openedAt)}
          </time>
          <span className="last">
            <bdi>{complaints.at(-1)?.reason}</bdi>
          </span>
          {complaints.length > 1 && (
            <span className="muted state">{complaints.length} complaints</span>
          )}
        </span>
      </Link>
    </li>
  );
}
