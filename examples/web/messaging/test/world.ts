// A server that answers on request, and a network that loses, repeats and breaks connections.
//
// Nothing happens by itself: requests wait until they are handled, answers until they arrive, frames until
// they are delivered. The order of a test's actions is the only source of variation.

import { vi } from "vitest";

import { Api } from "../api";
import type { Channels, Connection, Subscriber } from "../channels";
import { MessagingClient } from "../client";
import { Observable } from "../observable";
import type { Outbox, Unsent } from "../outbox";
import type { BothSides, Conversation, Message, ReadMark, Side } from "../wire";

export const ME = "me";
const OTHER = "other";

interface Stored {
  readonly id: string;
  readonly messages: Message[];
  readonly reads: Record<Side, ReadMark | null>;
  readonly createdAt: string;
  blockedBy: Side[];
}

interface Answered {
  readonly status: number;
  readonly body: unknown;
}

/** A request on its way to the server, and then its answer on the way back. */
export interface InFlight {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown> | null;
  /** The server's answer, once it is handled. */
  answer: Answered | null;
  readonly settle: (answered: Answered | null) => void;
}

interface Frame {
  readonly channel: string;
  readonly event: string;
  readonly data: unknown;
}

/** The conversations of a client, `ME`; the other side sends on the test's request. */
export class Server {
  readonly stored = new Map<string, Stored>();
  #clock = 0;

  open(id: string): void {
    this.stored.set(id, { id, messages: [], reads: { client: null, agent: null }, createdAt: this.#now(), blockedBy: [] });
  }

  append(id: string, senderId: string, content: string, key: string | null): { message: Message; isNew: boolean } {
    const { messages } = this.#find(id);
    const seen = messages.find((it) => key !== null && it.clientMessageId === key);
    if (seen) return { message: seen, isNew: false };
    const message: Message = {
      id: `${id}:${messages.length + 1}`,
      conversationId: id,
      seq: messages.length + 1,
      kind: "user",
      senderId,
      sender: { id: senderId, name: senderId, image: null },
      content,
      // Two consecutive messages share a millisecond.
      createdAt: this.#now(messages.length % 2 === 1),
      readAt: null,
      clientMessageId: key,
    };
    messages.push(message);
    return { message, isNew: true };
  }

  /** Returns whether the message is new. */
  read(id: string, side: Side, upToSeq: number): boolean {
    const stored = this.#find(id);
    if (upToSeq <= (stored.reads[side]?.upToSeq ?? 0)) return false;
    stored.reads[side] = { upToSeq, readAt: this.#now() };
    return true;
  }

  block(id: string, isBlocked: boolean): void {
    this.#find(id).blockedBy = isBlocked ? ["client"] : [];
  }

  view(id: string): Conversation {
    const { messages, reads, createdAt, blockedBy } = this.#find(id);
    const last = messages.at(-1);
    return {
      id,
      client: { id: ME, name: "Me", image: null },
      agent: { id: `agency-of-${id}`, userId: OTHER, businessName: `Agency of ${id}`, logo: null },
      booking: null,
      status: blockedBy.length > 0 ? "blocked" : "open",
      blockedBy: [...blockedBy],
      canSend: blockedBy.length === 0,
      side: "client",
      reads: { ...reads },
      createdAt,
      lastMessageAt: last?.createdAt ?? createdAt,
      lastMessage: last
        ? { seq: last.seq, content: last.content, createdAt: last.createdAt, senderId: last.senderId }
        : null,
      ...this.count(id),
      presence: { client: true, agent: null },
    };
  }

  count(id: string, side: Side = "client") {
    const { messages, reads } = this.#find(id);
    const own = side === "client" ? ME : OTHER;
    const inbox = messages.filter(({ senderId }) => senderId !== own);
    const read = inbox.filter(({ seq }) => seq <= (reads[side]?.upToSeq ?? 0)).length;
    return { unreadCount: inbox.length - read, unreadVersion: inbox.length + read };
  }

  list(): Conversation[] {
    const views = [...this.stored.keys()].map((id) => this.view(id));
    return views.toSorted((a, b) => (a.lastMessageAt < b.lastMessageAt || (a.lastMessageAt === b.lastMessageAt && a.id < b.id) ? 1 : -1));
  }

  unread(): number {
    return [...this.stored.keys()].reduce((sum, id) => sum + this.count(id).unreadCount, 0);
  }

  #find(id: string): Stored {
    const stored = this.stored.get(id);
    if (!stored) throw new Error(`there is no ${id}`);
    return stored;
  }

  #now(again = false): string {
    if (!again) this.#clock += 1;
    return new Date(Date.UTC(2026, 0, 1) + this.#clock).toISOString();
  }
}

/** The state of a browser; several tabs may share `kept` and their locks. */
export class MemoryOutbox implements Outbox {
  readonly #kept: Map<string, Unsent>;
  #turn: Promise<void> = Promise.resolve();
  readonly #watchers = new Set<(key: string) => void>();

  constructor(kept = new Map<string, Unsent>()) {
    this.#kept = kept;
  }

  list(): readonly Unsent[] {
    return [...this.#kept.values()].toSorted((a, b) => a.at - b.at);
  }

  put(unsent: Unsent): void {
    this.#kept.set(unsent.key, unsent);
  }

  remove(key: string): void {
    this.#kept.delete(key);
    for (const removed of this.#watchers) removed(key);
  }

  watch(removed: (key: string) => void): () => void {
    this.#watchers.add(removed);
    return () => void this.#watchers.delete(removed);
  }

  alone(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work);
    return this.#turn;
  }
}

export class World {
  readonly server: Server;
  readonly requests: InFlight[] = [];
  readonly frames: Frame[] = [];
  hasDropped = false;
  /** Whether requests fail while the connection is lost. */
  isOffline = true;
  /** The number of requests so far. */
  asked = 0;
  readonly #checks: (() => void)[] = [];
  readonly #delivered: Frame[] = [];
  readonly client: MessagingClient;
  readonly connection = new Observable<Connection>("connecting");
  readonly #subscribers = new Map<string, Subscriber>();
  readonly #subscribed = new Set<string>();
  /** The number of messages per page. */
  readonly #page: number;

  /** The server and the outbox may be those of another tab or of an earlier page. */
  constructor({ conversations = ["a", "b"], page = 3, server = new Server(), outbox = new MemoryOutbox() } = {}) {
    this.server = server;
    for (const id of conversations) if (!server.stored.has(id)) server.open(id);
    this.#page = page;
    const api = new Api({ base: "/api", fetch: ((path: string, init: RequestInit) => this.#fetch(path, init)) as typeof fetch });
    const channels: Channels = {
      connection: this.connection,
      subscribe: (channel, subscriber) => {
        this.#subscribers.set(channel, subscriber);
        if (this.connection.get() === "connected") this.#ask(channel);
        return () => {
          this.#subscribers.delete(channel);
          this.#subscribed.delete(channel);
        };
      },
      check: () => new Promise((resolve) => this.#checks.push(resolve)),
      disconnect: () => {},
    };
    this.client = new MessagingClient({ userId: ME, api, channels, outbox });
  }

  // The network's actions.

  connect(): void {
    if (this.connection.get() === "connected") return;
    this.connection.set("connected");
    for (const channel of this.#subscribers.keys()) this.#ask(channel);
  }

  /** Loses all data on the way to the client. */
  cut(): void {
    if (this.connection.get() !== "connected") return;
    this.frames.length = 0;
    this.#subscribed.clear();
    for (const request of this.requests.splice(0)) request.settle(null);
    this.connection.set("lost");
  }

  /** Answers the ping, or reports the connection lost. */
  answerCheck(): void {
    for (const answered of this.#checks.splice(0)) answered();
  }

  handle(at = 0): void {
    const request = this.requests.filter(({ answer }) => !answer)[at];
    if (request) request.answer = this.#answer(request);
  }

  /** Delivers the answer, or loses it. */
  answer(at = 0, isLost = false): void {
    const answered = this.requests.filter(({ answer }) => answer)[at];
    if (!answered) return;
    this.requests.splice(this.requests.indexOf(answered), 1);
    answered.settle(isLost ? null : answered.answer);
  }

  /** Loses the request. */
  lose(at = 0): void {
    const request = this.requests.filter(({ answer }) => !answer)[at];
    if (!request) return;
    this.requests.splice(this.requests.indexOf(request), 1);
    request.settle(null);
  }

  deliver(): void {
    const frame = this.frames.shift();
    if (!frame) return;
    const subscriber = this.#subscribers.get(frame.channel);
    if (frame.event === "subscribed") {
      if (!subscriber) return;
      subscriber.ready(frame.channel.startsWith("presence-") ? [ME] : []);
      return;
    }
    this.#delivered.push(frame);
    subscriber?.on?.[frame.event]?.(frame.data as never);
  }

  /** Repeats an event, however old it is. */
  repeat(back = 0): void {
    const frame = this.#delivered.at(-1 - back);
    if (frame && this.#subscribed.has(frame.channel)) this.frames.unshift(frame);
  }

  /** Loses the event of the next message. After any other event, no later one would reveal the loss. */
  drop(): void {
    if (this.frames[0]?.event !== "new-message") return;
    this.frames.shift();
    this.hasDropped = true;
  }

  // The other side's actions.

  write(id: string, content: string): Message {
    const { message } = this.server.append(id, OTHER, content, null);
    this.#publish(message);
    return message;
  }

  otherReads(id: string): void {
    const upToSeq = this.server.stored.get(id)?.messages.length ?? 0;
    if (upToSeq > 0 && this.server.read(id, "agent", upToSeq)) this.#publishRead(id, "agent");
  }

  /** Adds a member to a presence channel, or removes one. */
  member(channel: string, what: "came" | "left", userId: string): void {
    this.#subscribers.get(channel)?.[what]?.(userId);
  }

  /** The other side blocks this side, or unblocks it. */
  otherBlocks(id: string): void {
    const stored = this.server.stored.get(id);
    if (!stored) return;
    stored.blockedBy = stored.blockedBy.length > 0 ? [] : ["agent"];
    const { status } = this.server.view(id);
    this.tell(`private-user-${ME}`, "conversation-updated", { conversationId: id, status, bookingId: null });
  }

  tell(channel: string, event: string, data: unknown): void {
    if (this.#subscribed.has(channel)) this.frames.push({ channel, event, data });
  }

  // Delivers everything that is on the way.

  async settle(): Promise<void> {
    for (let round = 0; round < 10_000; round += 1) {
      await flush();
      if (this.frames.length > 0) this.deliver();
      else if (this.requests.some(({ answer }) => answer)) this.answer();
      else if (this.requests.length > 0) this.handle();
      else return;
    }
    throw new Error("it does not come to rest");
  }

  #ask(channel: string): void {
    // Authorized at once: every later event is delivered after the success.
    this.#subscribed.add(channel);
    this.frames.push({ channel, event: "subscribed", data: null });
  }

  #fetch(path: string, init: RequestInit): Promise<Response> {
    return new Promise((resolve, reject) => {
      const settle = (answered: Answered | null) => {
        if (!answered) return reject(new TypeError("the network failed"));
        const { status, body } = answered;
        const text = async () => (body === null ? "" : JSON.stringify(body));
        resolve({ ok: status < 300, status, headers: new Headers(), text } as Response);
      };
      const body = init.body ? (JSON.parse(String(init.body)) as Record<string, unknown>) : null;
      this.requests.push({ method: init.method ?? "GET", path: path.slice("/api".length), body, answer: null, settle });
      this.asked += 1;
      if (this.connection.get() === "lost" && this.isOffline) this.lose(this.requests.filter(({ answer }) => !answer).length - 1);
    });
  }

  #answer({ method, path, body }: InFlight): Answered {
    const url = new URL(path, "http://server");
    const found = (data: unknown, meta?: unknown) => ({ status: 200, body: structuredClone({ success: true, data, meta }) });
    const id = String(body?.["conversationId"] ?? url.searchParams.get("conversationId") ?? url.pathname.split("/")[3] ?? "");
    if (id !== "" && !this.server.stored.has(id)) return refused(404, "not_found");
    switch (`${method} ${url.pathname.split("/").slice(0, 3).join("/")}`) {
      case "GET /messages":
        return found(this.#history(id, url.searchParams));
      case "PUT /messages/conversations":
      case "DELETE /messages/conversations":
        this.server.block(id, method === "PUT");
        return { status: 204, body: null };
      case "POST /messages": {
        const { canSend } = this.server.view(id);
        if (!canSend) return refused(403, "conversation_blocked");
        const { message, isNew } = this.server.append(id, ME, String(body?.["content"]), String(body?.["clientMessageId"]));
        if (isNew) this.#publish(message);
        return found(message);
      }
      case "POST /messages/read": {
        const message = this.server.stored.get(id)?.messages.find((it) => it.id === body?.["upTo"]);
        if (message && this.server.read(id, "client", message.seq)) this.#publishRead(id, "client");
        return found({ ...this.server.count(id), readAt: this.server.view(id).reads.client?.readAt ?? null });
      }
      case "GET /messages/unread":
        return found({ unreadCount: this.server.unread() });
      case "GET /messages/conversations": {
        if (url.pathname !== "/messages/conversations") return found(this.server.view(id));
        const from = Number(url.searchParams.get("cursor") ?? 0);
        const list = this.server.list();
        const data = list.slice(from, from + 30);
        const hasMore = list.length > from + 30;
        return found(data, { limit: 30, hasMore, nextCursor: hasMore ? `${from + 30}` : null });
      }
      default:
        return { status: 204, body: null };
    }
  }

  #history(id: string, query: URLSearchParams) {
    const all = this.server.stored.get(id)?.messages ?? [];
    const [older, newer] = [query.get("cursor"), query.get("after")];
    const rest = all.filter(({ seq }) => (newer === null ? seq < Number(older ?? Infinity) : seq > Number(newer)));
    const messages = newer === null ? rest.slice(-this.#page) : rest.slice(0, this.#page);
    const hasMore = rest.length > messages.length;
    return {
      conversation: this.server.view(id),
      messages,
      hasMore,
      nextCursor: hasMore && newer === null ? `${messages[0]?.seq}` : null,
      newestCursor: `${messages.at(-1)?.seq ?? newer ?? 0}`,
    };
  }

  #publish(message: Message): void {
    const { conversationId: id, senderId } = message;
    this.tell(`private-conversation-${id}`, "new-message", message);
    if (senderId !== ME) {
      this.tell(`private-user-${ME}`, "new-message", { conversationId: id, message, side: "client", ...this.server.count(id) });
    }
  }

  #publishRead(id: string, side: Side): void {
    const reads: BothSides<ReadMark | null> = this.server.view(id).reads;
    this.tell(`private-conversation-${id}`, "message-read", { conversationId: id, side, ...reads[side] });
    if (side === "client") {
      this.tell(`private-user-${ME}`, "unread-changed", { conversationId: id, side, ...this.server.count(id) });
    }
  }
}

const refused = (status: number, code: string) => ({ status, body: { success: false, error: "Refused.", code } });

/** Runs all pending work, without advancing time. */
export const flush = () => vi.advanceTimersByTimeAsync(0);
