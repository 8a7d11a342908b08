// One user's messaging: one connection, one list, and the conversations that are open.

import type { Api } from "./api";
import type { Channels, Connection } from "./channels";
import { Inbox } from "./inbox";
import { Observable } from "./observable";
import { Outgoing } from "./outgoing";
import { watchPresence } from "./presence";
import { Reader } from "./reader";
import { Thread } from "./thread";
import { OwnTyping } from "./typing";
import type { Message } from "./wire";

/** How many conversations that are no longer open keep what has been fetched of them. */
const KEPT = 10;

export interface ClientOptions {
  readonly userId: string;
  readonly api: Api;
  /** None for admins: nothing is told to them. */
  readonly channels: Channels | null;
}

/** A conversation that is open, with all that belongs to it. */
export interface OpenConversation {
  readonly thread: Thread;
  readonly outgoing: Outgoing;
  readonly reader: Reader;
  readonly typing: OwnTyping;
}

interface Held extends OpenConversation {
  holders: number;
  close: (() => void) | null;
}

export class MessagingClient {
  readonly userId: string;
  readonly api: Api;
  readonly inbox: Inbox;
  readonly connection: Observable<Connection>;
  readonly #channels: Channels | null;
  readonly #open = new Map<string, Held>();
  readonly #presences = new Map<string, { isHere: Observable<boolean>; holders: number; close: () => void }>();

  constructor({ userId, api, channels }: ClientOptions) {
    this.userId = userId;
    this.api = api;
    this.inbox = new Inbox(api);
    this.#channels = channels;
    this.connection = channels?.connection ?? new Observable<Connection>("connected");
  }

  /** Begins to listen. Returns its end. */
  start(): () => void {
    const channels = this.#channels;
    if (!channels) {
      void this.inbox.refresh();
      return () => {};
    }
    // Without a connection there is no subscription to wait for; when there is, the list is fetched again.
    if (channels.connection.get() !== "connected") void this.inbox.refresh();
    const unlisten = this.inbox.listen(channels, this.userId);
    const unwatch = channels.connection.watch(() => {
      if (channels.connection.get() !== "connected") return;
      for (const { outgoing } of this.#open.values()) outgoing.reconnected();
    });
    return () => {
      unwatch();
      unlisten();
    };
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

  #held(id: string): Held {
    const held = this.#open.get(id) ?? this.#make(id);
    // What was asked for last is forgotten last.
    this.#open.delete(id);
    this.#open.set(id, held);
    return held;
  }

  #make(id: string): Held {
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
    const outgoing = new Outgoing(send, (message) => thread.take(message));
    const thread = new Thread(id, { api, channels: this.#channels, conversations, outgoing, userId: this.userId });
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
    for (const [id] of idle.slice(0, -KEPT)) this.#open.delete(id);
  }
}
