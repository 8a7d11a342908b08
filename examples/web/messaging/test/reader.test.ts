import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { ApiError } from "../api";
import { Reader } from "../reader";
import type { Message } from "../wire";
import { flush } from "./world";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const message = (seq: number) => ({ id: `${seq}`, seq }) as Message;

function reading(...failures: ApiError[]) {
  const told: number[] = [];
  const marked: number[] = [];
  const waiting: (() => void)[] = [];
  const reader = new Reader(
    async ({ seq }) => {
      told.push(seq);
      await new Promise<void>((resolve) => waiting.push(resolve));
      const failure = failures.shift();
      if (failure) throw failure;
      return { unreadCount: 0, unreadVersion: seq, readAt: null };
    },
    (_, { seq }) => marked.push(seq),
  );
  const answer = async () => {
    waiting.shift()?.();
    await flush();
  };
  return { reader, told, marked, answer };
}

test("messages seen during a request are marked afterwards, by the newest alone", async () => {
  const { reader, told, marked, answer } = reading();
  for (const seq of [1, 2, 3]) reader.saw(message(seq), 0);
  expect(told).toEqual([1]);
  await answer();
  expect(told).toEqual([1, 3]);
  await answer();
  expect(marked).toEqual([1, 3]);
});

test("a position that the server knows is not sent again", async () => {
  const { reader, told, answer } = reading();
  reader.saw(message(3), 5);
  expect(told).toEqual([]);
  reader.saw(message(6), 5);
  await answer();
  reader.saw(message(6), 5);
  reader.saw(message(2), 0);
  expect(told).toEqual([6]);
});

test("an unanswered position is sent again while the conversation is shown", async () => {
  const { reader, told, answer } = reading(new ApiError("Nothing.", null), new ApiError("Nothing.", null));
  reader.saw(message(1), 0);
  await answer();
  await vi.advanceTimersByTimeAsync(2000);
  expect(told).toEqual([1, 1]);
  await answer();
  reader.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toEqual([1, 1]);
  reader.saw(message(1), 0);
  expect(told).toEqual([1, 1, 1]);
});

test("a refused position is not sent again by itself", async () => {
  const { reader, told, answer } = reading(new ApiError("No such thing.", 404));
  reader.saw(message(1), 0);
  await answer();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(told).toEqual([1]);
});
