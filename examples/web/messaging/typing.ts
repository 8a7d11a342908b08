// Who is typing. Nobody misses it if it gets lost.

import { Observable } from "./observable";

/** How often it is told that somebody goes on typing, and for how long it is believed. */
const EVERY = 3000;
const IDLE = EVERY + 1000;
const LASTS = 6000;

/** Whether the other side is typing. It ends by itself when nothing more is heard. */
export class OtherTyping {
  readonly isTyping = new Observable(false);
  #end: ReturnType<typeof setTimeout> | undefined;

  set(isTyping: boolean): void {
    clearTimeout(this.#end);
    if (isTyping) this.#end = setTimeout(() => this.isTyping.set(false), LASTS);
    this.isTyping.set(isTyping);
  }
}

/** Tells that this user is typing, not more often than it is of use. */
export class OwnTyping {
  readonly #tell: (isTyping: boolean) => void;
  #told = Number.NEGATIVE_INFINITY;
  #idle: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (isTyping: boolean) => void) {
    this.#tell = tell;
  }

  /** To be called with each stroke. */
  typed(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.stopped(), IDLE);
    if (Date.now() - this.#told < EVERY) return;
    this.#told = Date.now();
    this.#tell(true);
  }

  /** The text has been sent, or is gone. */
  stopped(): void {
    clearTimeout(this.#idle);
    if (this.#told !== Number.NEGATIVE_INFINITY) this.#tell(false);
    this.#told = Number.NEGATIVE_INFINITY;
  }
}
