import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { OtherTyping, OwnTyping } from "../typing";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("strokes are told every three seconds, and the end once", () => {
  const told: boolean[] = [];
  const typing = new OwnTyping((isTyping) => told.push(isTyping));
  for (let stroke = 0; stroke < 70; stroke += 1) {
    typing.typed();
    vi.advanceTimersByTime(100);
  }
  expect(told).toEqual([true, true, true]);
  typing.stopped();
  typing.stopped();
  expect(told).toEqual([true, true, true, false]);
});

test("who stops typing has stopped after a while", () => {
  const told: boolean[] = [];
  const typing = new OwnTyping((isTyping) => told.push(isTyping));
  typing.typed();
  vi.advanceTimersByTime(4000);
  expect(told).toEqual([true, false]);
});

test("the other side types as long as one hears of it", () => {
  const other = new OtherTyping();
  other.set(true);
  vi.advanceTimersByTime(5999);
  expect(other.isTyping.get()).toBe(true);
  other.set(true);
  vi.advanceTimersByTime(5999);
  expect(other.isTyping.get()).toBe(true);
  vi.advanceTimersByTime(1);
  expect(other.isTyping.get()).toBe(false);
});
