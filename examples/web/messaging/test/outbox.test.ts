// @vitest-environment happy-dom

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { type Unsent, browserOutbox } from "../outbox";
import { MemoryOutbox, World, flush } from "./world";

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const unsent = (key: string, at: number): Unsent => ({ key, conversationId: "a", content: `text of ${key}`, at, error: null });

test("unsent messages are kept per user, in the order of writing", () => {
  const [one, other] = [browserOutbox("client-1"), browserOutbox("client-10")];
  one.put(unsent("second", 2));
  one.put({ ...unsent("first", 1), error: "Refused." });
  other.put(unsent("other", 3));
  localStorage.setItem("draft", "something else");
  expect(browserOutbox("client-1").list()).toEqual([{ ...unsent("first", 1), error: "Refused." }, unsent("second", 2)]);
  one.remove("first");
  expect(one.list()).toEqual([unsent("second", 2)]);
  expect(other.list()).toEqual([unsent("other", 3)]);
  expect(browserOutbox("client").list()).toEqual([]);
});

test("foreign entries in storage are ignored", () => {
  const outbox = browserOutbox("me");
  outbox.put(unsent("ours", 1));
  const [prefix = ""] = Object.keys(localStorage).map((key) => key.replace("ours", ""));
  for (const [at, text] of ["", "{", "null", "[]", '{"key":1}', '{"key":"a","content":"b"}'].entries()) {
    localStorage.setItem(`${prefix}${at}`, text);
  }
  expect(outbox.list()).toEqual([unsent("ours", 1)]);
});

const denied = () => {
  throw new DOMException("denied", "SecurityError");
};

test("denied, absent or full storage keeps nothing, and causes no error", () => {
  const full = { length: 0, key: () => null, getItem: () => null, setItem: denied, removeItem: denied };
  for (const storage of [{ get: denied }, { value: undefined }, { value: null }, { value: full }]) {
    const real = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
    Object.defineProperty(globalThis, "localStorage", { configurable: true, ...storage });
    try {
      const outbox = browserOutbox("me");
      outbox.put(unsent("a", 1));
      outbox.remove("a");
      expect(outbox.list()).toEqual([]);
    } finally {
      if (real) Object.defineProperty(globalThis, "localStorage", real);
    }
  }
});

test("a tab is notified only of messages that another tab has sent or discarded", () => {
  const removed: string[] = [];
  const outbox = browserOutbox("me");
  outbox.put(unsent("a", 1));
  const [key = ""] = Object.keys(localStorage);
  const end = outbox.watch((it) => removed.push(it));
  const hear = (of: string | null, newValue: string | null) =>
    window.dispatchEvent(new StorageEvent("storage", { key: of, newValue }));
  hear(key, "{}");
  hear(null, null);
  hear("other", null);
  expect(removed).toEqual([]);
  hear(key, null);
  expect(removed).toEqual(["a"]);
  end();
  hear(key, null);
  expect(removed).toEqual(["a"]);
});

test("work runs under a lock if locks are available, and without one otherwise", async () => {
  const asked: string[] = [];
  const request = async (name: string, work: () => Promise<void>) => {
    asked.push(name);
    await work();
  };
  let done = 0;
  const work = async () => void (done += 1);
  for (const locks of [{ request }, undefined, { request: () => Promise.reject(new Error("denied")) }, { request: denied }]) {
    vi.stubGlobal("navigator", { locks });
    await browserOutbox("me").alone(work);
  }
  expect(done).toBe(4);
  expect(asked.length).toBe(1);
  vi.stubGlobal("navigator", { locks: { request } });
  let attempts = 0;
  const failing = async () => {
    attempts += 1;
    throw new Error("its own fault");
  };
  await expect(browserOutbox("me").alone(failing)).rejects.toThrow("its own fault");
  expect(attempts).toBe(1);
});

const contents = (world: World, id: string) => world.server.stored.get(id)?.messages.map(({ content }) => content);
const waiting = (world: World, id: string) => world.client.conversation(id).outgoing.waiting.get();

/** A page that was loaded with a connection, or without one. */
async function page(parts: ConstructorParameters<typeof World>[0], network: "works" | "is away" = "works") {
  const world = new World(parts);
  const end = world.client.start();
  world.connect();
  await world.settle();
  if (network === "is away") world.cut();
  return { world, end };
}

test("messages written without a connection are sent once after a reload, in order", async () => {
  const kept = new Map<string, Unsent>();
  const { world } = await page({ outbox: new MemoryOutbox(kept) }, "is away");
  for (const content of ["one", "two"]) world.client.conversation("a").outgoing.send(content);
  world.client.conversation("b").outgoing.send("in another");
  await vi.advanceTimersByTimeAsync(300_000);
  expect(contents(world, "a")).toEqual([]);
  expect(waiting(world, "a").map(({ state }) => state)).toEqual(["waiting", "sending"]);

  const { world: next } = await page({ server: world.server, outbox: new MemoryOutbox(kept) });
  expect(contents(next, "a")).toEqual(["one", "two"]);
  expect(contents(next, "b")).toEqual(["in another"]);
  expect(waiting(next, "a")).toEqual([]);
  expect(kept.size).toBe(0);
});

test("a send whose answer arrives after a reload is one message", async () => {
  const kept = new Map<string, Unsent>();
  const { world } = await page({ outbox: new MemoryOutbox(kept) });
  world.client.conversation("a").outgoing.send("once");
  await flush();
  world.handle();
  const { world: next } = await page({ server: world.server, outbox: new MemoryOutbox(kept) });
  expect(contents(next, "a")).toEqual(["once"]);
  expect(kept.size).toBe(0);
});

test("a refused message survives a reload, and can be discarded then", async () => {
  const kept = new Map<string, Unsent>();
  const { world } = await page({ outbox: new MemoryOutbox(kept) });
  world.otherBlocks("a");
  world.client.conversation("a").outgoing.send("refused");
  await world.settle();
  world.otherBlocks("a");

  const { world: next } = await page({ server: world.server, outbox: new MemoryOutbox(kept) });
  expect(waiting(next, "a")).toMatchObject([{ content: "refused", state: "failed", error: "Refused." }]);
  expect(contents(next, "a")).toEqual([]);
  next.client.conversation("a").outgoing.discard(waiting(next, "a")[0]?.key ?? "");
  expect(waiting(next, "a")).toEqual([]);
  expect(kept.size).toBe(0);
});

test("two tabs send each message once, in the common order of writing", async () => {
  const kept = new Map<string, Unsent>();
  const shared = new MemoryOutbox(kept);
  const { world: one } = await page({ outbox: shared }, "is away");
  const { world: other } = await page({ server: one.server, outbox: shared }, "is away");
  one.client.conversation("a").outgoing.send("first");
  other.client.conversation("a").outgoing.send("second");
  one.client.conversation("a").outgoing.send("third");
  await vi.advanceTimersByTimeAsync(300_000);
  // The tab with the later message reconnects first.
  other.connect();
  for (let round = 0; round < 10; round += 1) {
    await other.settle();
    await vi.advanceTimersByTimeAsync(10_000);
  }
  one.connect();
  for (let round = 0; round < 10; round += 1) {
    for (const world of [one, other]) await world.settle();
    await vi.advanceTimersByTimeAsync(10_000);
  }
  expect(contents(one, "a")).toEqual(["first", "second", "third"]);
  for (const world of [one, other]) expect(waiting(world, "a")).toEqual([]);
  expect(kept.size).toBe(0);
});

test("the remaining tab sends the messages of a closed one", async () => {
  const kept = new Map<string, Unsent>();
  const { world: closed, end } = await page({ outbox: new MemoryOutbox(kept) }, "is away");
  closed.client.conversation("a").outgoing.send("closed too soon");
  await flush();
  end();
  const { world: left } = await page({ server: closed.server, outbox: new MemoryOutbox(kept) }, "is away");
  left.connect();
  await left.settle();
  expect(contents(left, "a")).toEqual(["closed too soon"]);
});

test("after the end of a client no message of its user is sent", async () => {
  const kept = new Map<string, Unsent>();
  const { world, end } = await page({ outbox: new MemoryOutbox(kept) }, "is away");
  world.client.conversation("a").outgoing.send("mine");
  await vi.advanceTimersByTimeAsync(10_000);
  end();
  world.connection.set("connected");
  const before = world.asked;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(world.asked).toBe(before);
  expect([...kept.values()].map(({ content }) => content)).toEqual(["mine"]);
});

test("a message that another tab has discarded is not sent", async () => {
  const kept = new Map<string, Unsent>();
  const outbox = new MemoryOutbox(kept);
  const { world } = await page({ outbox }, "is away");
  world.client.conversation("a").outgoing.send("never mind");
  await flush();
  for (const key of kept.keys()) outbox.remove(key);
  expect(waiting(world, "a")).toEqual([]);
  world.connect();
  await world.settle();
  expect(contents(world, "a")).toEqual([]);
});
