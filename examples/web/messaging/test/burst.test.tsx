// @vitest-environment happy-dom

// Messages that arrive faster than a user reads: one update per frame, and a constant cost per message.

import { act, cleanup, render } from "@testing-library/react";
import { memo, useEffect } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Api, type Message, MessagingClient, MessagingProvider, pusherChannels, useConversations, useMessages } from "..";
import { Frames } from "../frames";
import { Observable } from "../observable";
import { Thread } from "../thread";
import { FakePusher } from "./fake-pusher";
import { MemoryOutbox, Server, flush } from "./world";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const CHANNEL = "private-conversation-a";

/** A client of a server that answers at once, and functions that publish messages to it. */
async function connected() {
  const server = new Server();
  server.open("a");
  const answer = async (path: string) => {
    const { pathname } = new URL(path, "http://server");
    if (pathname === "/messages/unread") return Response.json({ data: { unreadCount: server.unread() } });
    if (pathname === "/messages/conversations/a") return Response.json({ data: server.view("a") });
    if (pathname === "/messages/conversations") return Response.json({ data: server.list(), meta: { hasMore: false, nextCursor: null } });
    const messages = server.stored.get("a")?.messages;
    return Response.json({ data: { conversation: server.view("a"), messages, nextCursor: null, newestCursor: "now", hasMore: false } });
  };
  const { pusher, channels } = FakePusher.withChannels(pusherChannels);
  const client = new MessagingClient({
    userId: "me",
    api: new Api({ base: "", fetch: answer as unknown as typeof fetch }),
    channels,
    outbox: new MemoryOutbox(),
  });
  const write = () => {
    const { message } = server.append("a", "other", "hello", null);
    pusher.tell(CHANNEL, "new-message", message);
    pusher.tell("private-user-me", "new-message", { conversationId: "a", message, side: "client", ...server.count("a") });
  };
  const frame = () => act(() => vi.advanceTimersByTimeAsync(20));
  return { client, pusher, write, frame };
}

const rendered = { list: 0, inbox: 0, rows: 0 };

/** Counts the renders of a component. */
function useCount(of: keyof typeof rendered) {
  useEffect(() => {
    rendered[of] += 1;
  });
}

const Row = memo(function Row({ message }: { message: Message }) {
  useCount("rows");
  return <li>{message.content}</li>;
});

function List() {
  useCount("list");
  return useMessages("a").messages.map((message) => <Row key={message.id} message={message} />);
}

function Inbox() {
  useCount("inbox");
  return <b>{useConversations().unreadCount}</b>;
}

test("all events of a frame are rendered together, and no row renders twice", async () => {
  const { client, pusher, write, frame } = await connected();
  const { container } = render(
    <MessagingProvider client={client}>
      <List />
      <Inbox />
    </MessagingProvider>,
  );
  act(() => pusher.becomes("connected"));
  for (const channel of ["private-user-me", CHANNEL]) pusher.tell(channel, "pusher:subscription_succeeded");
  await frame();
  await frame();
  Object.assign(rendered, { list: 0, inbox: 0, rows: 0 });
  for (let at = 1; at <= 10; at += 1) {
    for (let n = 0; n < 100; n += 1) write();
    expect(container.querySelectorAll("li").length, "not before the frame").toBe(100 * (at - 1));
    await frame();
    expect(container.querySelectorAll("li").length).toBe(100 * at);
    expect(container.querySelector("b")?.textContent).toBe(`${100 * at}`);
  }
  expect(rendered).toEqual({ list: 10, inbox: 10, rows: 1000 });
});

test("a hidden page without frames receives events at once", async () => {
  const { client, pusher, write } = await connected();
  vi.spyOn(document, "visibilityState", "get").mockReturnValue("hidden");
  client.start();
  pusher.becomes("connected");
  pusher.tell("private-user-me", "pusher:subscription_succeeded");
  await flush();
  write();
  expect(client.inbox.state.get().unreadCount).toBe(1);
});

test("a browser that has stopped rendering receives events a little later", async () => {
  const { client, pusher, write } = await connected();
  vi.spyOn(globalThis, "requestAnimationFrame").mockReturnValue(1);
  client.start();
  pusher.becomes("connected");
  pusher.tell("private-user-me", "pusher:subscription_succeeded");
  await vi.advanceTimersByTimeAsync(100);
  write();
  await vi.advanceTimersByTimeAsync(100);
  expect(client.inbox.state.get().unreadCount).toBe(1);
});

test("an event on a connection that is lost before the frame does not make it live", async () => {
  const { client, pusher, frame } = await connected();
  client.start();
  pusher.becomes("connected");
  pusher.tell("private-user-me", "pusher:subscription_succeeded");
  pusher.becomes("unavailable");
  await frame();
  expect(client.inbox.state.get().isLive).toBe(false);
});

test("each message reads as many other messages as the one before it", async () => {
  const client = new MessagingClient({
    userId: "me",
    api: new Api({ base: "", fetch: (() => new Promise(() => {})) as typeof fetch }),
    channels: null,
    outbox: new MemoryOutbox(),
  });
  const { outgoing } = client.conversation("a");
  const { api, inbox } = client;
  const parts = { api, channels: null, conversations: inbox.conversations, outgoing, userId: "me" };
  const thread = new Thread("a", { ...parts, trusted: new Observable(true) });
  let looks = 0;
  const message = (seq: number) => ({
    id: `${seq}`,
    conversationId: "a",
    get seq() {
      looks += 1;
      return seq;
    },
  });
  const costs: number[] = [];
  for (let seq = 1; seq <= 2000; seq += 1) {
    looks = 0;
    thread.take(message(seq) as unknown as Message);
    costs.push(looks);
  }
  expect(thread.state.get().messages.length).toBe(2000);
  expect(Math.max(...costs.slice(1000))).toBeLessThanOrEqual(Math.max(...costs.slice(1, 10)));
  expect(Math.max(...costs)).toBeLessThan(10);
});

test("failed work does not prevent other work", async () => {
  const reported = vi.fn();
  vi.stubGlobal("reportError", reported);
  const frames = new Frames();
  const done: number[] = [];
  for (const n of [1, 2, 3]) {
    frames.next(() => {
      if (n === 2) throw new Error("two");
      done.push(n);
    });
  }
  await vi.advanceTimersByTimeAsync(20);
  vi.unstubAllGlobals();
  expect(done).toEqual([1, 3]);
  expect(reported).toHaveBeenCalledOnce();
});
