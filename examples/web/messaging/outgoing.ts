// What has been written in a conversation and is not known to have arrived.

import { ApiError } from "./api";
import { Observable } from "./observable";
import type { Message } from "./wire";

/** After how many milliseconds a send that failed for now is repeated; then it waits for somebody. */
const REPEATS = [1000, 2000, 4000, 8000, 15_000];

export interface OutgoingMessage {
  /** The client message id: however often it is sent with it, it becomes one message. */
  readonly key: string;
  readonly content: string;
  readonly state: "sending" | "failed";
  /** Why it failed, for a person. */
  readonly error: string | null;
}

export class Outgoing {
  readonly waiting = new Observable<readonly OutgoingMessage[]>([]);
  readonly #send: (content: string, key: string) => Promise<Message>;
  readonly #arrived: (message: Message) => void;
  #isRunning = false;
  #wake: (() => void) | null = null;

  /** `arrived` is told each message that the server has acknowledged. */
  constructor(
    send: (content: string, key: string) => Promise<Message>,
    arrived: (message: Message) => void,
  ) {
    this.#send = send;
    this.#arrived = arrived;
  }

  send(content: string): void {
    const out: OutgoingMessage = { key: newKey(), content, state: "sending", error: null };
    this.waiting.set([...this.waiting.get(), out]);
    void this.#run();
  }

  /** Sends what has failed once more. */
  retry(key: string): void {
    this.#put(key, { state: "sending", error: null });
    void this.#run();
  }

  discard(key: string): void {
    this.waiting.set(this.waiting.get().filter((out) => out.key !== key));
  }

  /** What the server has is no longer on its way. */
  acknowledge(messages: readonly Message[]): void {
    const waiting = this.waiting.get();
    if (waiting.length === 0) return;
    const arrived = new Set(messages.map(({ clientMessageId }) => clientMessageId));
    const left = waiting.filter(({ key }) => !arrived.has(key));
    if (left.length < waiting.length) this.waiting.set(left);
  }

  /** The connection is back: nothing needs to wait any longer. */
  reconnected(): void {
    this.#wake?.();
  }

  /** One after the other, so that they arrive as they were written. */
  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let out = this.#first(); out; out = this.#first()) await this.#deliver(out);
    this.#isRunning = false;
  }

  #first(): OutgoingMessage | undefined {
    return this.waiting.get().find(({ state }) => state === "sending");
  }

  #isWaiting(key: string): boolean {
    return this.waiting.get().some((out) => out.key === key);
  }

  async #deliver({ key, content }: OutgoingMessage): Promise<void> {
    for (let attempt = 0; this.#isWaiting(key); attempt += 1) {
      try {
        const message = await this.#send(content, key);
        this.acknowledge([message]);
        return this.#arrived(message);
      } catch (error) {
        const wait = error instanceof ApiError && error.isTransient ? REPEATS[attempt] : undefined;
        if (wait === undefined) return this.#put(key, { state: "failed", error: sentence(error) });
        const retryAfter = error instanceof ApiError ? (error.retryAfter ?? 0) : 0;
        await this.#pause(Math.max(wait, retryAfter * 1000));
      }
    }
  }

  #pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #put(key: string, change: Partial<OutgoingMessage>): void {
    this.waiting.set(this.waiting.get().map((out) => (out.key === key ? { ...out, ...change } : out)));
  }
}

const sentence = (error: unknown) => (error instanceof Error ? error.message : "It could not be sent.");

const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
