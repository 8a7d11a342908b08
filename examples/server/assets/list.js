// The list of conversations, and what is told to this user.

import { render } from "./draw.js";
import { RETRY_AFTER, api, coalesced, subscribe } from "./server.js";
import { state } from "./state.js";

const { list, rows } = state;
let retry = null;

const refresh = coalesced(async () => {
  clearTimeout(retry);
  retry = null;
  const before = new Map(Array.from(rows.values(), (row) => [row.id, row.lastMessageAt]));
  try {
    const [page, total] = await Promise.all([
      api("GET", "/messages/conversations?limit=30"),
      api("GET", "/messages/unread"),
    ]);
    merge(before, page);
    adoptTotal(total);
  } catch {
    retry = setTimeout(refreshList, RETRY_AFTER);
  }
});

/** Fetches the list's first page, and says that the list is live if that is so. */
export async function refreshList() {
  await refresh();
  list.live = list.subscribed && retry === null;
  render();
}

/** Takes the first page: it says all about the conversations whose activity is in its range. */
function merge(before, { data, meta, asked }) {
  const shown = new Set(data.map(({ id }) => id));
  const isInRange = (at) => !meta.hasMore || at > data.at(-1).lastMessageAt;
  for (const [id, at] of before) if (!shown.has(id) && isInRange(at)) rows.delete(id);
  for (const conversation of data) adopt(conversation, asked);
  // Where it meets what is known already, everything down to the cursor is known.
  const meets = list.loaded && data.some(({ id, lastMessageAt }) => before.get(id) === lastMessageAt);
  if (!meets || !meta.hasMore) Object.assign(list, { cursor: meta.nextCursor, hasMore: meta.hasMore });
  list.loaded = true;
}

const refreshTotal = coalesced(async () => adoptTotal(await api("GET", "/messages/unread")));

function adoptTotal({ data, asked }) {
  if (asked < list.totalAsked) return;
  Object.assign(list, { total: data.unreadCount, totalAsked: asked });
  render();
}

export async function showMore() {
  const { cursor } = list;
  const { data, meta, asked } = await api("GET", `/messages/conversations?limit=30&cursor=${encodeURIComponent(cursor)}`);
  for (const conversation of data) adopt(conversation, asked);
  if (list.cursor === cursor) Object.assign(list, { cursor: meta.nextCursor, hasMore: meta.hasMore });
}

/** Takes a conversation as the server showed it when asked, without anything older than what is known. */
export function adopt(conversation, asked) {
  const { id } = conversation;
  const open = state.thread?.id === id ? state.thread : null;
  const row = newest({ ...conversation, asked }, rows.get(id) ?? open?.conversation);
  rows.set(id, row);
  if (open) open.conversation = row;
  render();
}

/** Of two views of a conversation, all that is newest. */
function newest(one, other) {
  if (!other) return one;
  const [older, newer] = one.asked < other.asked ? [one, other] : [other, one];
  const byActivity = older.lastMessageAt.localeCompare(newer.lastMessageAt);
  const hasLast = byActivity > 0 || (byActivity === 0 && older.unreadVersion > newer.unreadVersion);
  const { lastMessage, lastMessageAt } = hasLast ? older : newer;
  const { unreadCount, unreadVersion } = older.unreadVersion > newer.unreadVersion ? older : newer;
  const row = { ...newer, reads: { ...newer.reads }, lastMessage, lastMessageAt, unreadCount, unreadVersion };
  adoptReads(row, older.reads);
  return row;
}

export function adoptReads(conversation, reads) {
  for (const side of ["client", "agent"]) {
    const [known, told] = [conversation.reads[side], reads[side]];
    if (told && told.upToSeq > (known?.upToSeq ?? 0)) {
      conversation.reads[side] = { upToSeq: told.upToSeq, readAt: told.readAt };
    }
  }
}

const refetches = new Map();

/** Fetches one conversation; never twice at the same time. */
export function refetch(id) {
  if (!refetches.has(id)) {
    refetches.set(id, coalesced(async () => {
      try {
        const { data, asked } = await api("GET", `/messages/conversations/${id}`);
        adopt(data, asked);
      } catch {
        refreshList();
      }
    }));
  }
  return refetches.get(id)();
}

export function adoptCount(id, { unreadCount, unreadVersion }) {
  const row = rows.get(id);
  if (!row) return refetch(id);
  if (unreadVersion <= row.unreadVersion) return;
  Object.assign(row, { unreadCount, unreadVersion });
  if (list.hasMore) refreshTotal().catch(() => {});
  render();
}

export function adoptLast(message) {
  const row = rows.get(message.conversationId);
  const last = row?.lastMessage;
  if (!row || last?.createdAt > message.createdAt || last?.seq > message.seq) return;
  row.lastMessage = message;
  row.lastMessageAt = message.createdAt;
}

/** Begins to listen to what is told to this user. */
export function listen() {
  subscribe(`private-user-${state.me.id}`, {
    ready: () => {
      list.subscribed = true;
      refreshList();
    },
    refused: refreshList,
    "new-message": (event) => {
      if (event.truncated || event.message.truncated) refetch(event.conversationId);
      else adoptLast(event.message);
      adoptCount(event.conversationId, event);
    },
    "unread-changed": (event) => adoptCount(event.conversationId, event),
    "conversation-updated": (event) => refetch(event.conversationId),
  });
}
