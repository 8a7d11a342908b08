// @vitest-environment happy-dom

import { act, cleanup, render, renderHook } from "@testing-library/react";
import type { ReactNode } from "react";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import {
  MessagingProvider,
  useBlock,
  useConnection,
  useConversations,
  useMessages,
  usePresence,
  useReadWhenSeen,
  useReport,
  useTyping,
  useUnreadCount,
} from "..";
import { World } from "./world";

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("IntersectionObserver", FakeIntersectionObserver);
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** The elements that come into view on the test's request. */
class FakeIntersectionObserver {
  static seen: (element: Element, isIntersecting: boolean) => void = () => {};
  readonly elements = new Set<Element>();

  constructor(tell: (entries: { target: Element; isIntersecting: boolean }[]) => void) {
    FakeIntersectionObserver.seen = (target, isIntersecting) => {
      if (this.elements.has(target)) tell([{ target, isIntersecting }]);
    };
  }

  observe(element: Element) {
    this.elements.add(element);
  }

  unobserve(element: Element) {
    this.elements.delete(element);
  }

  disconnect() {
    this.elements.clear();
  }
}

const settle = (world: World) => act(() => world.settle());

async function rendered<T>(world: World, use: () => T) {
  const wrapper = ({ children }: { children: ReactNode }) => (
    <MessagingProvider client={world.client}>{children}</MessagingProvider>
  );
  const { result, unmount, rerender } = renderHook(use, { wrapper });
  world.connect();
  await settle(world);
  return { result, unmount, rerender };
}

test("useConversations follows the list, and opens the conversation with an agent", async () => {
  const world = new World();
  const { result } = await rendered(world, useConversations);
  expect(result.current).toMatchObject({ isLoaded: true, isLive: true, hasMore: false });
  expect(result.current.conversations.map(({ id }) => id)).toEqual(["b", "a"]);
  world.write("a", "hello");
  await settle(world);
  expect(result.current.conversations.map(({ id }) => id)).toEqual(["a", "b"]);
  expect(result.current.conversations[0]?.lastMessage?.content).toBe("hello");
});

test("useUnreadCount follows events", async () => {
  const world = new World();
  const { result } = await rendered(world, useUnreadCount);
  expect(result.current).toBe(0);
  world.write("a", "one");
  world.write("b", "two");
  await settle(world);
  expect(result.current).toBe(2);
});

test("useConnection reports a lost connection", async () => {
  const world = new World();
  const { result } = await rendered(world, useConnection);
  expect(result.current).toBe("connected");
  act(() => world.cut());
  expect(result.current).toBe("lost");
});

test("useMessages shows, sends and retries, and unsubscribes when unmounted", async () => {
  const world = new World({ page: 2 });
  for (const content of ["one", "two", "three"]) world.write("a", content);
  const { result, unmount } = await rendered(world, () => useMessages("a"));
  const contents = () => result.current.messages.map(({ content }) => content);
  expect(contents()).toEqual(["two", "three"]);
  expect(result.current).toMatchObject({ status: "ready", isLive: true, hasOlder: true });
  act(() => void result.current.loadOlder());
  await settle(world);
  expect(contents()).toEqual(["one", "two", "three"]);

  act(() => result.current.send("mine"));
  expect(result.current.outgoing).toMatchObject([{ content: "mine", state: "sending" }]);
  await settle(world);
  expect(result.current.outgoing).toEqual([]);
  expect(contents()).toEqual(["one", "two", "three", "mine"]);

  act(() => world.otherBlocks("a"));
  act(() => result.current.send("refused"));
  await settle(world);
  expect(result.current.outgoing).toMatchObject([{ content: "refused", state: "failed", error: "Refused." }]);
  expect(result.current.conversation?.canSend).toBe(false);
  act(() => world.otherBlocks("a"));
  act(() => result.current.retry(result.current.outgoing[0]?.key ?? ""));
  await settle(world);
  expect(contents().at(-1)).toBe("refused");

  unmount();
  world.write("a", "not heard");
  expect(world.frames).toEqual([]);
});

test("useMessages of another conversation shows another conversation", async () => {
  const world = new World();
  world.write("a", "in a");
  world.write("b", "in b");
  let id = "a";
  const { result, rerender } = await rendered(world, () => useMessages(id));
  expect(result.current.messages.map(({ content }) => content)).toEqual(["in a"]);
  id = "b";
  rerender();
  await settle(world);
  expect(result.current.messages.map(({ content }) => content)).toEqual(["in b"]);
  world.write("a", "meanwhile");
  await settle(world);
  id = "a";
  rerender();
  expect(result.current.messages.map(({ content }) => content)).toEqual(["in a"]);
  await settle(world);
  expect(result.current.messages.map(({ content }) => content)).toEqual(["in a", "meanwhile"]);
});

test("useTyping reports the other side's typing, and sends this side's", async () => {
  const world = new World();
  const { result } = await rendered(world, () => useTyping("a"));
  world.tell("private-conversation-a", "typing-start", { conversationId: "a", userId: "other" });
  await settle(world);
  expect(result.current.isTyping).toBe(true);
  world.tell("private-conversation-a", "typing-stop", { conversationId: "a", userId: "other" });
  await settle(world);
  expect(result.current.isTyping).toBe(false);
  world.tell("private-conversation-a", "typing-start", { conversationId: "a", userId: "me" });
  await settle(world);
  expect(result.current.isTyping).toBe(false);
  act(() => result.current.typed());
  expect(world.requests).toMatchObject([{ path: "/messages/typing", body: { conversationId: "a", typing: true } }]);
});

test("usePresence reports members of the channel, and the loaded online state", async () => {
  const world = new World();
  const { result, unmount } = await rendered(world, () => usePresence("a"));
  expect(result.current).toEqual({ isHere: false, isOnline: null });
  act(() => world.member("presence-conversation-a", "came", "other"));
  expect(result.current.isHere).toBe(true);
  act(() => world.member("presence-conversation-a", "left", "other"));
  expect(result.current.isHere).toBe(false);
  act(() => world.member("presence-conversation-a", "came", "me"));
  expect(result.current.isHere).toBe(false);
  act(() => world.member("presence-conversation-a", "came", "other"));
  act(() => world.cut());
  expect(result.current.isHere).toBe(false);
  unmount();
});

test("useBlock refuses the other side's messages, and accepts them again", async () => {
  const world = new World();
  const { result } = await rendered(world, () => useBlock("a"));
  for (const isBlocked of [true, false]) {
    act(() => void result.current.setBlocked(isBlocked));
    await settle(world);
    expect(result.current.isBlocked).toBe(isBlocked);
  }
});

test("useReport sends a reason and a message", async () => {
  const world = new World();
  const { result } = await rendered(world, () => useReport("a"));
  void result.current("rude", "a:1");
  expect(world.requests).toMatchObject([
    { method: "POST", path: "/messages/conversations/a/reports", body: { reason: "rude", messageId: "a:1" } },
  ]);
  await settle(world);
});

function Seen() {
  const { messages } = useMessages("a");
  const seen = useReadWhenSeen("a");
  return messages.map((message) => <p key={message.id} id={message.id} ref={seen(message)} />);
}

test("useReadWhenSeen marks only messages in view on a visible page", async () => {
  const world = new World({ page: 50 });
  for (const content of ["one", "two", "three"]) world.write("a", content);
  render(
    <MessagingProvider client={world.client}>
      <Seen />
    </MessagingProvider>,
  );
  world.connect();
  await settle(world);
  const visibility = vi.spyOn(document, "visibilityState", "get");
  const see = (id: string, isSeen: boolean) => {
    const element = document.getElementById(id);
    if (element) act(() => FakeIntersectionObserver.seen(element, isSeen));
  };
  const unread = () => world.server.unread();

  expect(unread()).toBe(3);
  visibility.mockReturnValue("hidden");
  see("a:2", true);
  await settle(world);
  expect(unread()).toBe(3);

  visibility.mockReturnValue("visible");
  act(() => void document.dispatchEvent(new Event("visibilitychange")));
  await settle(world);
  expect(unread()).toBe(1);

  world.write("a", "four");
  await settle(world);
  expect(unread()).toBe(2);
  see("a:4", true);
  await settle(world);
  expect(unread()).toBe(0);
  see("a:4", false);
  world.write("a", "five");
  await settle(world);
  expect(unread()).toBe(1);
});

test("without a provider the hooks name the missing provider", () => {
  vi.spyOn(console, "error").mockReturnValue();
  expect(() => renderHook(useUnreadCount)).toThrow("<MessagingProvider>");
});
