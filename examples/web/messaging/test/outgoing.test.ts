import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ApiError } from "../api";
import { Outgoing } from "../outgoing";
import type { Message } from "../wire";
import { MemoryOutbox, Server, flush } from "./world";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Sends whose results are the given outcomes, in order; later sends succeed. */
function sending(...outcomes: ("ok" | "lost" | "gone" | ApiError)[]) {
  const server = new Server();
  server.open("a");
  let running = 0;
  const calls: string[] = [];
  const arrived: Message[] = [];
  const outgoing = new Outgoing({
    conversationId: "a",
    outbox: new MemoryOutbox(),
    send: async (content, key) => {
      running += 1;
      expect(running).toBe(1);
      calls.push(content);
      await Promise.resolve();
      running -= 1;
      const outcome = outcomes.shift() ?? "ok";
      if (outcome instanceof ApiError) throw outcome;
      if (outcome === "gone") throw new ApiError("The server cannot be reached.", null);
      const { message } = server.append("a", "me", content, key);
      if (outcome === "lost") throw new ApiError("The server cannot be reached.", null);
      return message;
    },
    arrived: (message) => arrived.push(message),
  });
  const stored = () => server.stored.get("a")?.messages.map(({ content }) => content);
  return { outgoing, calls, arrived, stored, waiting: () => outgoing.waiting.get() };
}

const refusal = new ApiError("Blocked.", 403, "conversation_blocked");

test("messages are sent one after the other, and never concurrently", async () => {
  const { outgoing, stored, waiting, arrived } = sending();
  for (const content of ["one", "two", "three"]) outgoing.send(content);
  expect(waiting().map(({ state }) => state)).toEqual(["sending", "sending", "sending"]);
  await flush();
  expect(stored()).toEqual(["one", "two", "three"]);
  expect(arrived.map(({ content }) => content)).toEqual(["one", "two", "three"]);
  expect(waiting()).toEqual([]);
});

test("a send whose answer was lost is repeated, and appears once", async () => {
  const { outgoing, calls, stored, waiting } = sending("lost", "lost");
  outgoing.send("once");
  await vi.advanceTimersByTimeAsync(1000 + 2000);
  expect(calls.length).toBe(3);
  expect(stored()).toEqual(["once"]);
  expect(waiting()).toEqual([]);
});

test("a refused message waits for the user with its reason; later messages are sent", async () => {
  const { outgoing, stored, waiting } = sending(refusal);
  outgoing.send("refused");
  outgoing.send("fine");
  await flush();
  expect(waiting()).toMatchObject([{ content: "refused", state: "failed", error: "Blocked." }]);
  expect(stored()).toEqual(["fine"]);
  const [out] = waiting();
  outgoing.retry(out?.key ?? "");
  await flush();
  expect(waiting()).toEqual([]);
  expect(stored()).toEqual(["fine", "refused"]);
});

test("after half a minute without an answer messages show it, and are sent by themselves, in order", async () => {
  const { outgoing, calls, stored, waiting } = sending(...Array.from({ length: 16 }, () => "gone" as const));
  for (const content of ["one", "two"]) outgoing.send(content);
  await vi.advanceTimersByTimeAsync(29_999);
  expect(waiting()).toMatchObject([{ state: "sending" }, { state: "sending" }]);
  await vi.advanceTimersByTimeAsync(1);
  expect(waiting()).toMatchObject([{ content: "one", state: "waiting", error: null }, { state: "sending" }]);
  expect(calls.length).toBe(6);
  await vi.advanceTimersByTimeAsync(300_000);
  expect(stored()).toEqual([]);
  expect(calls.length).toBe(16);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(stored()).toEqual(["one", "two"]);
  expect(waiting()).toEqual([]);
});

test("a message at which the server fails does not block the next one for ever", async () => {
  const broken = new ApiError("It broke.", 500);
  const { outgoing, stored, waiting } = sending(...Array.from({ length: 6 }, () => broken));
  for (const content of ["broken", "fine"]) outgoing.send(content);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(waiting()).toMatchObject([{ content: "broken", state: "failed", error: "It broke." }]);
  expect(stored()).toEqual(["fine"]);
});

test("after a reconnect no message waits any longer", async () => {
  const { outgoing, stored } = sending("gone", "gone", "gone");
  outgoing.send("soon");
  await vi.advanceTimersByTimeAsync(3000);
  expect(stored()).toEqual([]);
  outgoing.resume();
  await flush();
  expect(stored()).toEqual(["soon"]);
});

test("a send is not repeated before the server's Retry-After", async () => {
  const { outgoing, calls } = sending(new ApiError("Slowly.", 429, "rate_limited", 7));
  outgoing.send("slowly");
  await vi.advanceTimersByTimeAsync(6000);
  outgoing.resume();
  await vi.advanceTimersByTimeAsync(999);
  expect(calls.length).toBe(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(calls.length).toBe(2);
});

test("a message whose event arrives before the answer is not sent again", async () => {
  const { outgoing, calls, waiting } = sending("lost");
  outgoing.send("told");
  await flush();
  const key = waiting()[0]?.key ?? null;
  outgoing.acknowledge([{ clientMessageId: key } as Message]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(calls.length).toBe(1);
});

test("a discarded message is removed", async () => {
  const { outgoing, waiting, stored } = sending(refusal);
  outgoing.send("no");
  await flush();
  outgoing.discard(waiting()[0]?.key ?? "");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(waiting()).toEqual([]);
  expect(stored()).toEqual([]);
});

test("after a stop no message is sent until it is resumed", async () => {
  const { outgoing, calls, stored } = sending("gone");
  outgoing.send("mine");
  await flush();
  outgoing.stop();
  outgoing.send("mine, too");
  await vi.advanceTimersByTimeAsync(600_000);
  expect(calls).toEqual(["mine"]);
  outgoing.resume();
  await flush();
  expect(stored()).toEqual(["mine", "mine, too"]);
});
