import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { type Connection, pusherChannels } from "../channels";
import { FakePusher } from "./fake-pusher";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const connected = () => FakePusher.withChannels(pusherChannels);

test("the connection is lost only after it was established or has failed", () => {
  const { pusher, channels } = connected();
  const seen: Connection[] = [channels.connection.get()];
  channels.connection.watch(() => seen.push(channels.connection.get()));
  for (const current of ["connecting", "connected", "connecting", "unavailable", "connected"]) {
    pusher.becomes(current);
  }
  expect(seen).toEqual(["connecting", "connected", "lost", "connected"]);
  const second = connected();
  second.pusher.becomes("unavailable");
  expect(second.channels.connection.get()).toBe("lost");
});

test("a refused subscription is retried at growing intervals until its end", () => {
  const { pusher, channels } = connected();
  const told: string[] = [];
  const end = channels.subscribe("private-a", { ready: () => told.push("ready"), refused: () => told.push("refused") });
  const refuse = () => pusher.tell("private-a", "pusher:subscription_error");
  refuse();
  vi.advanceTimersByTime(2000);
  expect(pusher.asked.length).toBe(2);
  refuse();
  vi.advanceTimersByTime(2000);
  expect(pusher.asked.length).toBe(2);
  vi.advanceTimersByTime(2000);
  expect(pusher.asked.length).toBe(3);
  pusher.tell("private-a", "pusher:subscription_succeeded");
  expect(told).toEqual(["refused", "refused", "ready"]);
  refuse();
  end();
  vi.advanceTimersByTime(600_000);
  expect(pusher.asked).toEqual(["private-a", "private-a", "private-a", "not private-a"]);
});

test("a presence channel reports its members, and those who join and leave", () => {
  const { pusher, channels } = connected();
  const told: unknown[] = [];
  channels.subscribe("presence-a", {
    ready: (present) => told.push(present),
    came: (id) => told.push(`+${id}`),
    left: (id) => told.push(`-${id}`),
    on: { hello: (data) => told.push(data) },
  });
  pusher.tell("presence-a", "pusher:subscription_succeeded", { members: { one: {}, two: {} } });
  pusher.tell("presence-a", "pusher:member_added", { id: "three" });
  pusher.tell("presence-a", "pusher:member_removed", { id: "one" });
  pusher.tell("presence-a", "hello", "you");
  expect(told).toEqual([["one", "two"], "+three", "-one", "you"]);
});
