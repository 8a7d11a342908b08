// Telling the server what has been seen.

import { ApiError } from "./api";
import { RETRY_AFTER } from "./coalesce";
import type { Marked, Message } from "./wire";

/** Marks what was seen as read: one call at a time, and always the newest. */
export class Reader {
  readonly #mark: (upTo: Message) => Promise<Marked>;
  readonly #marked: (marked: Marked, upTo: Message) => void;
  #seen: Message | null = null;
  #told = 0;
  #isTelling = false;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(mark: (upTo: Message) => Promise<Marked>, marked: (marked: Marked, upTo: Message) => void) {
    this.#mark = mark;
    this.#marked = marked;
  }

  /** This message, and so all before it, has been seen; up to `known` the server knows that already. */
  saw(message: Message, known: number): void {
    this.#told = Math.max(this.#told, known);
    if (message.seq <= this.#told) return;
    if (message.seq > (this.#seen?.seq ?? 0)) this.#seen = message;
    void this.#tell();
  }

  close(): void {
    clearTimeout(this.#retry);
  }

  async #tell(): Promise<void> {
    if (this.#isTelling) return;
    clearTimeout(this.#retry);
    this.#isTelling = true;
    try {
      while (this.#seen && this.#seen.seq > this.#told) {
        const upTo = this.#seen;
        const marked = await this.#mark(upTo);
        this.#told = upTo.seq;
        this.#marked(marked, upTo);
      }
    } catch (error) {
      // What is refused now would be refused again.
      if (error instanceof ApiError && !error.isTransient) return;
      this.#retry = setTimeout(() => void this.#tell(), RETRY_AFTER);
    } finally {
      this.#isTelling = false;
    }
  }
}
