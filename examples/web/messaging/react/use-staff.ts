// What staff see. They are told nothing: everything is asked for.

import { useCallback, useEffect, useMemo, useState } from "react";

import { Pages, type PagesState } from "../pages";
import type { Access, ReportFile, Report, ReportStatus } from "../wire";
import { useMessagingClient, useObservable } from "./context";

const PAGE = 30;

/** A list as far as it has been loaded. */
export interface Paged<T> extends PagesState<T> {
  /** Fetches the first page again. Rejects as the request does. */
  refresh(): Promise<void>;
  /** Fetches the next page. Rejects as the request does. */
  loadMore(): Promise<void>;
}

/** What has been reported, the newest first; only what stands so, unless that is null. */
export function useReports(status: ReportStatus | null): Paged<Report> {
  const { api } = useMessagingClient();
  return usePages(useMemo(() => new Pages((cursor) => api.listReports(PAGE, status, cursor)), [api, status]));
}

/** What admins looked at and did, the newest first. */
export function useAudit(): Paged<Access> {
  const { api } = useMessagingClient();
  return usePages(useMemo(() => new Pages((cursor) => api.listAudit(PAGE, cursor)), [api]));
}

function usePages<T>(pages: Pages<T>): Paged<T> {
  const { refresh, loadMore } = pages;
  return { ...useObservable(pages.state), refresh, loadMore };
}

export interface OneReport {
  /** Null until it is there. */
  readonly file: ReportFile | null;
  /** Why it cannot be shown. */
  readonly error: unknown;
  /** Ends it, unless that was done before. Rejects as the request does. */
  resolve(outcome: "resolved" | "dismissed", note: string | null): Promise<void>;
}

/** One report, with its evidence. */
export function useReportFile(id: string): OneReport {
  const { api } = useMessagingClient();
  const [{ file, error }, setFound] = useState<Pick<OneReport, "file" | "error">>({ file: null, error: null });
  useEffect(() => {
    let isOver = false;
    const show = (found: Pick<OneReport, "file" | "error">) => isOver || setFound(found);
    api.findReport(id).then(
      ({ data }) => show({ file: data, error: null }),
      (why: unknown) => show({ file: null, error: why }),
    );
    return () => {
      isOver = true;
    };
  }, [api, id]);
  const resolve = useCallback(
    async (outcome: "resolved" | "dismissed", note: string | null) => {
      const { data } = await api.resolveReport(id, outcome, note);
      setFound({ file: data, error: null });
    },
    [api, id],
  );
  return { file, error, resolve };
}
