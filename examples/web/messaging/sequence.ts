// Messages in the order of their seqs.

import type { Message } from "./wire";

/** Both together, of which neither has a message of the other. What comes last, as most does, is only appended. */
export function merged(messages: readonly Message[], some: readonly Message[]): readonly Message[] {
  const sorted = isSorted(some) ? some : some.toSorted(bySeq);
  const [first, last] = [sorted[0], sorted.at(-1)];
  const [oldest, newest] = [messages[0], messages.at(-1)];
  if (!first || !last) return messages;
  if (!oldest || !newest) return sorted;
  if (newest.seq < first.seq) return [...messages, ...sorted];
  if (last.seq < oldest.seq) return [...sorted, ...messages];
  return [...messages, ...sorted].toSorted(bySeq);
}

/** Whether a seq is skipped, from `first` on. */
export function hasGap(messages: readonly Message[], first: number): boolean {
  const last = messages.at(-1);
  return last !== undefined && last.seq - first + 1 !== messages.length;
}

const bySeq = (a: Message, b: Message) => a.seq - b.seq;

const isSorted = (messages: readonly Message[]) =>
  messages.every((message, at) => at === 0 || bySeq(messages[at - 1] ?? message, message) <= 0);
