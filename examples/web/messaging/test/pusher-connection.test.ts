import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { PusherConnection } from "../pusher-connection";
import { FakePusher } from "./fake-pusher";
import { flush } from "./world";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function connecting() {
  const { pusher, channels: connection } = FakePusher.withChannels((it) => new PusherConnection(it));
  pusher.becomes("connecting");
  return { pusher, connection };
}

function connected() {
  const both = connecting();
  both.pusher.becomes("connected");
  return both;
}

const RESTART = ["disconnect", "new transports", "connect"];
const MINUTE = 60_000;

test("an existing connection counts as connected", () => {
  const pusher = new FakePusher();
  pusher.connection.state = "connected";
  expect(new PusherConnection(pusher as never).state.get()).toBe("connected");
});

for (const state of ["failed", "disconnected"]) {
  test(`when pusher-js has ${state}, the client reconnects at growing intervals`, () => {
    const { pusher, connection } = connected();
    const times: number[] = [];
    const begin = Date.now();
    for (let attempt = 0; attempt < 7; attempt += 1) {
      pusher.becomes(state);
      expect(connection.state.get()).toBe("lost");
      pusher.asked.length = 0;
      while (pusher.asked.length === 0) vi.advanceTimersByTime(1000);
      expect(pusher.asked).toEqual(RESTART);
      times.push(Date.now() - begin);
    }
    const waits = times.map((time, at) => (time - (times[at - 1] ?? 0)) / 1000);
    expect(waits).toEqual([10, 20, 40, 80, 160, 300, 300]);
  });
}

test("a server that accepts and ends every connection is not retried every few seconds", () => {
  const { pusher } = connected();
  for (const wait of [10_000, 20_000, 40_000]) {
    pusher.becomes("disconnected");
    vi.advanceTimersByTime(wait - 1);
    expect(pusher.connection.state).toBe("disconnected");
    vi.advanceTimersByTime(1);
    pusher.becomes("connected");
  }
  vi.advanceTimersByTime(MINUTE);
  pusher.becomes("disconnected");
  vi.advanceTimersByTime(10_000);
  expect(pusher.connection.state).toBe("connecting");
});

test("an ended connection is not retried", () => {
  const { pusher, connection } = connected();
  connection.disconnect();
  vi.advanceTimersByTime(60 * MINUTE);
  expect(pusher.asked).toEqual(["disconnect"]);
});

test("a connection that answers a ping is kept", async () => {
  const { pusher, connection } = connected();
  let hasAnswered = false;
  void connection.check().then(() => (hasAnswered = true));
  expect(pusher.asked).toEqual(["pusher:ping"]);
  // The answer may have been received before the machine slept.
  pusher.tell("connection", "message", { event: "new-message" });
  await flush();
  expect(hasAnswered).toBe(false);
  pusher.tell("connection", "message", { event: "pusher:pong" });
  await flush();
  expect(hasAnswered).toBe(true);
  vi.advanceTimersByTime(MINUTE);
  expect(pusher.asked).toEqual(["pusher:ping"]);
});

test("a connection that does not answer a ping is replaced, and counts as lost", async () => {
  const { pusher, connection } = connected();
  let isOver = false;
  void connection.check().then(() => (isOver = true));
  await vi.advanceTimersByTimeAsync(4999);
  expect(isOver).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(isOver).toBe(true);
  expect(connection.state.get()).toBe("lost");
  expect(pusher.asked).toEqual(["pusher:ping", ...RESTART]);
  pusher.becomes("connected");
  expect(connection.state.get()).toBe("connected");
  vi.advanceTimersByTime(10 * MINUTE);
  expect(pusher.asked.length).toBe(4);
});

for (const state of ["connecting", "unavailable", "failed", "disconnected"]) {
  test(`a page that wakes while the connection is ${state} does not wait`, async () => {
    const { pusher, connection } = connecting();
    pusher.becomes(state);
    await connection.check();
    expect(pusher.asked, "it has only just begun").toEqual([]);
    vi.advanceTimersByTime(5000);
    await connection.check();
    expect(pusher.asked).toEqual(RESTART);
  });
}
