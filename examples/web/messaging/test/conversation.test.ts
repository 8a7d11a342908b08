import fc from "fast-check";
import { expect, test } from "vitest";

import { type KnownConversation, newest, reordered, withLast, withRead } from "../conversation";
import { Server } from "./world";

function known(by: Partial<KnownConversation>): KnownConversation {
  const server = new Server();
  server.open("a");
  return { ...server.view("a"), asked: 1, ...by };
}

const last = (seq: number) => ({ seq, content: `${seq}`, createdAt: "2026-01-01T00:00:00.000Z", senderId: "other" });

const view = fc
  .record({ asked: fc.nat(5), seq: fc.nat(5), unreadVersion: fc.nat(5), client: fc.nat(5), agent: fc.nat(5) })
  .map(({ asked, seq, unreadVersion, client, agent }) => {
    const mark = (upToSeq: number) => (upToSeq === 0 ? null : { upToSeq, readAt: `at ${upToSeq}` });
    return known({
      asked,
      lastMessage: seq === 0 ? null : last(seq),
      lastMessageAt: `at ${seq}`,
      unreadCount: unreadVersion,
      unreadVersion,
      reads: { client: mark(client), agent: mark(agent) },
    });
  });

test("merging two views takes the newest of each field, in either order", () => {
  fc.assert(
    fc.property(view, view, (one, other) => {
      const [both, turned] = [newest(one, other), newest(other, one)];
      const seqOf = (it: KnownConversation) => it.lastMessage?.seq ?? 0;
      const readOf = (it: KnownConversation, side: "client" | "agent") => it.reads[side]?.upToSeq ?? 0;
      expect(seqOf(both)).toBe(Math.max(seqOf(one), seqOf(other)));
      expect(both.lastMessageAt).toBe(`at ${seqOf(both)}`);
      expect(both.unreadVersion).toBe(Math.max(one.unreadVersion, other.unreadVersion));
      expect(both.unreadCount).toBe(both.unreadVersion);
      for (const side of ["client", "agent"] as const) {
        expect(readOf(both, side)).toBe(Math.max(readOf(one, side), readOf(other, side)));
      }
      expect(both.asked).toBe(Math.max(one.asked, other.asked));
      expect({ ...both, presence: null }).toEqual({ ...turned, presence: null });
    }),
  );
});

test("an old event changes and renders nothing", () => {
  const it = known({ lastMessage: last(3), reads: { client: null, agent: { upToSeq: 3, readAt: "then" } } });
  const old = { ...new Server(), ...last(2), id: "2", conversationId: "a", kind: "user" as const, sender: null, readAt: null, clientMessageId: null };
  expect(withLast(it, old)).toBe(it);
  expect(withRead(it, "agent", { upToSeq: 3, readAt: "later" })).toBe(it);
});

test("fields that were not requested again stay known", () => {
  const presence = { client: true, agent: false };
  expect(newest(known({ asked: 2 }), known({ asked: 1, presence })).presence).toEqual({ client: true, agent: null });
  const { presence: _, ...without } = known({ asked: 2 });
  expect(newest(without, known({ asked: 1, presence })).presence).toEqual(presence);
});

const listed = fc.array(fc.record({ id: fc.nat(9), at: fc.nat(9) }), { maxLength: 12 });

test("the list stays in the order of activity after any change", () => {
  fc.assert(
    fc.property(fc.array(listed, { minLength: 1, maxLength: 5 }), (steps) => {
      let order: readonly KnownConversation[] = [];
      let all = new Map<string, KnownConversation>();
      for (const step of steps) {
        // Every second step removes conversations that it does not name.
        all = new Map(step.length % 2 === 0 ? [] : all);
        for (const { id, at } of step) all.set(`${id}`, known({ id: `${id}`, lastMessageAt: `${at}` }));
        order = reordered(order, all);
        const key = ({ lastMessageAt, id }: KnownConversation) => lastMessageAt + id;
        expect(order.map(key)).toEqual([...all.values()].map(key).toSorted().toReversed());
        expect(reordered(order, new Map(all))).toBe(order);
      }
    }),
  );
});

test("a conversation that moves to the top is merged with its earlier state", () => {
  let looks = 0;
  const at = (lastMessageAt: string) => ({
    get lastMessageAt() {
      looks += 1;
      return lastMessageAt;
    },
  });
  const one = (id: string, activity: string) => Object.assign(Object.create(at(activity)) as KnownConversation, { id });
  const all = new Map(Array.from({ length: 1000 }, (_, n) => [`${n}`, one(`${n}`, `${1000 + n}`)]));
  const order = reordered([], all);
  looks = 0;
  const next = reordered(order, new Map(all).set("500", one("500", "3000")));
  expect(next[0]?.id).toBe("500");
  expect(next.length).toBe(1000);
  expect(looks).toBeLessThanOrEqual(4);
});
