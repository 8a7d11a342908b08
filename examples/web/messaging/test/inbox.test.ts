import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { World, flush } from "./world";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const MANY = Array.from({ length: 75 }, (_, at) => `c${String(at).padStart(2, "0")}`);

async function started(conversations: string[]): Promise<World> {
  const world = new World({ conversations });
  world.client.start();
  world.connect();
  await world.settle();
  return world;
}

const ids = (world: World) => world.client.inbox.state.get().conversations.map(({ id }) => id);
const total = (world: World) => world.client.inbox.state.get().unreadCount;
const truth = (world: World) => world.server.list().map(({ id }) => id);

test("the list continues after a page, and keeps its length after a reconnect", async () => {
  const world = await started(MANY);
  expect(ids(world)).toEqual(truth(world).slice(0, 30));
  for (const expected of [60, 75]) {
    void world.client.inbox.loadMore();
    await world.settle();
    expect(ids(world)).toEqual(truth(world).slice(0, expected));
  }
  expect(world.client.inbox.state.get().hasMore).toBe(false);
  world.cut();
  world.write("c00", "the last is the first");
  world.connect();
  await world.settle();
  expect(ids(world)).toEqual(truth(world));
  expect(ids(world)[0]).toBe("c00");
});

test("a first page of new conversations only restarts the list", async () => {
  const world = await started(MANY);
  void world.client.inbox.loadMore();
  await world.settle();
  world.cut();
  for (const id of MANY.slice(0, 40)) world.write(id, "hello");
  world.connect();
  await world.settle();
  expect(ids(world)).toEqual(truth(world).slice(0, 30));
  void world.client.inbox.loadMore();
  await world.settle();
  expect(ids(world)).toEqual(truth(world).slice(0, 60));
});

test("the total includes conversations that are not loaded", async () => {
  const world = await started(MANY);
  expect(total(world)).toBe(0);
  const [oldest, newest] = [truth(world).at(-1) ?? "", truth(world)[0] ?? ""];
  world.write(oldest, "from far below");
  await world.settle();
  expect(total(world)).toBe(1);
  world.write(newest, "from above");
  await world.settle();
  expect(total(world)).toBe(2);
  expect(ids(world).slice(0, 2)).toEqual([newest, oldest]);
});

test("a total that was requested earlier does not replace a later one", async () => {
  const world = await started(MANY);
  const [one, two] = [truth(world)[0] ?? "", truth(world)[1] ?? ""];
  world.write(one, "one");
  world.deliver();
  await flush();
  world.handle();
  void world.client.inbox.refresh();
  await flush();
  world.write(two, "two");
  while (world.requests.some(({ answer }) => !answer)) world.handle();
  // The later answer arrives first.
  for (let at = world.requests.length - 1; at >= 0; at -= 1) {
    world.answer(at);
    await flush();
  }
  expect(total(world)).toBe(2);
});

test("a conversation missing from the first page is removed from the list", async () => {
  const world = await started(["a", "b", "c"]);
  world.cut();
  world.server.stored.delete("b");
  world.connect();
  await world.settle();
  expect(ids(world)).toEqual(["c", "a"]);
});

test("an event of an unknown conversation fetches it", async () => {
  const world = await started(["a"]);
  world.server.open("new");
  world.tell("private-user-me", "conversation-updated", { conversationId: "new", status: "open", bookingId: null });
  await world.settle();
  expect(ids(world)).toEqual(["new", "a"]);
  world.server.open("newer");
  world.write("newer", "hello");
  await world.settle();
  expect(ids(world)).toEqual(["newer", "new", "a"]);
  expect(total(world)).toBe(1);
});

test("the list is not live until the server answers", async () => {
  const world = new World();
  world.client.start();
  world.connect();
  await flush();
  world.deliver();
  await flush();
  world.lose();
  await flush();
  expect(world.client.inbox.state.get().isLive).toBe(false);
  await vi.advanceTimersByTimeAsync(2000);
  await world.settle();
  expect(world.client.inbox.state.get().isLive).toBe(true);
});

test("a list read before a message and received after it does not hide the message", async () => {
  const world = new World();
  world.client.start();
  await flush();
  while (world.requests.some(({ answer }) => !answer)) world.handle();
  world.client.conversation("b").outgoing.send("mine");
  await flush();
  world.handle();
  world.answer(world.requests.findIndex(({ method }) => method === "POST"));
  await world.settle();
  expect(ids(world)).toEqual(truth(world));
  expect(world.client.inbox.state.get().conversations[0]?.lastMessage?.content).toBe("mine");
});
