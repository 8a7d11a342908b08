// The messages of one conversation: fetched, told, and made one sequence without a gap.

import { type Answer, type Api, ApiError } from "./api";
import type { Channels } from "./channels";
import { RETRY_AFTER, coalesced } from "./coalesce";
import type { Conversations } from "./conversations";
import { Observable } from "./observable";
import type { Outgoing } from "./outgoing";
import { hasGap, merged } from "./sequence";
import { OtherTyping } from "./typing";
import type { HistoryPage, Message, MessageRead, Truncated, Typing } from "./wire";

const FIRST_PAGE = 50;
const PAGE = 100;

export interface ThreadState {
  /** In the order of their seqs, each once. */
  readonly messages: readonly Message[];
  /** `gone` when there is no such conversation for this user. */
  readonly status: "loading" | "ready" | "gone";
  /** Whether all that happens is shown as it happens. */
  readonly isLive: boolean;
  readonly hasOlder: boolean;
  readonly isLoadingOlder: boolean;
}

const NOTHING: ThreadState = {
  messages: [],
  status: "loading",
  isLive: false,
  hasOlder: false,
  isLoadingOlder: false,
};

export interface ThreadParts {
  readonly api: Api;
  /** Absent for admins: nothing is told to them. */
  readonly channels: Channels | null;
  readonly conversations: Conversations;
  readonly outgoing: Outgoing;
  readonly userId: string;
  /** Whether the connection is known to be alive. */
  readonly trusted: Observable<boolean>;
}

export class Thread {
  readonly state = new Observable<ThreadState>(NOTHING);
  readonly typing = new OtherTyping();
  readonly #parts: ThreadParts;
  readonly #known = new Set<string>();
  /** Behind what has been fetched. */
  #newestCursor: string | null = null;
  /** Before what has been fetched. */
  #olderCursor: string | null = null;
  #isSubscribed = false;
  #hasCaughtUp = false;
  #isOpen = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly id: string,
    parts: ThreadParts,
  ) {
    this.#parts = parts;
  }

  /** Begins to listen, and catches up with what has happened. Returns its end. */
  open(): () => void {
    const { channels, userId, trusted } = this.#parts;
    this.#isOpen = true;
    // Without a connection there is no subscription to wait for; when there is, it catches up.
    if (channels?.connection.get() !== "connected") void this.catchUp();
    const isOther = (event: Typing) => event.userId !== userId;
    const unsubscribe = channels?.subscribe(`private-conversation-${this.id}`, {
      ready: () => {
        this.#isSubscribed = true;
        void this.catchUp();
      },
      refused: () => void this.catchUp(), // which says whether there is anything to be had
      on: {
        "new-message": (message: Message | Truncated) => this.#receive(message),
        "message-read": (event: MessageRead) => this.#parts.conversations.adoptRead(this.id, event.side, event),
        "typing-start": (event: Typing) => isOther(event) && this.typing.set(true),
        "typing-stop": (event: Typing) => isOther(event) && this.typing.set(false),
      },
    });
    const unwatch = channels?.connection.watch(() => {
      if (channels.connection.get() === "lost") this.#lost();
    });
    const untrust = trusted.watch(() => this.#tellLive());
    return () => {
      this.#isOpen = false;
      clearTimeout(this.#retry);
      untrust();
      unwatch?.();
      unsubscribe?.();
      this.#lost();
    };
  }

  #lost(): void {
    this.#isSubscribed = false;
    this.#hasCaughtUp = false;
    this.typing.set(false);
    this.#tellLive();
  }

  #tellLive(): void {
    const isLive = this.#hasCaughtUp && this.#parts.trusted.get();
    if (isLive !== this.state.get().isLive) this.state.change({ isLive });
  }

  /** Fetches what is newer than what there is, and fills the gaps. */
  readonly catchUp = async (): Promise<void> => {
    await this.#catchUp();
    if (!this.#isOpen) return;
    this.#hasCaughtUp = this.#isSubscribed && this.#retry === undefined;
    this.#tellLive();
  };

  readonly #catchUp = coalesced(async () => {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    try {
      if (this.#newestCursor === null) await this.#fetchNewest();
      else while (await this.#fetchNewer(this.#newestCursor));
      // An event was there before the first page, and more happened between them than a page holds.
      while (this.#hasGap() && (await this.#fetchOlder()));
    } catch (error) {
      if (isGone(error)) this.state.change({ status: "gone" });
      else if (this.#isOpen) this.#retry = setTimeout(() => void this.catchUp(), RETRY_AFTER);
    }
  });

  async #fetchNewest(): Promise<void> {
    const { data } = this.#adopt(await this.#parts.api.listMessages(this.id, FIRST_PAGE));
    this.#newestCursor = data.newestCursor;
    this.#takeOlder(data);
    this.state.change({ status: "ready" });
  }

  async #fetchNewer(newer: string): Promise<boolean> {
    const { data } = this.#adopt(await this.#parts.api.listMessages(this.id, PAGE, { newer }));
    this.#newestCursor = data.newestCursor;
    this.#insert(data.messages);
    return data.hasMore && data.messages.length > 0;
  }

  async #fetchOlder(): Promise<boolean> {
    const older = this.#olderCursor;
    if (older === null) return false;
    const { data } = this.#adopt(await this.#parts.api.listMessages(this.id, PAGE, { older }));
    if (this.#olderCursor === older) this.#takeOlder(data);
    return true;
  }

  /** Fetches a page of older messages. Fails as the request does. */
  readonly loadOlder = async (): Promise<void> => {
    if (this.state.get().isLoadingOlder) return;
    this.state.change({ isLoadingOlder: true });
    try {
      await this.#fetchOlder();
    } finally {
      this.state.change({ isLoadingOlder: false });
    }
  };

  #adopt(answer: Answer<HistoryPage>): Answer<HistoryPage> {
    this.#parts.conversations.adopt({ ...answer, data: answer.data.conversation });
    return answer;
  }

  #takeOlder({ messages, nextCursor }: HistoryPage): void {
    this.#olderCursor = nextCursor;
    this.#insert(messages);
    this.state.change({ hasOlder: nextCursor !== null });
  }

  #receive(message: Message | Truncated): void {
    if ("truncated" in message) return void this.catchUp();
    if (message.senderId !== this.#parts.userId) this.typing.set(false);
    this.take(message);
  }

  /** Takes one message, and fetches what is missing before it. */
  take(message: Message): void {
    const isNew = this.#insert([message]);
    if (isNew && this.#newestCursor !== null && this.#hasGap()) void this.catchUp();
  }

  /** Puts messages where their seq says, each once. Returns whether there was a new one. */
  #insert(some: readonly Message[]): boolean {
    this.#parts.outgoing.acknowledge(some);
    const isNew = some.filter(({ id }) => !this.#known.has(id));
    if (isNew.length === 0) return false;
    for (const message of isNew) {
      this.#known.add(message.id);
      this.#parts.conversations.adoptLast(message);
    }
    this.state.change({ messages: merged(this.state.get().messages, isNew) });
    return true;
  }

  /** What has been fetched has no gap, so only what was told may follow one. */
  #hasGap(): boolean {
    const { messages } = this.state.get();
    return hasGap(messages, this.#olderCursor === null ? 1 : (messages[0]?.seq ?? 1));
  }
}

/** There is nothing to be had: not there, not theirs, or no id at all. */
const isGone = (error: unknown) => error instanceof ApiError && (error.status === 404 || error.status === 400);
