// For any network behaviour and order of events, the screen shows the server's state, each message once.

import fc from "fast-check";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { OpenConversation } from "../client";
import type { Conversation } from "../wire";
import { ME, World, flush } from "./world";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

type Step =
  | { readonly do: "write" | "send" | "otherReads" | "otherBlocks" | "see"; readonly in: "a" | "b" }
  | { readonly do: "handle" | "answer" | "loseAnswer" | "lose" | "repeat"; readonly at: number }
  | { readonly do: "deliver" | "drop" | "cut" | "connect" | "open" | "close" | "older" | "settle" | "wake" | "answerCheck" }
  | { readonly do: "wait"; readonly for: number };

const inOne = fc.constantFrom("a" as const, "b" as const);
const often = <T>(weight: number, arbitrary: fc.Arbitrary<T>) => ({ weight, arbitrary });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  often(6, fc.record({ do: fc.constantFrom("write" as const, "send" as const), in: inOne })),
  often(3, fc.record({ do: fc.constantFrom("otherReads" as const, "see" as const), in: inOne })),
  often(1, fc.record({ do: fc.constant("otherBlocks" as const), in: inOne })),
  often(9, fc.record({ do: fc.constantFrom("handle" as const, "answer" as const), at: fc.nat(3) })),
  often(2, fc.record({ do: fc.constantFrom("loseAnswer" as const, "lose" as const), at: fc.nat(3) })),
  often(3, fc.record({ do: fc.constant("repeat" as const), at: fc.nat(8) })),
  often(9, fc.constant({ do: "deliver" as const })),
  often(3, fc.record({ do: fc.constantFrom("drop" as const, "older" as const, "settle" as const) })),
  often(2, fc.record({ do: fc.constantFrom("cut" as const, "connect" as const) })),
  often(1, fc.record({ do: fc.constantFrom("open" as const, "close" as const) })),
  often(1, fc.record({ do: fc.constantFrom("wake" as const, "answerCheck" as const) })),
  often(1, fc.record({ do: fc.constant("wait" as const), for: fc.constantFrom(500, 2000, 9000) })),
);
const anySteps = fc.array(anyStep, { minLength: 10, maxLength: 120, size: "max" });

/** A user who opens conversation `a`, leaves it and returns. */
class Screen {
  readonly world = new World();
  readonly written = new Map<string, string[]>();
  readonly open: OpenConversation;
  #release: (() => void) | null = null;
  #shown = new Set<string>();
  #versions = new Map<string, number>();
  #count = 0;

  constructor() {
    this.world.client.start();
    this.open = this.world.client.conversation("a");
    this.look();
  }

  look(): void {
    this.#release ??= this.world.client.hold("a");
  }

  leave(): void {
    this.#release?.();
    this.#release = null;
  }

  async take(step: Step): Promise<void> {
    const { world } = this;
    switch (step.do) {
      case "write":
        world.write(step.in, `theirs ${(this.#count += 1)}`);
        break;
      case "send": {
        const content = `mine ${(this.#count += 1)}`;
        this.written.set(step.in, [...(this.written.get(step.in) ?? []), content]);
        world.client.conversation(step.in).outgoing.send(content);
        break;
      }
      case "otherReads":
      case "otherBlocks":
        world[step.do](step.in);
        break;
      case "see": {
        const last = this.open.thread.state.get().messages.findLast(({ senderId }) => senderId !== ME);
        if (last) this.open.reader.saw(last, 0);
        break;
      }
      case "handle":
        world.handle(step.at);
        break;
      case "answer":
        world.answer(step.at);
        break;
      case "loseAnswer":
        world.answer(step.at, true);
        break;
      case "lose":
        world.lose(step.at);
        break;
      case "repeat":
        world.repeat(step.at);
        break;
      case "settle":
        await world.settle();
        break;
      case "open":
        this.look();
        break;
      case "close":
        this.leave();
        break;
      case "wake":
        void world.client.resync();
        break;
      case "older":
        void this.open.thread.loadOlder().catch(() => {});
        break;
      case "wait":
        await vi.advanceTimersByTimeAsync(step.for);
        break;
      default:
        world[step.do]();
    }
    await flush();
    this.check();
  }

  /** The invariants at any moment. */
  check(): void {
    const { messages } = this.open.thread.state.get();
    const seqs = messages.map(({ seq }) => seq);
    expect(seqs, "in order, each once").toEqual([...new Set(seqs)].toSorted((a, b) => a - b));
    const ids = new Set(messages.map(({ id }) => id));
    for (const id of this.#shown) expect(ids.has(id), "nothing that was shown is gone").toBe(true);
    this.#shown = ids;
    const waiting = this.open.outgoing.waiting.get();
    const keys = new Set(messages.map(({ clientMessageId }) => clientMessageId));
    for (const { key } of waiting) expect(keys.has(key), "nothing is shown twice").toBe(false);
    const texts = [...messages, ...waiting].map(({ content }) => content);
    for (const content of this.written.get("a") ?? []) {
      expect(texts.filter((it) => it === content).length, "what was written is shown").toBeLessThanOrEqual(1);
    }
    for (const { id, unreadVersion } of this.world.client.inbox.conversations.known.get().values()) {
      expect(unreadVersion, "a count never goes back").toBeGreaterThanOrEqual(this.#versions.get(id) ?? 0);
      this.#versions.set(id, unreadVersion);
    }
  }

  /** Ends all faults; a message whose event was lost is followed by another one. */
  async calm(): Promise<void> {
    const { world } = this;
    this.look();
    world.answerCheck();
    await flush();
    world.answerCheck();
    world.connect();
    for (let round = 0; round < 4; round += 1) {
      await world.settle();
      await vi.advanceTimersByTimeAsync(60_000);
    }
    for (const id of ["a", "b"]) {
      if (!world.server.view(id).canSend) world.otherBlocks(id);
      await world.settle();
      for (const { key } of world.client.conversation(id).outgoing.waiting.get()) {
        world.client.conversation(id).outgoing.retry(key);
      }
    }
    await world.settle();
    if (world.hasDropped) for (const id of ["a", "b"]) world.write(id, "the last");
    await world.settle();
    while (this.open.thread.state.get().hasOlder) {
      void this.open.thread.loadOlder();
      await world.settle();
    }
  }
}

declare const process: { readonly env: Readonly<Record<string, string | undefined>> };
const runs = Number(process.env["FC_RUNS"] ?? 300);

test("the screen shows the server's state, whatever the network does", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(6), fc.boolean(), anySteps, async (before, isConnected, steps) => {
      const screen = new Screen();
      for (let n = 0; n < before; n += 1) screen.world.write("a", `before ${n}`);
      if (isConnected) await screen.take({ do: "connect" });
      if (isConnected) await screen.take({ do: "settle" });
      for (const step of steps) await screen.take(step);
      await screen.calm();
      const { server, client } = screen.world;

      const plain = ({ id, seq, content, senderId }: { id: string; seq: number; content: string; senderId: string | null }) =>
        ({ id, seq, content, senderId });
      const shown = screen.open.thread.state.get();
      expect(shown.messages.map(plain)).toEqual(server.stored.get("a")?.messages.map(plain));
      expect(shown.isLive).toBe(true);
      for (const id of ["a", "b"]) {
        expect(client.conversation(id).outgoing.waiting.get()).toEqual([]);
        const mine = server.stored.get(id)?.messages.filter(({ senderId }) => senderId === ME);
        expect(mine?.map(({ content }) => content).toSorted()).toEqual((screen.written.get(id) ?? []).toSorted());
      }
      const inbox = client.inbox.state.get();
      expect(inbox.isLive).toBe(true);
      expect(inbox.unreadCount).toBe(server.unread());
      const row = ({ id, lastMessage, lastMessageAt, unreadCount, unreadVersion, status, canSend }: Conversation) =>
        ({ id, lastMessage, lastMessageAt, unreadCount, unreadVersion, status, canSend });
      expect(client.inbox.conversations.find("a")?.reads).toEqual(server.view("a").reads);
      expect(inbox.conversations.map(row)).toEqual(server.list().map(row));
      screen.leave();
      vi.clearAllTimers();
    }),
    { numRuns: runs },
  );
}, 120_000);

test("messages sent without faults arrive in the order of writing", async () => {
  const screen = new Screen();
  screen.world.connect();
  await screen.world.settle();
  for (let n = 1; n <= 20; n += 1) await screen.take({ do: "send", in: "a" });
  await screen.world.settle();
  const stored = screen.world.server.stored.get("a")?.messages.map(({ content }) => content);
  expect(stored).toEqual(screen.written.get("a"));
  expect(screen.open.thread.state.get().messages.map(({ content }) => content)).toEqual(stored);
});
