// What has been written in a conversation and is not known to have arrived.

import { ApiError } from "./api";
import { Observable } from "./observable";
import type { Outbox, Unsent } from "./outbox";
import type { Message } from "./wire";

/** After how many milliseconds a send that failed for now is repeated. */
const REPEATS = [1000, 2000, 4000, 8000, 15_000];
/** After how many it is repeated from then on, as long as the server cannot be reached. */
const LATER = 30_000;

export interface OutgoingMessage {
  /** The client message id: however often it is sent with it, it becomes one message. */
  readonly key: string;
  readonly content: string;
  /** `waiting` for the server, which has not answered for a while, and `failed` for the user to decide. */
  readonly state: "sending" | "waiting" | "failed";
  /** Why it failed, for a person. */
  readonly error: string | null;
}

interface Written extends OutgoingMessage {
  readonly at: number;
}

export interface OutgoingParts {
  readonly conversationId: string;
  readonly outbox: Outbox;
  readonly send: (content: string, key: string) => Promise<Message>;
  /** Told each message that the server has acknowledged. */
  readonly arrived: (message: Message) => void;
}

export class Outgoing {
  readonly waiting = new Observable<readonly OutgoingMessage[]>([]);
  readonly #parts: OutgoingParts;
  #written: readonly Written[] = [];
  #isRunning = false;
  #isStopped = false;
  #wake: (() => void) | null = null;

  constructor(parts: OutgoingParts) {
    this.#parts = parts;
  }

  send(content: string): void {
    const { outbox, conversationId } = this.#parts;
    // Also behind what another tab has written, whatever the clock does.
    const at = Math.max(Date.now(), 1 + Math.max(0, ...outbox.list().map(lastOf), ...this.#written.map(lastOf)));
    const out: Written = { key: newKey(), content, state: "sending", error: null, at };
    outbox.put({ key: out.key, conversationId, content, at, error: null });
    this.#set([...this.#written, out]);
    void this.#run();
  }

  /** Sends what has failed once more. */
  retry(key: string): void {
    this.#put(key, { state: "sending", error: null });
    void this.#run();
  }

  discard(key: string): void {
    this.#parts.outbox.remove(key);
    this.forget(key);
  }

  /** Another tab has sent it or given it up. */
  forget(key: string): void {
    if (this.#isKnown(key)) this.#set(this.#written.filter((out) => out.key !== key));
  }

  /** What the server has is no longer on its way. */
  acknowledge(messages: readonly Message[]): void {
    if (this.#written.length === 0) return;
    const arrived = new Set(messages.map(({ clientMessageId }) => clientMessageId));
    const left = this.#written.filter(({ key }) => !arrived.has(key));
    if (left.length === this.#written.length) return;
    for (const { key } of this.#written) if (arrived.has(key)) this.#parts.outbox.remove(key);
    this.#set(left);
  }

  /** Goes on with what is kept, also that of another tab or of an earlier page: nothing needs to wait any longer. */
  resume(): void {
    this.#isStopped = false;
    this.#adopt();
    this.#wake?.();
    void this.#run();
  }

  /** Sends nothing more until it is resumed: the user may be another one by then. */
  stop(): void {
    this.#isStopped = true;
    this.#wake?.();
  }

  /** One after the other, so that they arrive as they were written. */
  async #run(): Promise<void> {
    if (this.#isRunning || !this.#first()) return;
    this.#isRunning = true;
    try {
      await this.#parts.outbox.alone(async () => {
        this.#adopt();
        for (let out = this.#first(); out; out = this.#first()) {
          await this.#deliver(out);
          this.#adopt();
        }
      });
    } finally {
      this.#isRunning = false;
    }
    // Something may have been written just when the last one was done.
    void this.#run();
  }

  #adopt(): void {
    const { outbox, conversationId } = this.#parts;
    const kept = outbox.list().filter((it) => it.conversationId === conversationId && !this.#isKnown(it.key));
    if (kept.length > 0) this.#set([...this.#written, ...kept.map(written)].toSorted((a, b) => a.at - b.at));
  }

  #first(): Written | undefined {
    return this.#isStopped ? undefined : this.#written.find(({ state }) => state !== "failed");
  }

  #isKnown(key: string): boolean {
    return this.#written.some((out) => out.key === key);
  }

  async #deliver({ key, content }: Written): Promise<void> {
    for (let attempt = 0; this.#isKnown(key) && !this.#isStopped; attempt += 1) {
      try {
        const message = await this.#parts.send(content, key);
        this.acknowledge([message]);
        return this.#parts.arrived(message);
      } catch (error) {
        const wait = waitAfter(error, attempt);
        if (wait === null) return this.#put(key, { state: "failed", error: sentence(error) });
        if (attempt === REPEATS.length) this.#put(key, { state: "waiting" });
        await this.#pause(wait, error instanceof ApiError && error.retryAfter !== null ? "whole" : "at most");
      }
    }
  }

  /** Whatever happens meanwhile, a server that says when to come again is not asked before. */
  #pause(milliseconds: number, pause: "whole" | "at most"): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wake = null;
        resolve();
      };
      const timer = setTimeout(wake, milliseconds);
      if (pause === "at most") this.#wake = wake;
    });
  }

  #put(key: string, change: Partial<Written>): void {
    const { outbox, conversationId } = this.#parts;
    this.#set(this.#written.map((out) => (out.key === key ? { ...out, ...change } : out)));
    const out = this.#written.find((it) => it.key === key);
    if (out) outbox.put({ key, conversationId, content: out.content, at: out.at, error: out.error });
  }

  #set(all: readonly Written[]): void {
    this.#written = all;
    this.waiting.set(all);
  }
}

const lastOf = ({ at }: { readonly at: number }) => at;

const written = ({ key, content, at, error }: Unsent): Written => ({
  key,
  content,
  state: error === null ? "sending" : "failed",
  error,
  at,
});

/** After how many milliseconds the same send may succeed; null if only the user can do something about it. */
function waitAfter(error: unknown, attempt: number): number | null {
  if (!(error instanceof ApiError) || !error.isTransient) return null;
  const wait = REPEATS[attempt] ?? (error.isUnreached ? LATER : null);
  return wait === null ? null : Math.max(wait, 1000 * (error.retryAfter ?? 0));
}

const sentence = (error: unknown) => (error instanceof Error ? error.message : "It could not be sent.");

const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
