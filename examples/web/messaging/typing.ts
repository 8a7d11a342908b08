// Typing indicators. Losing one does no harm.

import { Observable } from "./observable";

/** The interval at which continued typing is announced, and the pause after which typing has stopped; in milliseconds. */
const REPEAT_INTERVAL = 3000;
const IDLE = REPEAT_INTERVAL + 1000;
/** The minimum time between two announcements of a start. */
const GAP = 1000;
/** How long an announcement of the other side is valid. */
const EXPIRES_AFTER = 6000;

/** Whether the other side is typing; expires without further announcements. */
export class OtherTyping {
  readonly isTyping = new Observable(false);
  #end: ReturnType<typeof setTimeout> | undefined;

  set(isTyping: boolean): void {
    clearTimeout(this.#end);
    if (isTyping) this.#end = setTimeout(() => this.isTyping.set(false), EXPIRES_AFTER);
    this.isTyping.set(isTyping);
  }
}

/** Announces that this user is typing, at most as often as a server may allow. */
export class OwnTyping {
  readonly #tell: (isTyping: boolean) => void;
  /** Whether the last announcement was a start. */
  #isAnnounced = false;
  #announcedAt = Number.NEGATIVE_INFINITY;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #soon: ReturnType<typeof setTimeout> | undefined;

  constructor(tell: (isTyping: boolean) => void) {
    this.#tell = tell;
  }

  /** Call on every key stroke. */
  typed(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.stopped(), IDLE);
    const wait = this.#announcedAt + (this.#isAnnounced ? REPEAT_INTERVAL : GAP) - Date.now();
    if (wait <= 0) this.#say(true);
    else if (!this.#isAnnounced) this.#soon ??= setTimeout(() => this.#say(true), wait);
  }

  /** The text was cleared, or the user has stopped typing. */
  stopped(): void {
    const wasAnnounced = this.#isAnnounced;
    this.sent();
    if (wasAnnounced) this.#say(false);
  }

  /** The text was sent; the message itself ends the typing. */
  sent(): void {
    clearTimeout(this.#idle);
    this.#forgetSoon();
    this.#isAnnounced = false;
  }

  #say(isTyping: boolean): void {
    this.#forgetSoon();
    this.#isAnnounced = isTyping;
    this.#announcedAt = Date.now();
    this.#tell(isTyping);
  }

  #forgetSoon(): void {
    clearTimeout(this.#soon);
    this.#soon = undefined;
  }
}
