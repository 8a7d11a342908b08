// The messages in blocks, so that a new one, or a page of older ones, draws no other block again.

import type { Message } from "../../messaging";

const SIZE = 50;

export interface Block {
  readonly key: number;
  readonly messages: readonly Message[];
  /** The one before it, which says whether its first follows. */
  readonly before: Message | undefined;
}

/** Remembers the blocks of what it was asked for last, so that those that are the same stay the same. */
export class Blocks {
  #known = new Map<number, Block>();
  #messages: readonly Message[] = [];

  of(messages: readonly Message[]): readonly Block[] {
    // What is only longer is the same up to its last block.
    const isLonger = this.#messages.every((message, at) => message === messages[at]);
    const open = isLonger ? [...this.#known.values()].at(-1) : undefined;
    const blocks = open ? this.#known : new Map<number, Block>();
    const begin = open ? this.#messages.length - open.messages.length : 0;
    this.#messages = messages;
    for (let at = begin; at < messages.length; ) {
      const key = keyOf(messages[at]);
      let end = at + 1;
      while (end < messages.length && keyOf(messages[end]) === key) end += 1;
      const block = { key, messages: messages.slice(at, end), before: messages[at - 1] };
      const same = this.#known.get(key);
      blocks.set(key, same && isSame(same, block) ? same : block);
      at = end;
    }
    this.#known = blocks;
    return [...blocks.values()];
  }
}

const keyOf = (message: Message | undefined) => Math.floor(((message?.seq ?? 1) - 1) / SIZE);

function isSame(a: Block, b: Block): boolean {
  const isSameMessage = (message: Message, at: number) => message === b.messages[at];
  return a.before === b.before && a.messages.length === b.messages.length && a.messages.every(isSameMessage);
}
