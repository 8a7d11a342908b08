// @vitest-environment happy-dom

import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { watchWakeUp } from "../wake-up";
import { World, flush } from "./world";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const become = (state: DocumentVisibilityState) => {
  vi.spyOn(document, "visibilityState", "get").mockReturnValue(state);
  document.dispatchEvent(new Event("visibilitychange"));
};

const sleep = (milliseconds: number) => {
  vi.setSystemTime(Date.now() + milliseconds);
  vi.advanceTimersByTime(5000);
};

const shownFromCache = (persisted: boolean) =>
  window.dispatchEvent(Object.assign(new Event("pageshow"), { persisted }));

test("a page detects that it wakes, until it is stopped", () => {
  let woken = 0;
  const end = watchWakeUp(() => (woken += 1));
  const wakes = (because: string, by: number, what: () => unknown) => {
    const before = woken;
    what();
    expect(woken - before, because).toBe(by);
  };
  become("visible");
  wakes("hidden", 0, () => become("hidden"));
  wakes("visible again", 1, () => become("visible"));
  wakes("loaded", 0, () => shownFromCache(false));
  wakes("back from the cache", 1, () => shownFromCache(true));
  wakes("resumed", 1, () => document.dispatchEvent(new Event("resume")));
  for (const change of ["online", "offline"]) wakes(change, 1, () => window.dispatchEvent(new Event(change)));
  wakes("time goes by", 0, () => vi.advanceTimersByTime(600_000));
  wakes("a busy moment", 0, () => sleep(9000));
  wakes("the lid was closed", 1, () => sleep(30_000));
  become("hidden");
  wakes("a page in the background, whose timers are slow", 0, () => sleep(60_000));
  wakes("back from the background", 1, () => become("visible"));
  end();
  wakes("it is over", 0, () => {
    become("visible");
    sleep(600_000);
    window.dispatchEvent(new Event("online"));
  });
});

async function asleep() {
  const world = new World({ conversations: ["a"], page: 50 });
  world.client.start();
  world.client.hold("a");
  world.connect();
  await world.settle();
  const thread = world.client.conversation("a").thread.state;
  const shown = () => thread.get().messages.map(({ content }) => content);
  const isLive = () => [thread.get().isLive, world.client.inbox.state.get().isLive];
  expect(isLive()).toEqual([true, true]);
  // The connection is dead without an error.
  world.server.append("a", "other", "while you slept", null);
  return { world, shown, isLive };
}

test("missed events are fetched at once, and nothing is live before the connection has answered", async () => {
  const { world, shown, isLive } = await asleep();
  become("visible");
  await flush();
  expect(isLive()).toEqual([false, false]);
  await world.settle();
  expect(shown()).toEqual(["while you slept"]);
  expect(world.client.inbox.state.get().unreadCount).toBe(1);
  expect(isLive(), "the connection has not answered").toEqual([false, false]);
  world.answerCheck();
  await flush();
  expect(isLive()).toEqual([true, true]);
});

test("a replaced connection is live after its subscriptions have succeeded", async () => {
  const { world, shown, isLive } = await asleep();
  sleep(600_000);
  await world.settle();
  world.cut();
  world.answerCheck();
  await flush();
  expect(isLive()).toEqual([false, false]);
  world.connect();
  await flush();
  expect(isLive()).toEqual([false, false]);
  await world.settle();
  expect(isLive()).toEqual([true, true]);
  expect(shown()).toEqual(["while you slept"]);
});

test("without a connection the client polls", async () => {
  const { world, shown } = await asleep();
  world.connection.set("lost");
  const before = world.asked;
  world.isOffline = false;
  await vi.advanceTimersByTimeAsync(10_000);
  await world.settle();
  expect(shown()).toEqual(["while you slept"]);
  expect(world.asked - before, "the list, the total and the conversation").toBe(3);
  world.connect();
  await world.settle();
  const connected = world.asked;
  await vi.advanceTimersByTimeAsync(600_000);
  expect(world.asked, "what is told is not asked for").toBe(connected);
});
