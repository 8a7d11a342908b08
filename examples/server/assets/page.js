// One window of the example: one user, their conversations, and the one that is open.
//
// What is on the screen is right because of what this does, in this order: it subscribes to a channel first
// and fetches when the subscription has succeeded, each time that it succeeds; it drops messages that it has
// by their id; it fetches what is missing when a seq is skipped; and it ignores a count whose version is not
// greater than the one it has.

import { canSend, drawComposer, render } from "./draw.js";
import { $, attempt, avatar, element, label, toast } from "./elements.js";
import { RETRY_AFTER, api, call, coalesced, connect, isConnected, subscribe } from "./server.js";
import { state } from "./state.js";

const TYPING_EVERY = 3000;
const TYPING_LASTS = 6000;
const { list, rows } = state;

// ---- The list

const refreshList = coalesced(async () => {
  try {
    const [page, unread] = await Promise.all([
      api("GET", "/messages/conversations?limit=30"),
      api("GET", "/messages/unread"),
    ]);
    const kept = new Map(rows);
    rows.clear();
    page.data.forEach((conversation) => adopt(conversation, kept.get(conversation.id)));
    Object.assign(list, { cursor: page.meta.nextCursor, hasMore: page.meta.hasMore, loaded: true });
    list.total = unread.data.unreadCount;
    render();
  } catch {
    setTimeout(refreshList, RETRY_AFTER);
  }
});

const refreshTotal = coalesced(async () => {
  const { data } = await api("GET", "/messages/unread");
  list.total = data.unreadCount;
  render();
});

async function showMore() {
  const page = await api("GET", `/messages/conversations?limit=30&cursor=${encodeURIComponent(list.cursor)}`);
  page.data.forEach((conversation) => adopt(conversation));
  Object.assign(list, { cursor: page.meta.nextCursor, hasMore: page.meta.hasMore });
  render();
}

/** Takes a conversation as the server shows it, but never an older count or receipt than those known. */
function adopt(conversation, known = rows.get(conversation.id)) {
  if (known && known.unreadVersion > conversation.unreadVersion) {
    conversation.unreadCount = known.unreadCount;
    conversation.unreadVersion = known.unreadVersion;
  }
  if (known) adoptReads(conversation, known.reads);
  rows.set(conversation.id, conversation);
  if (state.thread?.id === conversation.id) state.thread.conversation = conversation;
  render();
}

function adoptReads(conversation, reads) {
  for (const side of ["client", "agent"]) {
    const [known, told] = [conversation.reads[side], reads[side]];
    if (told && told.upToSeq > (known?.upToSeq ?? 0)) {
      conversation.reads[side] = { upToSeq: told.upToSeq, readAt: told.readAt };
    }
  }
}

async function refetch(id) {
  try {
    adopt((await api("GET", `/messages/conversations/${id}`)).data);
  } catch {
    refreshList();
  }
}

function adoptCount(id, { unreadCount, unreadVersion }) {
  const row = rows.get(id);
  if (!row) return refetch(id);
  if (unreadVersion <= row.unreadVersion) return;
  Object.assign(row, { unreadCount, unreadVersion });
  if (list.hasMore) refreshTotal().catch(() => {});
  render();
}

function adoptLast(message) {
  const row = rows.get(message.conversationId);
  if (!row || (row.lastMessage && row.lastMessage.createdAt > message.createdAt)) return;
  row.lastMessage = message;
  row.lastMessageAt = message.createdAt;
}

// ---- What is told to this user

async function beTold() {
  await connect(showConnection);
  subscribe(`private-user-${state.me.id}`, refreshList, {
    "new-message": (event) => {
      if (event.truncated || event.message.truncated) refetch(event.conversationId);
      else adoptLast(event.message);
      adoptCount(event.conversationId, event);
    },
    "unread-changed": (event) => adoptCount(event.conversationId, event),
    "conversation-updated": (event) => refetch(event.conversationId),
  });
}

function showConnection(now) {
  const words = { connected: "Connected", connecting: "Connecting …", disconnected: "Disconnected" };
  $("connection").dataset.state = now;
  $("connection-text").textContent = words[now] ?? "No connection. Trying again …";
}

// ---- The conversation that is open

function openThread(id) {
  if (state.thread?.id === id) return;
  closeThread();
  if (!id) return render();
  const opened = {
    id,
    conversation: rows.get(id) ?? null,
    messages: [], // by seq
    known: new Set(), // their ids
    newestCursor: null,
    olderCursor: null,
    outgoing: [], // not acknowledged yet
    queue: Promise.resolve(),
    typingUntil: null,
    close: () => {},
  };
  state.thread = opened;
  opened.catchUp = coalesced(() => catchUp(opened));
  if (state.me.role !== "admin") {
    opened.close = subscribe(`private-conversation-${id}`, opened.catchUp, {
      "new-message": (message) => {
        if (message.truncated) return opened.catchUp();
        if (message.senderId !== state.me.id) showTyping(opened, false);
        insert(opened, [message]);
      },
      "message-read": (event) => {
        if (opened.conversation) adoptReads(opened.conversation, { [event.side]: event });
        render();
      },
      "typing-start": (event) => event.userId !== state.me.id && showTyping(opened, true),
      "typing-stop": (event) => event.userId !== state.me.id && showTyping(opened, false),
    });
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
  state.thread.close();
  state.thread = null;
}

async function catchUp(it) {
  try {
    for (let hasMore = true; hasMore && it === state.thread; ) {
      const first = it.newestCursor === null;
      const from = first ? "limit=50" : `limit=100&after=${encodeURIComponent(it.newestCursor)}`;
      const { data } = await api("GET", `/messages?conversationId=${it.id}&markRead=false&${from}`);
      if (it !== state.thread) return;
      it.newestCursor = data.newestCursor;
      if (first) it.olderCursor = data.nextCursor;
      hasMore = !first && data.hasMore;
      adopt(data.conversation, it.conversation ?? undefined);
      insert(it, data.messages);
    }
  } catch (error) {
    if (it !== state.thread) return;
    if (!it.newestCursor) toast(error.message);
    if ([400, 404].includes(error.status)) location.hash = ""; // there is nothing to be had
    else setTimeout(() => it === state.thread && it.catchUp(), RETRY_AFTER);
  }
}

async function showOlder() {
  const it = state.thread;
  const from = `cursor=${encodeURIComponent(it.olderCursor)}`;
  const { data } = await api("GET", `/messages?conversationId=${it.id}&markRead=false&limit=50&${from}`);
  if (it !== state.thread) return;
  it.olderCursor = data.nextCursor;
  insert(it, data.messages);
}

/** Puts messages where their seq says, each once, and fetches what is missing between them. */
function insert(it, messages) {
  for (const message of messages) {
    it.outgoing = it.outgoing.filter((out) => out.key !== message.clientMessageId);
    if (it.known.has(message.id)) continue;
    it.known.add(message.id);
    it.messages.push(message);
    adoptLast(message);
  }
  it.messages.sort((a, b) => a.seq - b.seq);
  const isGap = it.messages.some(({ seq }, at) => at > 0 && seq !== it.messages[at - 1].seq + 1);
  if (it.newestCursor !== null && isGap) it.catchUp();
  render();
  if (it === state.thread) markRead(it);
}

/** What is on a visible page has been read. */
async function markRead(it) {
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

// ---- Writing

function send() {
  const content = $("text").value;
  if (!canSend(content)) return;
  const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  const it = state.thread;
  const out = { key, content, failed: false, deliver: () => deliver(it, out) };
  it.outgoing.push(out);
  $("text").value = "";
  stopTyping();
  render({ toEnd: true });
  out.deliver();
}

/** One after the other, so that they arrive as they were written; the key makes a repetition harmless. */
function deliver(it, out) {
  out.failed = false;
  render();
  it.queue = it.queue.then(async () => {
    const message = { conversationId: it.id, content: out.content, clientMessageId: out.key };
    try {
      insert(it, [(await api("POST", "/messages", message)).data]);
    } catch (error) {
      out.failed = true;
      if (it === state.thread) toast(error.message);
      refetch(it.id);
    }
    render();
  });
}

let typing = { told: 0, idle: null };

function startTyping() {
  clearTimeout(typing.idle);
  typing.idle = setTimeout(stopTyping, TYPING_EVERY + 1000);
  if (Date.now() - typing.told < TYPING_EVERY) return;
  typing.told = Date.now();
  tellTyping(true);
}

function stopTyping() {
  clearTimeout(typing.idle);
  if (typing.told) tellTyping(false);
  typing.told = 0;
}

function tellTyping(isTyping) {
  const told = api("POST", "/messages/typing", { conversationId: state.thread.id, typing: isTyping });
  told.catch(() => {}); // nobody misses it
}

function showTyping(it, isTyping) {
  clearTimeout(it.typingUntil);
  it.typingUntil = isTyping ? setTimeout(() => showTyping(it, false), TYPING_LASTS) : null;
  render();
}

async function book() {
  const { agent } = state.thread.conversation;
  await call("POST", "/demo/bookings", { agentId: agent.id });
}

async function chooseAgency() {
  const agencies = await (await fetch("/demo/agencies")).json();
  $("agency-list").replaceChildren(...agencies.map((agency) => {
    const button = element("button", "person", { type: "button" });
    button.append(avatar(agency.image, "square"), label(agency.name, agency.id));
    button.addEventListener("click", attempt(async () => {
      const { data } = await api("POST", "/messages/conversations", { agentId: agency.id });
      adopt(data);
      $("agencies").close();
      location.hash = data.id;
    }));
    return element("li", "", {}, button);
  }));
  $("agencies").showModal();
}

// ---- Beginning

async function signIn() {
  document.body.dataset.screen = "sign-in";
  const people = await (await fetch("/demo/users")).json();
  $("people").replaceChildren(...people.map((person) => {
    const link = element("a", "person", { href: `/?as=${person.id}` });
    const what = { client: "Client", agent: `Agent of ${person.agency?.name}`, admin: "Staff" }[person.role];
    link.append(avatar(person.image), label(person.name, `${what} · ${person.id}`));
    return element("li", "", {}, link);
  }));
  $("someone-else").addEventListener("submit", (event) => {
    event.preventDefault();
    location.search = `?as=${encodeURIComponent($("name").value.trim())}`;
  });
}

async function begin(name) {
  const found = await fetch(`/demo/users/${encodeURIComponent(name)}`);
  if (!found.ok) {
    $("sign-in-error").textContent = `There is no user “${name}”.`;
    return signIn();
  }
  state.me = await found.json();
  const isStaff = state.me.role === "admin";
  document.body.dataset.screen = "app";
  $("my-name").textContent = state.me.name;
  $("my-image").src = state.me.image;
  $("my-role").textContent = { client: "Client", agent: state.me.agency?.name, admin: "Staff" }[state.me.role];
  $("new").hidden = state.me.role !== "client";
  $("refresh").hidden = !isStaff;
  $("connection").hidden = isStaff;
  $("list-empty").textContent = state.me.role === "client" ? "Write to an agency to begin." : "Nobody has written yet.";

  $("new").addEventListener("click", attempt(chooseAgency));
  $("agencies-close").addEventListener("click", () => $("agencies").close());
  $("more").addEventListener("click", attempt(showMore));
  $("older").addEventListener("click", attempt(showOlder));
  $("book").addEventListener("click", attempt(book));
  $("refresh").addEventListener("click", attempt(async () => Promise.all([refreshList(), state.thread?.catchUp()])));
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  $("text").addEventListener("input", () => {
    drawComposer();
    if ($("text").value) startTyping();
    else stopTyping();
  });
  $("text").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  document.addEventListener("visibilitychange", () => state.thread && markRead(state.thread));
  addEventListener("hashchange", () => openThread(location.hash.slice(1)));

  if (isStaff) await refreshList();
  else await beTold();
  openThread(location.hash.slice(1));
}

const name = new URLSearchParams(location.search).get("as");
await (name ? begin(name) : signIn());
