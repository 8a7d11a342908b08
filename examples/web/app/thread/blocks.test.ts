import fc from "fast-check";
import { expect, test } from "vitest";

import type { Message } from "../../messaging";
import { Blocks } from "./blocks";

const message = (seq: number) => ({ id: `${seq}`, seq }) as Message;

/** The changes of a history: messages at the end, and pages at the beginning. */
const steps = fc.array(fc.record({ older: fc.nat(120), newer: fc.nat(120) }), { minLength: 1, maxLength: 8 });

test("blocks contain all messages in order, and unchanged blocks stay identical", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const blocks = new Blocks();
      let [from, to] = [1000, 1000];
      let messages: readonly Message[] = [];
      let before = blocks.of(messages);
      for (const { older, newer } of all) {
        const [first, last] = [from - older, to + newer];
        const more = (begin: number, end: number) => Array.from({ length: end - begin }, (_, at) => message(begin + at));
        messages = [...more(first, from), ...messages, ...more(to, last)];
        [from, to] = [first, last];
        const now = blocks.of(messages);
        expect(now.flatMap((block) => block.messages)).toEqual(messages);
        for (const [at, block] of now.entries()) {
          expect(block.before).toBe(now[at - 1]?.messages.at(-1));
          const was = before.find(({ key }) => key === block.key);
          if (was?.messages.length === block.messages.length && was.before === block.before) expect(block).toBe(was);
        }
        before = now;
      }
    }),
  );
});
