import type Pusher from "pusher-js";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { type Connection, pusherChannels } from "../channels";
import { channelPart } from "../inbox";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What of pusher-js is used; what it would tell is told by the test. */
class FakePusher {
  readonly handlers = new Map<string, Map<string, (data: unknown) => void>>();
  readonly asked: string[] = [];
  readonly connection = this.#binding("connection");

  subscribe(name: string) {
    this.asked.push(name);
    return { ...this.#binding(name), unbind: () => this.handlers.delete(name) };
  }

  unsubscribe(name: string) {
    this.asked.push(`not ${name}`);
  }

  tell(of: string, event: string, data?: unknown) {
    this.handlers.get(of)?.get(event)?.(data);
  }

  #binding(of: string) {
    const bind = (event: string, handler: (data: unknown) => void) => {
      this.handlers.set(of, (this.handlers.get(of) ?? new Map()).set(event, handler));
    };
    return { bind };
  }
}

function connected() {
  const pusher = new FakePusher();
  return { pusher, channels: pusherChannels(pusher as unknown as Pusher) };
}

test("the connection is lost only after it was there, or could not be made", () => {
  const { pusher, channels } = connected();
  const seen: Connection[] = [channels.connection.get()];
  channels.connection.watch(() => seen.push(channels.connection.get()));
  for (const current of ["connecting", "connected", "connecting", "unavailable", "connected"]) {
    pusher.tell("connection", "state_change", { current });
  }
  expect(seen).toEqual(["connecting", "connected", "lost", "connected"]);
  const second = connected();
  second.pusher.tell("connection", "state_change", { current: "unavailable" });
  expect(second.channels.connection.get()).toBe("lost");
});

test("a refused subscription is asked for again, more and more seldom, until its end", () => {
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

test("on a presence channel one hears who is there, who comes and who leaves", () => {
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

test("a user's id stands in a channel's name as it is, or encoded", () => {
  for (const plain of ["client-1", "a@b.c", "a=b", "A_;,."]) expect(channelPart(plain)).toBe(plain);
  expect(channelPart("a/b")).toBe("=YS9i");
  expect(channelPart("=a")).toBe("=PWE");
  expect(channelPart("user:1?>")).toBe("=dXNlcjoxPz4");
  expect(channelPart("~~~")).toBe("=fn5-");
});
