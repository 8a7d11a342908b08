// @vitest-environment happy-dom

import { cleanup, render } from "@testing-library/react";
import { afterEach, expect, test, vi } from "vitest";

import type { Message } from "../../messaging";
import { Blocks } from "./blocks";
import { MessageBlock } from "./message-block";

const drawn = vi.hoisted(() => ({ rows: 0 }));
vi.mock(import("../ui/time"), async (original) => {
  const times = await original();
  return { ...times, clockTime: (at) => ((drawn.rows += 1), times.clockTime(at)) };
});

afterEach(cleanup);

const message = (seq: number, senderId = "other"): Message => ({
  id: `${seq}`,
  conversationId: "a",
  seq,
  kind: "user",
  senderId,
  sender: { id: senderId, name: senderId, image: null },
  content: `message ${seq}`,
  createdAt: new Date(2026, 0, 1, 12, 0, seq).toISOString(),
  readAt: null,
  clientMessageId: null,
});

const seen = () => () => {};

function list() {
  const known = new Blocks();
  const of = (messages: readonly Message[], upToSeq = 0) => (
    <>
      {known.of(messages).map((block) => (
        <MessageBlock
          key={block.key}
          {...{ block, seen }}
          meId="me"
          clientId={null}
          newSeq={null}
          read={{ upToSeq, readAt: "2026-01-02T00:00:00.000Z" }}
        />
      ))}
    </>
  );
  const { rerender, container } = render(of([]));
  return { draw: (...it: Parameters<typeof of>) => rerender(of(...it)), shown: () => container.querySelectorAll("[data-seq]") };
}

test("a new message renders one row, whatever the number of rows", () => {
  const { draw, shown } = list();
  const messages: Message[] = [];
  drawn.rows = 0;
  for (let seq = 1; seq <= 300; seq += 1) {
    messages.push(message(seq, seq % 3 === 0 ? "me" : "other"));
    draw([...messages]);
    expect(drawn.rows).toBe(seq);
  }
  expect(shown().length).toBe(300);
});

test("a page of older messages, and a receipt, render only changed rows", () => {
  const { draw, shown } = list();
  const all = Array.from({ length: 200 }, (_, at) => message(at + 1, at % 2 === 0 ? "me" : "other"));
  draw(all.slice(100));
  drawn.rows = 0;
  draw(all);
  expect(drawn.rows, "the first that was there may follow another now").toBeLessThanOrEqual(101);
  expect([...shown()].map((it) => Number(it.getAttribute("data-seq")))).toEqual(all.map(({ seq }) => seq));
  drawn.rows = 0;
  draw(all, 10);
  expect(drawn.rows, "one's own among the first ten").toBe(5);
});

test("a replaced message renders again, at any position", () => {
  const { draw, shown } = list();
  const all = Array.from({ length: 120 }, (_, at) => message(at + 1));
  draw(all);
  drawn.rows = 0;
  draw(all.map((it) => (it.seq === 10 ? { ...it, content: "changed" } : it)));
  expect(shown()[9]?.textContent).toContain("changed");
  expect(drawn.rows).toBe(1);
});
