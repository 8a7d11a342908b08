// One user's messaging: one connection, one list, and the conversations that are open.

import type { Api } from "./api";
import type { Channels, Connection } from "./channels";
import { coalesced } from "./coalesce";
import { Inbox } from "./inbox";
import { Observable } from "./observable";
import { type Outbox, browserOutbox } from "./outbox";
import { Outgoing } from "./outgoing";
import { watchPresence } from "./presence";
import { Reader } from "./reader";
import { Thread } from "./thread";
import { OwnTyping } from "./typing";
import { watchWakeUp } from "./wake-up";
import type { Message } from "./wire";

/** The number of closed conversations whose fetched messages are kept. */
const MAX_IDLE = 10;
/** How often, in milliseconds, it is asked what is new as long as nothing is told. */
const POLL = 10_000;

export interface ClientOptions {
  readonly userId: string;
  readonly api: Api;
  /** None for admins: nothing is told to them. */
  readonly channels: Channels | null;
  /** Where unsent messages outlive the page; the browser's storage if it is not given. */
  readonly outbox?: Outbox;
}

/** A conversation that is open, with all that belongs to it. */
export interface OpenConversation {
  readonly thread: Thread;
  readonly outgoing: Outgoing;
  readonly reader: Reader;
  readonly typing: OwnTyping;
}

interface HeldConversation extends OpenConversation {
  holders: number;
  close: (() => void) | null;
}

export class MessagingClient {
  readonly userId: string;
  readonly api: Api;
  readonly inbox: Inbox;
  readonly connection: Observable<Connection>;
  readonly #channels: Channels | null;
  readonly #outbox: Outbox;
  /** Whether the connection, if there is one, is known to be alive. */
  readonly #trusted = new Observable(true);
  readonly #open = new Map<string, HeldConversation>();
  readonly #presences = new Map<string, { isHere: Observable<boolean>; holders: number; close: () => void }>();

  constructor({ userId, api, channels, outbox = browserOutbox(userId) }: ClientOptions) {
    this.userId = userId;
    this.api = api;
    this.inbox = new Inbox(api);
    this.#channels = channels;
    this.#outbox = outbox;
    this.connection = channels?.connection ?? new Observable<Connection>("connected");
  }

  /** Begins to listen, and to send what an earlier page could not. Returns its end. */
  start(): () => void {
    const channels = this.#channels;
    const unwatchOutbox = this.#outbox.watch((key) => {
      for (const { outgoing } of this.#open.values()) outgoing.forget(key);
    });
    const stop = () => {
      unwatchOutbox();
      for (const { outgoing } of this.#open.values()) outgoing.stop();
    };
    this.#resume();
    if (!channels) {
      void this.inbox.refresh();
      return stop;
    }
    // Without a connection there is no subscription to wait for; when there is, the list is fetched again.
    if (channels.connection.get() !== "connected") void this.inbox.refresh();
    const unlisten = this.inbox.listen(channels, this.userId, this.#trusted);
    const unwatch = channels.connection.watch(() => {
      if (channels.connection.get() === "connected") this.#resume();
    });
    const poll = setInterval(() => {
      if (channels.connection.get() !== "connected") this.#look();
    }, POLL);
    const unwake = watchWakeUp(() => void this.resync());
    return () => {
      unwake();
      clearInterval(poll);
      unwatch();
      unlisten();
      stop();
    };
  }

  /** Fetches news after the page may have been suspended; not live until the connection has answered. */
  readonly resync: () => Promise<void> = coalesced(async () => {
    this.#trusted.set(false);
    this.#look();
    this.#resume();
    await this.#channels?.check?.();
    this.#trusted.set(true);
  });

  #look(): void {
    void this.inbox.refresh();
    for (const { thread, holders } of this.#open.values()) if (holders > 0) void thread.catchUp();
  }

  /** Sends what is kept, also what another tab or an earlier page has left. */
  #resume(): void {
    for (const { conversationId } of this.#outbox.list()) this.#held(conversationId);
    for (const { outgoing } of this.#open.values()) outgoing.resume();
  }

  /** Ends the connection for good. */
  disconnect(): void {
    this.#channels?.disconnect();
  }

  /** A conversation, which is open until everybody who holds it has let go of it. */
  conversation(id: string): OpenConversation {
    return this.#held(id);
  }

  hold(id: string): () => void {
    const held = this.#held(id);
    if (held.holders === 0) held.close = held.thread.open();
    held.holders += 1;
    return () => {
      held.holders -= 1;
      if (held.holders > 0) return;
      held.close?.();
      held.close = null;
      held.typing.stopped();
      held.reader.close();
      this.#forgetOldest();
    };
  }

  /** Whether the other side is looking at a conversation, and the end of watching it. */
  watchPresence(id: string): { isHere: Observable<boolean>; close: () => void } {
    let watched = this.#presences.get(id);
    if (!watched) {
      const isHere = new Observable(false);
      const close = this.#channels
        ? watchPresence(this.#channels, id, this.userId, (now) => isHere.set(now))
        : () => {};
      watched = { isHere, holders: 0, close };
      this.#presences.set(id, watched);
    }
    const { isHere, close } = watched;
    watched.holders += 1;
    return {
      isHere,
      close: () => {
        watched.holders -= 1;
        if (watched.holders > 0) return;
        this.#presences.delete(id);
        close();
      },
    };
  }

  #held(id: string): HeldConversation {
    const held = this.#open.get(id) ?? this.#make(id);
    // What was asked for last is forgotten last.
    this.#open.delete(id);
    this.#open.set(id, held);
    return held;
  }

  #make(id: string): HeldConversation {
    const { api, inbox } = this;
    const { conversations } = inbox;
    const send = async (content: string, key: string): Promise<Message> => {
      try {
        return (await api.sendMessage(id, content, key)).data;
      } catch (error) {
        // What was refused may have changed: blocked, closed.
        conversations.refetch(id);
        throw error;
      }
    };
    const outgoing = new Outgoing({
      conversationId: id,
      outbox: this.#outbox,
      send,
      arrived: (message) => thread.take(message),
    });
    const thread = new Thread(id, {
      api,
      channels: this.#channels,
      conversations,
      outgoing,
      userId: this.userId,
      trusted: this.#trusted,
    });
    const reader = new Reader(
      async (upTo) => (await api.markRead(id, upTo.id)).data,
      (marked, { seq }) => {
        inbox.count({ conversationId: id, ...marked });
        const side = conversations.find(id)?.side;
        if (side && marked.readAt) conversations.adoptRead(id, side, { upToSeq: seq, readAt: marked.readAt });
      },
    );
    const typing = new OwnTyping((isTyping) => void api.tellTyping(id, isTyping).catch(() => {}));
    return { thread, outgoing, reader, typing, holders: 0, close: null };
  }

  /** Keeps what is open, what is not sent, and what was open last. */
  #forgetOldest(): void {
    const idle = [...this.#open].filter(([, held]) => held.holders === 0 && held.outgoing.waiting.get().length === 0);
    for (const [id] of idle.slice(0, -MAX_IDLE)) this.#open.delete(id);
  }
}
