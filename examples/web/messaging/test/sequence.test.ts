import fc from "fast-check";
import { expect, test } from "vitest";

import { hasGap, merged } from "../sequence";
import type { Message } from "../wire";

const message = (seq: number) => ({ id: `${seq}`, seq }) as Message;
const seqs = (messages: readonly Message[]) => messages.map(({ seq }) => seq);

test("messages are in the order of their seqs, in whatever order they arrive", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 40 })), fc.nat(40), (all, some) => {
      const [before, after] = [all.slice(0, some).toSorted((a, b) => a - b), all.slice(some)];
      const found = merged(before.map(message), after.map(message));
      expect(seqs(found)).toEqual(all.toSorted((a, b) => a - b));
      const first = found[0]?.seq ?? 1;
      expect(hasGap(found, first)).toBe(seqs(found).some((seq, at) => seq !== first + at));
      expect(hasGap(found, 1)).toBe(seqs(found).some((seq, at) => seq !== 1 + at));
    }),
  );
});
