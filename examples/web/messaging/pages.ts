// A paged list without events: it is fetched on request.

import type { Answer } from "./api";
import { coalesced } from "./coalesce";
import { Observable } from "./observable";
import type { ListMeta } from "./wire";

export interface PagesState<T> {
  /** The newest first: all that have been loaded. */
  readonly items: readonly T[];
  readonly isLoaded: boolean;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
}

export class Pages<T> {
  readonly state = new Observable<PagesState<T>>({ items: [], isLoaded: false, hasMore: false, isLoadingMore: false });
  readonly #ask: (cursor: string | null) => Promise<Answer<T[], ListMeta>>;
  #cursor: string | null = null;

  constructor(ask: (cursor: string | null) => Promise<Answer<T[], ListMeta>>) {
    this.#ask = ask;
  }

  /** Fetches the first page again. Fails as the request does. */
  readonly refresh = coalesced(async () => {
    const { data, meta } = await this.#ask(null);
    this.#cursor = meta.nextCursor;
    this.state.change({ items: data, isLoaded: true, hasMore: meta.hasMore });
  });

  /** Fetches the next page. Fails as the request does. */
  readonly loadMore = async (): Promise<void> => {
    const cursor = this.#cursor;
    if (cursor === null || this.state.get().isLoadingMore) return;
    this.state.change({ isLoadingMore: true });
    try {
      const { data, meta } = await this.#ask(cursor);
      if (this.#cursor !== cursor) return;
      this.#cursor = meta.nextCursor;
      this.state.change({ items: [...this.state.get().items, ...data], hasMore: meta.hasMore });
    } finally {
      this.state.change({ isLoadingMore: false });
    }
  };
}
