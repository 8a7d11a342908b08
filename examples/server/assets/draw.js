// Drawing what is known.

import { $, avatar, clock, dayName, element, reconcile, shortTime } from "./elements.js";
import { LONGEST, state } from "./state.js";

let drawing = null;

/** Draws what has changed, once for all that changes at the same time. */
export function render(how = {}) {
  if (drawing) return Object.assign(drawing, how);
  drawing = { ...how };
  queueMicrotask(() => {
    const { toEnd } = drawing;
    drawing = null;
    drawList();
    drawThread(toEnd);
  });
}

/** Says whether all that happens is told from now on. */
function drawLive(where, isLive) {
  if (isLive) where.dataset.live = "true";
  else delete where.dataset.live;
}

function drawList() {
  const byActivity = (a, b) => b.lastMessageAt.localeCompare(a.lastMessageAt) || b.id.localeCompare(a.id);
  const sorted = [...state.rows.values()].sort(byActivity);
  reconcile($("list"), sorted.map(listItem));
  drawLive($("list"), state.list.live);
  $("more").hidden = !state.list.hasMore;
  $("list-empty").hidden = !state.list.loaded || sorted.length > 0;
  const total = state.list.hasMore ? state.list.total : sorted.reduce((sum, row) => sum + row.unreadCount, 0);
  $("total").textContent = total;
  $("total").hidden = total === 0;
  document.title = `${total ? `(${total}) ` : ""}${state.me.name} · Messages`;
}

const listItems = new Map();

function listItem(row) {
  if (!listItems.has(row.id)) {
    const link = element("a", "row", { href: `#${row.id}` });
    const [name, when] = [element("strong", "", { dir: "auto" }), element("time", "muted")];
    const [last, badge] = [element("span", "last muted", { dir: "auto" }), element("span", "badge")];
    const image = avatar("", state.me.role === "client" ? "square" : "");
    link.append(image, element("span", "row-text", {}, name, when, last, badge));
    listItems.set(row.id, Object.assign(element("li", "", {}, link), { parts: { link, image, name, when, last, badge } }));
  }
  const item = listItems.get(row.id);
  const { link, image, name, when, last, badge } = item.parts;
  const other = otherOf(row);
  if (image.getAttribute("src") !== other.image) image.src = other.image;
  name.textContent = other.name;
  when.textContent = shortTime(row.lastMessageAt);
  const mine = row.lastMessage?.senderId === state.me.id ? "You: " : "";
  last.textContent = row.lastMessage ? mine + row.lastMessage.content : "No messages yet";
  badge.textContent = row.unreadCount;
  badge.hidden = row.unreadCount === 0;
  badge.ariaLabel = `${row.unreadCount} unread`;
  link.classList.toggle("unread", row.unreadCount > 0);
  link.ariaCurrent = state.thread?.id === row.id ? "true" : null;
  return item;
}

function drawThread(toEnd) {
  document.body.dataset.view = state.thread ? "thread" : "list";
  $("open").hidden = !state.thread?.conversation;
  $("nothing-open").hidden = Boolean(state.thread?.conversation);
  if (!state.thread?.conversation) return;
  const { conversation, messages } = state.thread;
  const outgoing = state.outgoing.get(conversation.id)?.waiting ?? [];
  drawLive($("open"), state.thread.live);
  const other = otherOf(conversation);
  $("their-name").textContent = other.name;
  $("their-image").src = other.image;
  $("their-image").className = `avatar ${conversation.side === "client" ? "square" : ""}`;
  $("their-dot").hidden = !state.thread.present;
  const { booking } = conversation;
  $("about").textContent = booking ? `${booking.bookingNumber} · ${booking.tour.title}` : "No booking yet";
  $("book").hidden = conversation.side !== "client" || Boolean(booking);
  $("older").hidden = !state.thread.olderCursor;
  $("composer").hidden = !conversation.canSend;
  $("no-writing").hidden = conversation.canSend;
  $("no-writing").textContent = whyNoWriting(conversation);
  $("typing").hidden = !state.thread.typingUntil;
  $("typing-text").textContent = `${other.name} is typing`;
  drawComposer();

  const scroll = $("scroll");
  const fromEnd = scroll.scrollHeight - scroll.scrollTop;
  const stays = fromEnd - scroll.clientHeight > 80;
  const isOlder = messages.length > 0 && $("messages").firstChild?.seq > messages[0].seq;
  reconcile($("messages"), [...withDays(messages), ...outgoing.map(outgoingItem)]);
  if (isOlder) scroll.scrollTop = scroll.scrollHeight - fromEnd;
  else if (toEnd || !stays) scroll.scrollTop = scroll.scrollHeight;
}

/** The messages' items, and a heading before the first of each day. */
function* withDays(messages) {
  let [day, previous] = [null, null];
  for (const message of messages) {
    const date = new Date(message.createdAt);
    if (day !== date.toDateString()) {
      day = date.toDateString();
      previous = null;
      yield dayItem(day, date, message.seq);
    }
    yield messageItem(message, previous);
    previous = message;
  }
}

function dayItem(day, date, seq) {
  const items = (state.thread.days ??= new Map());
  if (!items.has(day)) items.set(day, element("li", "day", {}, element("span", "", {}, dayName(date))));
  return Object.assign(items.get(day), { seq });
}

function messageItem(message, previous) {
  const items = (state.thread.items ??= new Map());
  if (!items.has(message.id)) items.set(message.id, newMessageItem(message));
  const item = items.get(message.id);
  const follows = previous && previous.senderId === message.senderId && previous.kind === message.kind;
  item.classList.toggle("follows", Boolean(follows));
  if (item.ticks) {
    const other = state.thread.conversation.side === "client" ? "agent" : "client";
    const receipt = state.thread.conversation.reads[other];
    const isRead = message.readAt !== null || message.seq <= (receipt?.upToSeq ?? 0);
    const words = isRead ? `Read ${shortTime(message.readAt ?? receipt.readAt)}` : "Sent";
    item.ticks.classList.toggle("read", isRead);
    if (item.ticks.getAttribute("aria-label") !== words) item.ticks.setAttribute("aria-label", words);
  }
  return item;
}

function newMessageItem(message) {
  const isMine = message.senderId === state.me.id;
  const text = element("p", "text", { dir: "auto" }, message.content);
  if (message.kind === "system") return Object.assign(element("li", "system", {}, text), { seq: message.seq });
  const meta = element("span", "meta", {}, element("time", "", { dateTime: message.createdAt }, clock(message.createdAt)));
  const item = element("li", `message ${isMine ? "mine" : "theirs"}`, { seq: message.seq });
  if (isMine) meta.append((item.ticks = $("ticks").content.firstElementChild.cloneNode(true)));
  else item.append(element("span", "sender", { dir: "auto" }, message.sender?.name || "Unknown"));
  item.append(element("div", "bubble", {}, text, meta));
  return item;
}

function outgoingItem(out) {
  if (out.item && out.drawnFailed === out.failed) return out.item;
  const meta = element("span", "meta", {}, out.failed ? "Not sent" : "Sending …");
  const bubble = element("div", "bubble", {}, element("p", "text", { dir: "auto" }, out.content), meta);
  const item = element("li", `message mine ${out.failed ? "failed" : "pending"}`, {}, bubble);
  if (out.failed) {
    const retry = element("button", "button quiet", { type: "button" }, "Try again");
    retry.addEventListener("click", out.deliver);
    item.append(retry);
  }
  Object.assign(out, { item, drawnFailed: out.failed });
  return item;
}

export const canSend = (text) => text.trim() !== "" && [...text.trim()].length <= LONGEST;

export function drawComposer() {
  const text = $("text");
  const left = LONGEST - [...text.value.trim()].length;
  $("left").hidden = left > 200;
  $("left").textContent = left;
  $("left").classList.toggle("over", left < 0);
  $("send").disabled = !canSend(text.value);
  text.style.height = "auto";
  text.style.height = `${Math.min(text.scrollHeight, 160)}px`;
}

function otherOf({ side, client, agent }) {
  if (side === "client") return { name: agent.businessName || agent.id, image: agent.logo };
  if (side === "agent") return { name: client.name || client.id, image: client.image };
  return { name: `${client.name || client.id} and ${agent.businessName || agent.id}`, image: client.image };
}

function whyNoWriting({ side, status, blockedBy }) {
  if (!side) return "You read this as staff. The participants are not told; it is in the audit log.";
  if (status === "closed") return "This conversation has been closed.";
  return blockedBy.includes(side) ? "You have blocked this conversation." : "The other side takes no messages at the moment.";
}
