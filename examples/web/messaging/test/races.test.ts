// The four races of a hook that fetches before it subscribes, or appends without comparing.

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { World, flush } from "./world";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function opened(): World {
  const world = new World({ conversations: ["a"], page: 50 });
  world.client.start();
  world.client.hold("a");
  return world;
}

const shown = (world: World) => world.client.conversation("a").thread.state.get().messages.map(({ content }) => content);
const pending = (world: World, path: string) => world.requests.findIndex((request) => request.path.startsWith(path));

/** Handles all requests, without answering the history. */
async function withhold(world: World): Promise<void> {
  for (let round = 0; round < 50; round += 1) {
    await flush();
    if (world.frames.length > 0) world.deliver();
    world.handle();
    const answered = world.requests.filter(({ answer }) => answer);
    const other = answered.findIndex(({ path }) => !path.startsWith("/messages?"));
    if (other >= 0) world.answer(other);
  }
}

test("a message that arrives while the history is loading is kept", async () => {
  const world = opened();
  world.write("a", "before");
  world.connect();
  await withhold(world);
  expect(pending(world, "/messages?")).not.toBe(-1);
  world.write("a", "meanwhile");
  await withhold(world);
  expect(shown(world)).toEqual(["meanwhile"]);
  await world.settle();
  expect(shown(world)).toEqual(["before", "meanwhile"]);
});

test("a message between the history and the subscription is shown", async () => {
  const world = opened();
  await withhold(world);
  // The history is loaded, and the subscription is pending.
  world.write("a", "between");
  world.connect();
  await world.settle();
  expect(shown(world)).toEqual(["between"]);
});

test("a message sent while the connection is lost is shown", async () => {
  const world = opened();
  world.connect();
  await world.settle();
  world.write("a", "one");
  await world.settle();
  world.cut();
  world.write("a", "two");
  world.write("a", "three");
  await flush();
  expect(shown(world)).toEqual(["one"]);
  world.connect();
  await world.settle();
  expect(shown(world)).toEqual(["one", "two", "three"]);
});

test("a message in the history before its event is shown once", async () => {
  const world = opened();
  world.connect();
  await flush();
  world.deliver();
  world.deliver();
  const { message } = world.server.append("a", "other", "committed", null);
  await world.settle();
  expect(shown(world)).toEqual(["committed"]);
  world.tell("private-conversation-a", "new-message", message);
  await world.settle();
  expect(shown(world)).toEqual(["committed"]);
});

test("more missed messages than a page holds are all fetched", async () => {
  const world = new World({ conversations: ["a"], page: 3 });
  world.client.start();
  world.client.hold("a");
  world.connect();
  await withhold(world);
  for (const request of world.requests) request.answer = null;
  world.write("a", "1");
  await withhold(world);
  expect(shown(world)).toEqual(["1"]);
  for (let n = 2; n <= 12; n += 1) {
    world.write("a", `${n}`);
    await flush();
    world.frames.length = 0;
  }
  for (const request of world.requests) request.answer = null;
  await world.settle();
  expect(shown(world)).toEqual(Array.from({ length: 12 }, (_, at) => `${at + 1}`));
});

test("a missing conversation is reported", async () => {
  const world = opened();
  world.server.stored.delete("a");
  world.connect();
  await world.settle();
  expect(world.client.conversation("a").thread.state.get().status).toBe("gone");
});

test("a message too long for an event is fetched", async () => {
  const world = opened();
  world.connect();
  await world.settle();
  const { message } = world.server.append("a", "other", "long", null);
  world.tell("private-conversation-a", "new-message", { id: message.id, seq: 1, truncated: true });
  world.tell("private-user-me", "new-message", { conversationId: "a", message: { truncated: true }, ...world.server.count("a") });
  await world.settle();
  expect(shown(world)).toEqual(["long"]);
  const [row] = world.client.inbox.state.get().conversations;
  expect(row?.lastMessage?.content).toBe("long");
  expect(row?.unreadCount).toBe(1);
});
