// The conversation that is open.

import { render } from "./draw.js";
import { $, toast } from "./elements.js";
import { adopt, adoptCount, adoptLast, adoptReads } from "./list.js";
import { watch } from "./presence.js";
import { RETRY_AFTER, api, coalesced, isConnected, subscribe } from "./server.js";
import { state } from "./state.js";
import { showTyping, stopTyping } from "./typing.js";

export function openThread(id) {
  if (state.thread?.id === id) return;
  closeThread();
  if (!id) return render();
  const opened = {
    id,
    conversation: state.rows.get(id) ?? null,
    messages: [], // by seq
    known: new Set(), // their ids
    newestCursor: null, // behind what has been fetched
    olderCursor: null, // before what has been fetched
    oldestSeq: Infinity, // of what has been fetched
    retry: null, // of a catch-up that failed
    subscribed: false,
    live: false,
    typingUntil: null,
    present: false, // the other side is looking at it, too
    close: () => {},
  };
  state.thread = opened;
  const run = coalesced(() => catchUp(opened));
  opened.catchUp = async () => {
    await run();
    opened.live = opened.subscribed && opened.retry === null;
    render();
  };
  if (state.me.role !== "admin") {
    const unwatch = watch(id, (present) => {
      opened.present = present;
      render();
    });
    const unsubscribe = subscribe(`private-conversation-${id}`, {
      ready: () => {
        opened.subscribed = true;
        opened.catchUp();
      },
      refused: opened.catchUp, // that says whether there is anything to be had
      "new-message": (message) => {
        if (message.truncated) return opened.catchUp();
        if (message.senderId !== state.me.id) showTyping(opened, false);
        receive(opened, message);
      },
      "message-read": (event) => {
        if (!opened.conversation) return opened.catchUp();
        adoptReads(opened.conversation, { [event.side]: event });
        render();
      },
      "typing-start": (event) => event.userId !== state.me.id && showTyping(opened, true),
      "typing-stop": (event) => event.userId !== state.me.id && showTyping(opened, false),
    });
    opened.close = () => {
      unwatch();
      unsubscribe();
    };
  }
  // Without a connection there is no subscription to wait for; when there is, it catches up.
  if (!isConnected()) opened.catchUp();
  $("text").value = "";
  $("messages").replaceChildren();
  render();
  if (matchMedia("(hover: hover)").matches) $("text").focus();
}

function closeThread() {
  if (!state.thread) return;
  stopTyping();
  clearTimeout(state.thread.typingUntil);
  clearTimeout(state.thread.retry);
  state.thread.close();
  state.thread = null;
}

async function catchUp(it) {
  clearTimeout(it.retry);
  it.retry = null;
  try {
    if (it.newestCursor === null) await fetchNewest(it);
    else while (await fetchNewer(it));
    // An event was there before the first page, and more happened between them than a page holds.
    while (it.messages[0]?.seq < it.oldestSeq && isIncomplete(it) && (await fetchOlder(it)));
  } catch (error) {
    if (it !== state.thread) return;
    const isGone = [400, 404].includes(error.status); // there is nothing to be had
    if (isGone || it.newestCursor === null) toast(error.message);
    if (isGone) location.hash = "";
    else it.retry = setTimeout(it.catchUp, RETRY_AFTER);
  }
}

/** A page of the history, unless another conversation has been opened meanwhile. */
async function fetchPage(it, from) {
  if (it !== state.thread) return null;
  const { data, asked } = await api("GET", `/messages?conversationId=${it.id}&markRead=false&${from}`);
  if (it !== state.thread) return null;
  adopt(data.conversation, asked);
  return data;
}

async function fetchNewest(it) {
  const page = await fetchPage(it, "limit=50");
  if (!page) return;
  it.newestCursor = page.newestCursor;
  takeOlder(it, page);
}

async function fetchNewer(it) {
  const page = await fetchPage(it, `limit=100&after=${encodeURIComponent(it.newestCursor)}`);
  if (!page) return false;
  it.newestCursor = page.newestCursor;
  insert(it, page.messages);
  return page.hasMore && page.messages.length > 0;
}

async function fetchOlder(it) {
  const cursor = it.olderCursor;
  if (cursor === null) return false;
  const page = await fetchPage(it, `limit=50&cursor=${encodeURIComponent(cursor)}`);
  if (page && it.olderCursor === cursor) takeOlder(it, page);
  return page !== null;
}

function takeOlder(it, { messages, nextCursor }) {
  it.olderCursor = nextCursor;
  it.oldestSeq = messages[0]?.seq ?? it.oldestSeq;
  insert(it, messages);
}

export const showOlder = () => fetchOlder(state.thread);

/** Whether a seq is skipped. */
function isIncomplete({ messages, olderCursor }) {
  const before = (at) => (at > 0 ? messages[at - 1].seq : 0);
  return messages.some(({ seq }, at) => (at > 0 || olderCursor === null) && seq !== before(at) + 1);
}

/** Takes one message that was told, and fetches what is missing before it. */
export function receive(it, message) {
  const isNew = insert(it, [message]);
  if (isNew && it.newestCursor !== null && isIncomplete(it)) it.catchUp();
}

/** Puts messages where their seq says, each once. */
function insert(it, messages) {
  const isNew = messages.filter(({ id }) => !it.known.has(id));
  for (const message of messages) acknowledge(message);
  for (const message of isNew) {
    it.known.add(message.id);
    it.messages.push(message);
    adoptLast(message);
  }
  it.messages.sort((a, b) => a.seq - b.seq);
  render();
  if (it === state.thread) markRead(it);
  return isNew.length > 0;
}

/** What the server has is no longer on its way. */
export function acknowledge({ conversationId, clientMessageId }) {
  const sending = state.outgoing.get(conversationId);
  if (sending) sending.waiting = sending.waiting.filter(({ key }) => key !== clientMessageId);
}

/** What is on a visible page has been read. */
export async function markRead(it) {
  const side = it.conversation?.side;
  const newest = it.messages.findLast(({ senderId }) => senderId !== state.me.id);
  if (!side || !newest || document.visibilityState !== "visible" || it.marking) return;
  const isRead = newest.seq <= (it.conversation.reads[side]?.upToSeq ?? 0) && !it.conversation.unreadCount;
  if (isRead || newest.seq <= (it.markedSeq ?? 0)) return;
  it.marking = true;
  try {
    const { data } = await api("POST", "/messages/read", { conversationId: it.id, upTo: newest.id });
    it.markedSeq = newest.seq;
    adoptCount(it.id, data);
  } catch {
    setTimeout(() => it === state.thread && markRead(it), RETRY_AFTER);
    return;
  } finally {
    it.marking = false;
  }
  if (it === state.thread) markRead(it);
}
