// The known state of a conversation, from responses and events that arrive in any order.

import type { BothSides, Conversation, Message, ReadMark, Side } from "./wire";

/** A conversation with the number of the call that returned it. */
export interface KnownConversation extends Conversation {
  readonly asked: number;
}

/** Merges the newest parts of two views of a conversation. */
export function newest(one: KnownConversation, other: KnownConversation | undefined): KnownConversation {
  if (!other) return one;
  const [older, newer] = one.asked < other.asked ? [one, other] : [other, one];
  const { lastMessage, lastMessageAt } = seqOf(older) > seqOf(newer) ? older : newer;
  const { unreadCount, unreadVersion } = older.unreadVersion > newer.unreadVersion ? older : newer;
  const presence = newer.presence ?? older.presence;
  return {
    ...newer,
    reads: newestReads(newer.reads, older.reads),
    lastMessage,
    lastMessageAt,
    unreadCount,
    unreadVersion,
    ...(presence && { presence }),
  };
}

/** What an event says of how far a side has read. */
export function withRead(known: KnownConversation, side: Side, { upToSeq, readAt }: ReadMark): KnownConversation {
  const reads = newestReads(known.reads, { ...known.reads, [side]: { upToSeq, readAt } });
  return reads === known.reads ? known : { ...known, reads };
}

/** What a message says of its conversation. */
export function withLast(known: KnownConversation, { seq, content, createdAt, senderId }: Message): KnownConversation {
  if (seq <= seqOf(known)) return known;
  return { ...known, lastMessage: { seq, content, createdAt, senderId }, lastMessageAt: createdAt };
}

function newestReads(some: BothSides<ReadMark | null>, others: BothSides<ReadMark | null>) {
  const pick = (side: Side) => ((others[side]?.upToSeq ?? 0) > (some[side]?.upToSeq ?? 0) ? others[side] : some[side]);
  const [client, agent] = [pick("client"), pick("agent")];
  return client === some.client && agent === some.agent ? some : { client, agent };
}

const seqOf = (known: KnownConversation) => known.lastMessage?.seq ?? 0;

/** Those that are known in the order of the list, as `order` was: only what has changed finds its place anew. */
export function reordered(order: readonly KnownConversation[], known: ReadonlyMap<string, KnownConversation>): readonly KnownConversation[] {
  const same = order.filter((conversation) => known.get(conversation.id) === conversation);
  if (same.length === known.size) return same.length === order.length ? order : same;
  const stays = new Set(same);
  const changed = [...known.values()].filter((conversation) => !stays.has(conversation)).toSorted(byActivity);
  const next: KnownConversation[] = [];
  let at = 0;
  for (const conversation of changed) {
    for (let other = same[at]; other && byActivity(other, conversation) < 0; other = same[at]) {
      next.push(other);
      at += 1;
    }
    next.push(conversation);
  }
  return [...next, ...same.slice(at)];
}

/** The order of the list: by activity, the newest first. */
function byActivity(a: Conversation, b: Conversation): number {
  const activity = compare(b.lastMessageAt, a.lastMessageAt);
  return activity === 0 ? compare(b.id, a.id) : activity;
}

const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b));

export const otherSide = (side: Side): Side => (side === "client" ? "agent" : "client");
