import { useCallback, useEffect, useMemo, useState } from "react";

import { Reports, type ReportsState } from "../reports";
import type { ReportFile, ReportStatus } from "../wire";
import { useMessagingClient, useObservable } from "./context";

export interface ReportList extends ReportsState {
  /** Fetches the first page again. Rejects as the request does. */
  refresh(): Promise<void>;
  /** Fetches the next page. Rejects as the request does. */
  loadMore(): Promise<void>;
}

/** For staff: what has been reported, the newest first; only what stands so, unless that is null. */
export function useReports(status: ReportStatus | null): ReportList {
  const { api } = useMessagingClient();
  const reports = useMemo(() => new Reports(api, status), [api, status]);
  const state = useObservable(reports.state);
  const loadMore = useCallback(() => reports.loadMore(), [reports]);
  return { ...state, refresh: reports.refresh, loadMore };
}

export interface OneReport {
  /** Null until it is there. */
  readonly file: ReportFile | null;
  /** Why it cannot be shown. */
  readonly error: unknown;
  /** Ends it, unless that was done before. Rejects as the request does. */
  settle(outcome: "resolved" | "dismissed", note: string | null): Promise<void>;
}

/** For staff: one report, with its evidence. */
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
  const settle = useCallback(
    async (outcome: "resolved" | "dismissed", note: string | null) => {
      const { data } = await api.settleReport(id, outcome, note);
      setFound({ file: data, error: null });
    },
    [api, id],
  );
  return { file, error, settle };
}
