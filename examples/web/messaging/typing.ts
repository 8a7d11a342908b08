// Who is typing. Nobody misses it if it gets lost.

import { Observable } from "./observable";

/** How often it is told that somebody goes on typing, and for how long it is believed. */
const EVERY = 3000;
const IDLE = EVERY + 1000;
/** How long it is quiet between two times that somebody begins. */
const GAP = 1000;
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

/** Tells that this user is typing, not more often than it is of use, nor than a server may allow. */
export class OwnTyping {
  readonly #tell: (isTyping: boolean) => void;
  /** Whether it was told last that they type. */
  #isTold = false;
  #toldAt = Number.NEGATIVE_INFINITY;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #soon: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (isTyping: boolean) => void) {
    this.#tell = tell;
  }

  /** To be called with each stroke. */
  typed(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.stopped(), IDLE);
    const wait = this.#toldAt + (this.#isTold ? EVERY : GAP) - Date.now();
    if (wait <= 0) this.#say(true);
    else if (!this.#isTold) this.#soon ??= setTimeout(() => this.#say(true), wait);
  }

  /** There is nothing left of what was typed, or nobody goes on with it. */
  stopped(): void {
    const wasTold = this.#isTold;
    this.sent();
    if (wasTold) this.#say(false);
  }

  /** What was typed has been sent, which says by itself that the typing is over. */
  sent(): void {
    clearTimeout(this.#idle);
    this.#forgetSoon();
    this.#isTold = false;
  }

  #say(isTyping: boolean): void {
    this.#forgetSoon();
    this.#isTold = isTyping;
    this.#toldAt = Date.now();
    this.#tell(isTyping);
  }

  #forgetSoon(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
  }
}
