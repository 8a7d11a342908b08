// The connection of pusher-js: whether it is there, whether it still answers, and that it is never given up.

import type Pusher from "pusher-js";

import { Observable } from "./observable";

/** How long a connection may take to answer, or to be made, before another one is tried. */
const ANSWERS_WITHIN = 5000;
/** After how long pusher-js, once it has given up, is made to try again: at first, and at most. */
const FIRST_WAIT = 10_000;
const LONGEST_WAIT = 300_000;
/** After how long a connection was a good one, so that the next wait is short again. */
const STABLE_AFTER = 60_000;

/** `connecting` until it is connected for the first time, and `lost` whenever it is not any more. */
export type Connection = "connecting" | "connected" | "lost";

export class PusherConnection {
  readonly state = new Observable<Connection>("connecting");
  readonly #pusher: Pusher;
  #since = Date.now();
  #wait = FIRST_WAIT;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #isRestarting = false;
  #hasEnded = false;

  constructor(pusher: Pusher) {
    this.#pusher = pusher;
    pusher.connection.bind("state_change", ({ current }: { current: string }) => this.#changed(current));
    // A host may have made it earlier, for something else.
    if (!STARTING.has(pusher.connection.state)) this.#changed(pusher.connection.state);
  }

  /** Resolves when the connection has answered or is gone: one that does not answer is replaced. */
  check(): Promise<void> {
    const { connection } = this.#pusher;
    if (this.#hasEnded) return Promise.resolve();
    if (connection.state !== "connected") {
      // An attempt that began before the machine slept, or the wait before the next, may take a minute.
      if (Date.now() - this.#since >= ANSWERS_WITHIN) this.#restart();
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const heard = ({ event }: { event: string }) => event === "pusher:pong" && end();
      const end = () => {
        clearTimeout(timer);
        connection.unbind("message", heard);
        connection.unbind("state_change", end);
        resolve();
      };
      const timer = setTimeout(() => this.#restart(), ANSWERS_WITHIN);
      connection.bind("message", heard);
      connection.bind("state_change", end);
      this.#pusher.send_event("pusher:ping", {});
    });
  }

  /** Ends the connection for good. */
  disconnect(): void {
    this.#hasEnded = true;
    clearTimeout(this.#retry);
    this.#pusher.disconnect();
  }

  #changed(current: string): void {
    clearTimeout(this.#retry);
    if (this.state.get() === "connected" && Date.now() - this.#since >= STABLE_AFTER) this.#wait = FIRST_WAIT;
    this.#since = Date.now();
    if (current === "connected") this.state.set("connected");
    else if (this.state.get() === "connected" || !STARTING.has(current)) this.state.set("lost");
    if (STOPPED_STATES.has(current) && !this.#isRestarting && !this.#hasEnded) {
      this.#retry = setTimeout(() => this.#restart(), this.#wait);
      this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
    }
  }

  #restart(): void {
    const { connection } = this.#pusher;
    this.#isRestarting = true;
    this.#pusher.disconnect();
    // Before 8.2, a transport that has failed twice is never used again by the same strategy.
    (connection as unknown as { updateStrategy?(): void }).updateStrategy?.();
    this.#isRestarting = false;
    this.#pusher.connect();
  }
}

const STARTING: ReadonlySet<string> = new Set(["initialized", "connecting"]);
const STOPPED_STATES: ReadonlySet<string> = new Set(["failed", "disconnected"]);
