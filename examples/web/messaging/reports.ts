// What has been reported, for staff. Nobody is told of it: it is asked for.

import type { Api } from "./api";
import { coalesced } from "./coalesce";
import { Observable } from "./observable";
import type { Report, ReportStatus } from "./wire";

const PAGE = 30;

export interface ReportsState {
  /** The newest first: all that have been loaded. */
  readonly reports: readonly Report[];
  readonly isLoaded: boolean;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
}

export class Reports {
  readonly state = new Observable<ReportsState>({ reports: [], isLoaded: false, hasMore: false, isLoadingMore: false });
  readonly #api: Api;
  readonly #status: ReportStatus | null;
  #cursor: string | null = null;

  /** Those that stand so; all if that is null. */
  constructor(api: Api, status: ReportStatus | null) {
    this.#api = api;
    this.#status = status;
  }

  /** Fetches the first page again. Fails as the request does. */
  readonly refresh = coalesced(async () => {
    const { data, meta } = await this.#api.listReports(PAGE, this.#status, null);
    this.#cursor = meta.nextCursor;
    this.state.change({ reports: data, isLoaded: true, hasMore: meta.hasMore });
  });

  /** Fetches the next page. Fails as the request does. */
  async loadMore(): Promise<void> {
    const cursor = this.#cursor;
    if (cursor === null || this.state.get().isLoadingMore) return;
    this.state.change({ isLoadingMore: true });
    try {
      const { data, meta } = await this.#api.listReports(PAGE, this.#status, cursor);
      if (this.#cursor !== cursor) return;
      this.#cursor = meta.nextCursor;
      this.state.change({ reports: [...this.state.get().reports, ...data], hasMore: meta.hasMore });
    } finally {
      this.state.change({ isLoadingMore: false });
    }
  }
}
