// Scrolling through long histories, and past new messages.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Caller, eventually, fresh, test } from "./support.mjs";
import { assertQuiet, badge, begin, bubbles, live, open, pair, row, start, stop, text, total, write } from "./web.mjs";

before(start);
after(stop);

const MANY = 10_000;

const scroller = (page) => page.getByRole("region", { name: "Messages" });
const seqs = (page) => page.locator("[data-seq]").evaluateAll((items) => items.map((it) => Number(it.dataset.seq)));
const upTo = (n) => Array.from({ length: n }, (_, at) => at + 1);

/** Returns the distance of a message from the top of the visible part. */
const placeOf = (page, seq) => page.evaluate((seq) => {
  const top = document.querySelector(`[data-seq="${seq}"]`)?.getBoundingClientRect().top;
  return top === undefined ? null : top - document.querySelector(".scroll").getBoundingClientRect().top;
}, seq);

/** Sends `n` messages, some concurrently: they get their seqs in the order of arrival. */
async function fill(callers, id, n) {
  let next = 1;
  const worker = async (caller) => {
    for (let k = next++; k <= n; k = next++) await caller.send(id, `message ${k} ${"and more ".repeat(k % 7)}`);
  };
  await Promise.all(upTo(16).map((_, at) => worker(callers[at % callers.length])));
}

test("10,000 messages are scrolled to their beginning without a hole, a duplicate or a jump", async () => {
  const { client, agent, id } = await pair();
  await fill([client, agent], id, MANY);
  const page = await open(client.user, id);
  const isOldest = () => page.locator(".messages[data-oldest=true]").count();
  const looks = [];
  while ((await isOldest()) === 0) {
    const first = (await seqs(page))[0];
    await scroller(page).evaluate((it) => (it.scrollTop = 300));
    const before = await placeOf(page, first);
    await eventually("older ones are there", async () =>
      (await page.locator("[data-seq]").first().getAttribute("data-seq")) !== `${first}`);
    looks.push(Math.abs((await placeOf(page, first)) - before));
  }
  assert.ok(Math.max(...looks) <= 1, `it jumped by ${Math.max(...looks)} pixels`);
  assert.ok(looks.length >= 90, `${looks.length} pages`);
  const shown = await seqs(page);
  assert.equal(shown.length, MANY);
  assert.deepEqual(shown, upTo(MANY));
  const texts = await page.locator(".bubble .text").allTextContents();
  const numbers = texts.map((it) => Number(it.split(" ")[1])).toSorted((a, b) => a - b);
  assert.deepEqual(numbers, upTo(MANY));

  await page.getByRole("button", { name: "To the newest message" }).click();
  await write(page, "the last");
  await text(page, "the last").waitFor();
  await eventually("it is seen", async () => (await placeOf(page, MANY + 1)) < 760);
  assertQuiet(page);
});

test("a user who reads older messages stays there when a new one arrives, and is notified", async () => {
  const { client, agent, id } = await pair();
  await fill([agent], id, 60);
  const page = await open(client.user, id);
  const last = async () => Math.max(...(await seqs(page)));
  assert.equal(await last(), 60);
  await page.getByRole("button", { name: "To the newest message" }).click();
  await eventually("all are read", async () => (await client.unread()) === 0);
  await scroller(page).evaluate((it) => (it.scrollTop = 900));
  const place = await placeOf(page, 30);
  await agent.send(id, "something new");
  await text(page, "something new").waitFor();
  assert.equal(await placeOf(page, 30), place);
  await badge(page, id, 1).waitFor();
  assert.equal(await client.unread(), 1, "it was not seen");
  await page.getByRole("button", { name: "To the newest message" }).getByText("1").waitFor();
  await page.getByRole("button", { name: "To the newest message" }).click();
  await eventually("it is read", async () => (await client.unread()) === 0);
  assertQuiet(page);
});

test("a conversation opens at its first new message, and is read as far as the user has scrolled", async () => {
  const { client, agent, id } = await pair();
  await fill([agent], id, 10);
  await client.read(id, (await client.history(id)).at(-1).id);
  for (let n = 11; n <= 50; n += 1) await agent.send(id, `message ${n}`);
  const page = await open(client.user, id);
  await page.locator(".new").waitFor();
  const place = await placeOf(page, 11);
  assert.ok(place > 0 && place < 200, `what is new begins at ${place}`);
  await eventually("some are read", async () => (await client.unread()) < 40);
  const unread = await client.unread();
  assert.ok(unread > 15, `${unread} are below`);
  await scroller(page).press("End");
  await eventually("all are read", async () => (await client.unread()) === 0);
  await page.locator(".new").waitFor({ state: "attached" });
  assertQuiet(page);
});

test("a hidden page marks nothing as read, and then shows new messages", async () => {
  const { client, agent, id } = await pair();
  await client.send(id, "Hello");
  const page = await open(agent.user, id);
  await eventually("it is read", async () => (await agent.unread()) === 0);
  const visibility = (state) => page.evaluate((now) => {
    Object.defineProperty(document, "visibilityState", { value: now, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
  await visibility("hidden");
  await client.send(id, "Are you there?");
  await text(page, "Are you there?").waitFor();
  await badge(page, id, 1).waitFor();
  assert.equal(await agent.unread(), 1);
  await page.locator(".new").waitFor();
  await visibility("visible");
  await eventually("it is read", async () => (await agent.unread()) === 0);
  assertQuiet(page);
});

test("the list grows with scrolling, and keeps its length after a reconnect", async () => {
  const { n, client, id } = await pair();
  const others = upTo(74).map(() => new Caller(`client-${fresh()}`));
  for (const other of others) await other.open(`agency-${n}`);
  const sockets = [];
  const page = await open(`agent-${n}`, "", {
    prepare: (context) => context.routeWebSocket(/\/app\//, (near) => {
      near.connectToServer();
      sockets.push(near);
    }),
  });
  const rows = () => page.locator(".row").count();
  assert.ok((await rows()) < 75, "not all at once");
  await eventually("all are there", async () => {
    await page.locator(".list-scroll").evaluate((it) => (it.scrollTop = it.scrollHeight));
    return (await rows()) === 75;
  });
  const ids = await page.locator(".row").evaluateAll((all) => all.map((it) => it.dataset.conversation));
  assert.equal(new Set(ids).size, 75);
  await sockets[0].close({ code: 4200, reason: "come again" });
  await eventually("it connects again", () => sockets.length === 2);
  await client.send(id, "Good morning");
  await Promise.all([badge(page, id, 1).waitFor(), total(page, 1).waitFor()]);
  await live(page);
  assert.equal(await rows(), 75);
  assert.equal(await page.locator(".row").first().getAttribute("data-conversation"), id);
  assertQuiet(page);
});

test("the total includes conversations that are not loaded", async () => {
  const n = fresh();
  const clients = upTo(40).map(() => new Caller(`client-${fresh()}`));
  for (const client of clients) await client.send(await client.open(`agency-${n}`), "Hello");
  const page = await begin(`agent-${n}`, "/tours");
  await total(page, 40).waitFor();
  await clients[0].send(await clients[0].open(`agency-${n}`), "Hello?");
  await total(page, 41).waitFor();
  await page.getByRole("link", { name: "Messages" }).click();
  await row(page, await clients[0].open(`agency-${n}`)).waitFor();
  assertQuiet(page);
});

test("messages of several days are shown below their days", async () => {
  const { client, id } = await pair();
  await client.send(id, "long ago");
  await client.send(id, "yesterday");
  await client.send(id, "today");
  const days = { "long ago": -40, yesterday: -1, today: 0 };
  const page = await open(client.user, id, {
    prepare: (context) => context.route(/\/api\/messages\?/, async (route) => {
      const response = await route.fetch();
      const answer = await response.json();
      for (const message of answer.data.messages) {
        const at = new Date();
        at.setDate(at.getDate() + days[message.content]);
        message.createdAt = at.toISOString();
      }
      await route.fulfill({ response, json: answer });
    }),
  });
  await text(page, "today").waitFor();
  const shown = await page.locator(".day").allTextContents();
  assert.equal(shown.length, 3);
  assert.deepEqual(shown.slice(1), ["Yesterday", "Today"]);
  assert.equal(await bubbles(page), 3);
  assertQuiet(page);
});
