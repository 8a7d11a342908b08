// The messages in blocks, so that a new one, or a page of older ones, draws no other block again.

import type { Message } from "../../messaging";

const SIZE = 50;

export interface Block {
  readonly key: number;
  readonly messages: readonly Message[];
  /** The one before it, which says whether its first follows. */
  readonly before: Message | undefined;
}

/** Those of `known` that are the same, and new ones. */
export function blocksOf(messages: readonly Message[], known: readonly Block[]): readonly Block[] {
  const blocks: Block[] = [];
  const byKey = new Map(known.map((block) => [block.key, block]));
  for (let at = 0; at < messages.length; ) {
    const key = keyOf(messages[at]);
    let end = at + 1;
    while (end < messages.length && keyOf(messages[end]) === key) end += 1;
    const block = { key, messages: messages.slice(at, end), before: messages[at - 1] };
    const same = byKey.get(key);
    blocks.push(same && isSame(same, block) ? same : block);
    at = end;
  }
  return blocks;
}

const keyOf = (message: Message | undefined) => Math.floor(((message?.seq ?? 1) - 1) / SIZE);

function isSame(a: Block, b: Block): boolean {
  const isSameMessage = (message: Message, at: number) => message === b.messages[at];
  return a.before === b.before && a.messages.length === b.messages.length && a.messages.every(isSameMessage);
}
