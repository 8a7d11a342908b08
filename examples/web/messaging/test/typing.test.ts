import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { OtherTyping, OwnTyping } from "../typing";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("typing is sent every three seconds, and its end once", () => {
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

test("a message ends the typing state, and typing is sent again a second later", () => {
  const told: boolean[] = [];
  const typing = new OwnTyping((isTyping) => told.push(isTyping));
  typing.typed();
  vi.advanceTimersByTime(200);
  typing.sent();
  typing.typed();
  typing.typed();
  expect(told).toEqual([true]);
  vi.advanceTimersByTime(799);
  expect(told).toEqual([true]);
  vi.advanceTimersByTime(1);
  expect(told).toEqual([true, true]);
});

test("typing is sent at most once a second", () => {
  const told: number[] = [];
  const typing = new OwnTyping(() => told.push(Date.now()));
  for (let message = 0; message < 100; message += 1) {
    typing.typed();
    typing.sent();
    vi.advanceTimersByTime(130);
  }
  const gaps = told.slice(1).map((at, before) => at - (told[before] ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1000);
});

test("typing ends after a pause", () => {
  const told: boolean[] = [];
  const typing = new OwnTyping((isTyping) => told.push(isTyping));
  typing.typed();
  vi.advanceTimersByTime(4000);
  expect(told).toEqual([true, false]);
});

test("the other side types as long as its events arrive", () => {
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
