// The list of conversations, the total, and what is told to this user.

import type { Api } from "./api";
import type { Channels, Subscriber } from "./channels";
import { RETRY_AFTER, coalesced } from "./coalesce";
import { type KnownConversation, reordered } from "./conversation";
import { Conversations } from "./conversations";
import { Observable } from "./observable";
import { userChannel } from "./user-channel";
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
  /** All that are known, in the order of the list. */
  #order: readonly KnownConversation[] = [];
  #total = { unreadCount: 0, asked: -1 };
  #isSubscribed = false;
  #hasCaughtUp = false;
  #hasEnded = false;
  #trusted = new Observable(true);
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(api: Api) {
    this.#api = api;
    this.conversations = new Conversations(api, () => void this.refresh());
    this.conversations.known.watch(() => this.#draw());
  }

  /** Listens to what is told to this user, by a connection that is known to be alive or not. Returns its end. */
  listen(channels: Channels, userId: string, trusted: Observable<boolean>): () => void {
    const { conversations } = this;
    this.#trusted = trusted;
    this.#hasEnded = false;
    const unsubscribe = this.#subscribe(channels, userId, {
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
      this.#hasCaughtUp = false;
      this.#tellLive();
    });
    const untrust = trusted.watch(() => this.#tellLive());
    return () => {
      this.#hasEnded = true;
      clearTimeout(this.#retry);
      untrust();
      unwatch();
      unsubscribe();
    };
  }

  #subscribe(channels: Channels, userId: string, subscriber: Subscriber): () => void {
    const name = userChannel(userId);
    if (typeof name === "string") return channels.subscribe(name, subscriber);
    let end: (() => void) | "over" | null = null;
    const subscribe = (it: string) => {
      if (end === null) end = channels.subscribe(it, subscriber);
    };
    name.then(subscribe, () => void this.#askForChannel(subscribe));
    return () => {
      if (typeof end === "function") end();
      end = "over";
    };
  }

  /** Where the browser cannot tell how the channel is called, the server can. */
  async #askForChannel(subscribe: (name: string) => void): Promise<void> {
    if (this.#hasEnded) return;
    try {
      const { channel } = (await this.#api.countUnread()).data;
      if (channel !== undefined) return subscribe(channel);
      void this.refresh();
    } catch {
      setTimeout(() => void this.#askForChannel(subscribe), RETRY_AFTER);
    }
  }

  /** Fetches the list's first page and the total. */
  async refresh(): Promise<void> {
    await this.#refresh();
    this.#hasCaughtUp = this.#isSubscribed && this.#retry === undefined;
    this.#tellLive();
  }

  #tellLive(): void {
    const isLive = this.#hasCaughtUp && this.#trusted.get();
    if (isLive !== this.state.get().isLive) this.state.change({ isLive });
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
      if (!this.#hasEnded) this.#retry = setTimeout(() => void this.refresh(), RETRY_AFTER);
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
    const known = this.conversations.known.get();
    const hasMore = this.#cursor !== null;
    this.#order = reordered(this.#order, known);
    // What is below the bottom stands at the end.
    let end = this.#order.length;
    while (end > 0 && (this.#order[end - 1]?.lastMessageAt ?? "") < this.#bottom) end -= 1;
    const conversations = this.#order.slice(0, end);
    const unreadCount = hasMore
      ? this.#total.unreadCount
      : conversations.reduce((sum, conversation) => sum + conversation.unreadCount, 0);
    this.state.change({ conversations, unreadCount, hasMore });
  }
}
