// The HTTP API, as a client calls it.

import type { Access, Activity, Conversation, HistoryPage, ListMeta, Marked, Message, Report, ReportFile, ReportStatus, Unread } from "./wire";

const TIME_LIMIT = 15_000;

const UNREACHED: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/** What to count, and in what portions. */
export interface ActivityRequest {
  readonly from: Date;
  readonly to: Date;
  readonly bucket: "hour" | "day";
  /** The name of a time zone, by which hours and days are counted. */
  readonly tz: string;
  /** All agents where there is none. */
  readonly agentId?: string | undefined;
}

/** What the server refused, or that there was no answer. */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    message: string,
    /** The HTTP status; null when there was no answer: whether the request had an effect is unknown. */
    readonly status: number | null,
    /** Stable, for programs; null when the server gave none. */
    readonly code: string | null = null,
    /** In seconds, where the server says when to come again. */
    readonly retryAfter: number | null = null,
  ) {
    super(message);
  }

  /** Whether the same request may succeed later, unchanged. */
  get isTransient(): boolean {
    return this.status === null || this.status >= 500 || this.status === 429 || this.status === 408;
  }

  /** Whether there is at present no server that could answer, or none that has the time. */
  get isUnreached(): boolean {
    return this.status === null || UNREACHED.has(this.status);
  }
}

/** What was answered, and as which call it was asked: what was asked for later is not older. */
export interface Answer<T, M = undefined> {
  readonly data: T;
  readonly meta: M;
  readonly asked: number;
}

export interface ApiOptions {
  /** Where the routes are mounted, as in `/api`. */
  readonly base: string;
  /** Sent with each request, for hosts whose login is not a cookie. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly fetch?: typeof fetch;
}

export class Api {
  readonly #options: ApiOptions;
  #calls = 0;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  listConversations(limit: number, cursor: string | null) {
    const from = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    return this.#call<Conversation[], ListMeta>("GET", `/messages/conversations?limit=${limit}&presence=true${from}`);
  }

  findConversation(id: string) {
    return this.#call<Conversation>("GET", conversation(id));
  }

  openConversation(agentId: string, bookingId?: string) {
    return this.#call<Conversation>("POST", "/messages/conversations", { agentId, bookingId });
  }

  /** A page of the history, which marks nothing as read: the newest, or what is older or newer than a cursor. */
  listMessages(conversationId: string, limit: number, from: { older?: string; newer?: string } = {}) {
    const query = new URLSearchParams({ conversationId, limit: `${limit}`, markRead: "false" });
    if (from.older !== undefined) query.set("cursor", from.older);
    if (from.newer !== undefined) query.set("after", from.newer);
    return this.#call<HistoryPage>("GET", `/messages?${query}`);
  }

  /** With the same `clientMessageId` and text it can be repeated: there will be one message. */
  sendMessage(conversationId: string, content: string, clientMessageId: string) {
    return this.#call<Message>("POST", "/messages", { conversationId, content, clientMessageId });
  }

  markRead(conversationId: string, upTo: string) {
    return this.#call<Marked>("POST", "/messages/read", { conversationId, upTo });
  }

  countUnread() {
    return this.#call<Unread>("GET", "/messages/unread");
  }

  tellTyping(conversationId: string, typing: boolean) {
    return this.#call<null>("POST", "/messages/typing", { conversationId, typing });
  }

  setBlocked(id: string, blocked: boolean) {
    return this.#call<null>(blocked ? "PUT" : "DELETE", `${conversation(id)}/block`);
  }

  report(id: string, reason: string, messageId?: string) {
    return this.#call<Pick<Report, "id">>("POST", `${conversation(id)}/reports`, { reason, messageId });
  }

  /** For admins. */
  listReports(limit: number, status: ReportStatus | null, cursor: string | null) {
    const query = new URLSearchParams({ limit: `${limit}` });
    if (status !== null) query.set("status", status);
    if (cursor !== null) query.set("cursor", cursor);
    return this.#call<Report[], ListMeta>("GET", `/messages/admin/reports?${query}`);
  }

  /** For admins. */
  countActivity({ from, to, bucket, tz, agentId }: ActivityRequest) {
    const query = new URLSearchParams({ from: from.toISOString(), to: to.toISOString(), bucket, tz });
    if (agentId !== undefined) query.set("agentId", agentId);
    return this.#call<Activity[]>("GET", `/messages/admin/activity?${query}`);
  }

  /** For admins. */
  listAudit(limit: number, cursor: string | null) {
    const query = new URLSearchParams({ limit: `${limit}` });
    if (cursor !== null) query.set("cursor", cursor);
    return this.#call<Access[], ListMeta>("GET", `/messages/admin/audit?${query}`);
  }

  /** For admins. */
  findReport(id: string) {
    return this.#call<ReportFile>("GET", report(id));
  }

  /** For admins: a report that is already resolved or dismissed stays unchanged. */
  resolveReport(id: string, outcome: "resolved" | "dismissed", note: string | null) {
    const verb = outcome === "resolved" ? "resolve" : "dismiss";
    return this.#call<ReportFile>("POST", `${report(id)}/${verb}`, { note });
  }

  /** For admins: stops both sides from writing, or lets them again. */
  setClosed(id: string, closed: boolean) {
    const path = `/messages/admin/conversations/${encodeURIComponent(id)}/close`;
    return this.#call<null>(closed ? "PUT" : "DELETE", path);
  }

  async #call<T, M = undefined>(method: string, path: string, body?: object): Promise<Answer<T, M>> {
    const asked = (this.#calls += 1);
    const { base, headers, fetch: ask = fetch } = this.#options;
    const init: RequestInit = {
      method,
      headers: body ? { ...headers, "content-type": "application/json" } : { ...headers },
      signal: AbortSignal.timeout(TIME_LIMIT),
    };
    if (body) init.body = JSON.stringify(body);
    const response = await ask(base + path, init).catch(() => null);
    if (!response) throw new ApiError("The server cannot be reached.", null);
    // A body that breaks off is no answer either.
    const text = await response.text().catch(() => null);
    if (text === null) throw new ApiError("The server cannot be reached.", null);
    const answer = parse(text);
    if (response.ok) return { data: answer?.data as T, meta: answer?.meta as M, asked };
    const retryAfter = Number(response.headers.get("retry-after") ?? Number.NaN);
    throw new ApiError(
      answer?.error ?? "The server could not do that.",
      response.status,
      answer?.code ?? null,
      Number.isFinite(retryAfter) ? retryAfter : null,
    );
  }
}

interface Envelope {
  readonly data?: unknown;
  readonly meta?: unknown;
  readonly error?: string;
  readonly code?: string;
}

function parse(text: string): Envelope | null {
  try {
    return JSON.parse(text) as Envelope | null;
  } catch {
    return null;
  }
}

const report = (id: string) => `/messages/admin/reports/${encodeURIComponent(id)}`;
const conversation = (id: string) => `/messages/conversations/${encodeURIComponent(id)}`;
