// What is known of a conversation, from answers and events that come in any order.

import type { BothSides, Conversation, Message, ReadMark, Side } from "./wire";

/** A conversation, and as which call it was asked for. */
export interface Known extends Conversation {
  readonly asked: number;
}

/** Of two views of a conversation, all that is newest. */
export function newest(one: Known, other: Known | undefined): Known {
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
export function withRead(known: Known, side: Side, { upToSeq, readAt }: ReadMark): Known {
  const reads = newestReads(known.reads, { ...known.reads, [side]: { upToSeq, readAt } });
  return reads === known.reads ? known : { ...known, reads };
}

/** What a message says of its conversation. */
export function withLast(known: Known, { seq, content, createdAt, senderId }: Message): Known {
  if (seq <= seqOf(known)) return known;
  return { ...known, lastMessage: { seq, content, createdAt, senderId }, lastMessageAt: createdAt };
}

function newestReads(some: BothSides<ReadMark | null>, others: BothSides<ReadMark | null>) {
  const pick = (side: Side) => ((others[side]?.upToSeq ?? 0) > (some[side]?.upToSeq ?? 0) ? others[side] : some[side]);
  const [client, agent] = [pick("client"), pick("agent")];
  return client === some.client && agent === some.agent ? some : { client, agent };
}

const seqOf = (known: Known) => known.lastMessage?.seq ?? 0;

/** Those that are known in the order of the list, as `order` was: only what has changed finds its place anew. */
export function reordered(order: readonly Known[], known: ReadonlyMap<string, Known>): readonly Known[] {
  const same = order.filter((conversation) => known.get(conversation.id) === conversation);
  if (same.length === known.size) return same.length === order.length ? order : same;
  const stays = new Set(same);
  const changed = [...known.values()].filter((conversation) => !stays.has(conversation)).toSorted(byActivity);
  const next: Known[] = [];
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
