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

test("what one user has not sent is kept in the order of writing, apart from that of another user", () => {
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

test("what is no message of ours is passed over", () => {
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

test("storage that is denied, absent or full keeps nothing, and breaks nothing", () => {
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

test("one hears what another tab has sent or given up, and nothing else", () => {
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

test("work is done alone where there are locks, and all the same where there are none or they are denied", async () => {
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

/** A page that has come up with a connection, or without one. */
async function page(parts: ConstructorParameters<typeof World>[0], network: "works" | "is away" = "works") {
  const world = new World(parts);
  const end = world.client.start();
  world.connect();
  await world.settle();
  if (network === "is away") world.cut();
  return { world, end };
}

test("what was written without a connection goes out after a reload, in order and once", async () => {
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

test("a send whose answer the page did not live to see is one message", async () => {
  const kept = new Map<string, Unsent>();
  const { world } = await page({ outbox: new MemoryOutbox(kept) });
  world.client.conversation("a").outgoing.send("once");
  await flush();
  world.handle();
  const { world: next } = await page({ server: world.server, outbox: new MemoryOutbox(kept) });
  expect(contents(next, "a")).toEqual(["once"]);
  expect(kept.size).toBe(0);
});

test("what was refused waits for the user also after a reload, and can be given up there", async () => {
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

test("two tabs send what both have written in the order of writing, and each message once", async () => {
  const kept = new Map<string, Unsent>();
  const shared = new MemoryOutbox(kept);
  const { world: one } = await page({ outbox: shared }, "is away");
  const { world: other } = await page({ server: one.server, outbox: shared }, "is away");
  one.client.conversation("a").outgoing.send("first");
  other.client.conversation("a").outgoing.send("second");
  one.client.conversation("a").outgoing.send("third");
  await vi.advanceTimersByTimeAsync(300_000);
  // The tab that wrote later comes back first.
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

test("the tab that is left sends what one that was closed has written", async () => {
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

test("after the end of a client nothing of its user goes out", async () => {
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

test("what another tab has given up is not sent", async () => {
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
