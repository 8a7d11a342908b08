// The list of conversations, the total, and what is told to this user.

import type { Api } from "./api";
import type { Channels } from "./channels";
import { RETRY_AFTER, coalesced } from "./coalesce";
import { byActivity } from "./conversation";
import { Conversations } from "./conversations";
import { Observable } from "./observable";
import type { Conversation, ConversationUpdated, CountChanged, ListMeta, NotifiedMessage } from "./wire";

const PAGE = 30;

export interface InboxState {
  /** By activity, the newest first: all that have been loaded. */
  readonly conversations: readonly Conversation[];
  /** Of all conversations together, also of those that have not been loaded. */
  readonly unreadCount: number;
  readonly isLoaded: boolean;
  /** Whether all that happens is shown as it happens. */
  readonly isLive: boolean;
  readonly hasMore: boolean;
  readonly isLoadingMore: boolean;
}

const NOTHING: InboxState = {
  conversations: [],
  unreadCount: 0,
  isLoaded: false,
  isLive: false,
  hasMore: false,
  isLoadingMore: false,
};

export class Inbox {
  readonly state = new Observable<InboxState>(NOTHING);
  readonly conversations: Conversations;
  readonly #api: Api;
  #cursor: string | null = null;
  /** The activity down to which the list is known. */
  #bottom = "";
  #total = { unreadCount: 0, asked: -1 };
  #isSubscribed = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(api: Api) {
    this.#api = api;
    this.conversations = new Conversations(api, () => void this.refresh());
    this.conversations.known.watch(() => this.#draw());
  }

  /** Listens to what is told to this user. Returns its end. */
  listen(channels: Channels, userId: string): () => void {
    const { conversations } = this;
    const unsubscribe = channels.subscribe(`private-user-${channelPart(userId)}`, {
      ready: () => {
        this.#isSubscribed = true;
        void this.refresh();
      },
      refused: () => void this.refresh(),
      on: {
        "new-message": (event: NotifiedMessage) => {
          if (event.truncated || "truncated" in event.message) conversations.refetch(event.conversationId);
          else conversations.adoptLast(event.message);
          this.count(event);
        },
        "unread-changed": (event: CountChanged) => this.count(event),
        "conversation-updated": (event: ConversationUpdated) => conversations.refetch(event.conversationId),
      },
    });
    const unwatch = channels.connection.watch(() => {
      if (channels.connection.get() !== "lost") return;
      this.#isSubscribed = false;
      this.state.change({ isLive: false });
    });
    return () => {
      clearTimeout(this.#retry);
      unwatch();
      unsubscribe();
    };
  }

  /** Fetches the list's first page and the total. */
  async refresh(): Promise<void> {
    await this.#refresh();
    this.state.change({ isLive: this.#isSubscribed && this.#retry === undefined });
  }

  readonly #refresh = coalesced(async () => {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const before = new Map(this.state.get().conversations.map(({ id, lastMessageAt }) => [id, lastMessageAt]));
    try {
      const [page, total] = await Promise.all([this.#api.listConversations(PAGE, null), this.#api.countUnread()]);
      this.#adoptTotal(total);
      this.#merge(before, page);
    } catch {
      this.#retry = setTimeout(() => void this.refresh(), RETRY_AFTER);
    }
  });

  /** Fetches the next page of older ones. Fails as the request does. */
  async loadMore(): Promise<void> {
    const cursor = this.#cursor;
    if (cursor === null || this.state.get().isLoadingMore) return;
    this.state.change({ isLoadingMore: true });
    try {
      const page = await this.#api.listConversations(PAGE, cursor);
      if (this.#cursor === cursor) this.#extend(page.data, page.meta);
      this.conversations.adoptAll(page);
    } finally {
      this.state.change({ isLoadingMore: false });
    }
  }

  /** Takes the first page: it says all about the conversations whose activity is in its range. */
  #merge(before: ReadonlyMap<string, string>, page: { data: readonly Conversation[]; meta: ListMeta; asked: number }) {
    const { data, meta } = page;
    const shown = new Set(data.map(({ id }) => id));
    const last = data.at(-1)?.lastMessageAt ?? "";
    const isInRange = (activity: string) => !meta.hasMore || activity > last;
    this.conversations.forget([...before].flatMap(([id, at]) => (!shown.has(id) && isInRange(at) ? [id] : [])));
    // Where it meets what is known already, everything down to the cursor is known.
    const meets = this.state.get().isLoaded && data.some(({ id, lastMessageAt }) => before.get(id) === lastMessageAt);
    if (!meets || !meta.hasMore) this.#extend(data, meta);
    this.conversations.adoptAll(page);
    this.state.change({ isLoaded: true });
    this.#draw();
  }

  #extend(data: readonly Conversation[], meta: ListMeta): void {
    this.#cursor = meta.nextCursor;
    this.#bottom = meta.hasMore ? (data.at(-1)?.lastMessageAt ?? "") : "";
  }

  /** Takes what is told of a count, or what reading answered. */
  count(event: CountChanged): void {
    const isNews = this.conversations.adoptCount(event.conversationId, event);
    // Of what is not loaded only the total is known, which then has to be asked for.
    if (isNews && this.#cursor !== null) void this.#refreshTotal();
  }

  readonly #refreshTotal = coalesced(async () => {
    try {
      this.#adoptTotal(await this.#api.countUnread());
    } catch {
      void this.refresh();
    }
  });

  #adoptTotal({ data, asked }: { data: { unreadCount: number }; asked: number }): void {
    if (asked < this.#total.asked) return;
    this.#total = { unreadCount: data.unreadCount, asked };
    this.#draw();
  }

  #draw(): void {
    const known = [...this.conversations.known.get().values()];
    const hasMore = this.#cursor !== null;
    const conversations = known.filter(({ lastMessageAt }) => lastMessageAt >= this.#bottom).toSorted(byActivity);
    const unreadCount = hasMore
      ? this.#total.unreadCount
      : conversations.reduce((sum, conversation) => sum + conversation.unreadCount, 0);
    this.state.change({ conversations, unreadCount, hasMore });
  }
}

/** A user's id as it stands in the name of a channel. */
export function channelPart(userId: string): string {
  if (/^[A-Za-z0-9_\-@,.;][A-Za-z0-9_\-=@,.;]*$/.test(userId)) return userId;
  return `=${btoa(userId).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`;
}
