// The server's own page, in two windows of two users.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { complaints, launch } from "./browser.mjs";
import { takePictures } from "./pictures.mjs";
import { Caller, SERVER, eventually, fresh } from "./support.mjs";

const SECOND = 1000;

let browser = null;
before(async () => (browser = await launch()));
after(() => browser?.close());

/** A window of this user; with the conversation open if its id is given. All that happens is told to it. */
async function open(user, conversationId = "", prepare = () => {}) {
  const page = await begin(user, conversationId, prepare);
  await live(page, conversationId);
  return page;
}

/** The same, as soon as there is something to see. */
async function begin(user, conversationId = "", prepare = () => {}) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 760 } });
  context.setDefaultTimeout(10 * SECOND);
  await prepare(context);
  const page = await context.newPage();
  page.complaints = complaints(page);
  await page.goto(`${SERVER}/?as=${user}#${conversationId}`);
  await page.locator("#connection[data-state=connected]").waitFor();
  return page;
}

/** Waits until events arrive: what happened before has been fetched, and nothing after it is missed. */
async function live(page, conversationId = "") {
  await page.locator("#list[data-live=true]").waitFor({ state: "attached" });
  if (conversationId) await page.locator("#open[data-live=true]").waitFor();
}

async function choose(page, conversationId) {
  await row(page, conversationId).click();
  await row(page, conversationId).and(page.locator("[aria-current=true]")).waitFor();
  await live(page, conversationId);
}

const exactly = (words) => new RegExp(`^${words.replace(/[^\w\s]/g, "\\$&")}$`);
const row = (page, conversationId) => page.locator(`.row[href="#${conversationId}"]`);
const text = (page, content) => page.locator(".bubble .text", { hasText: exactly(content) });
const last = (page, id, content) => row(page, id).locator(".last", { hasText: exactly(content) });
const badge = (page, id, count) => row(page, id).locator(".badge", { hasText: exactly(`${count}`) });
const isHistory = (url) => url.pathname === "/api/messages";
const isList = (url) => url.pathname === "/api/messages/conversations";
const isConversation = (id) => (url) => url.pathname === `/api/messages/conversations/${id}`;
const isOf = (method, handle) => (route) =>
  route.request().method() === method ? handle(route) : route.fallback();

/** Something that is waited for until somebody says so. */
function gate() {
  let pass = null;
  const passed = new Promise((resolve) => (pass = resolve));
  return { pass, passed };
}

/** Nothing but requests that failed. */
function assertOnlyFailedRequests(page) {
  assert.deepEqual(page.complaints.filter((it) => !it.startsWith("Failed to load resource")), []);
}

async function write(page, content) {
  await page.getByLabel("Your message").fill(content);
  await page.keyboard.press("Enter");
}

async function pair() {
  const n = fresh();
  const [client, agent] = [new Caller(`client-${n}`), new Caller(`agent-${n}`)];
  return { n, client, agent, id: await client.open(`agency-${n}`) };
}

/** Waits for all of these at once, and at most a second. */
const withinASecond = (...locators) =>
  Promise.all(locators.map((locator) => locator.waitFor({ timeout: SECOND })));

test("a dot shows that the other side is looking at the conversation, too", async () => {
  const { client, agent, id } = await pair();
  const dot = (page) => page.locator("#their-dot");
  const left = await open(client.user, id);
  assert.equal(await dot(left).isVisible(), false);
  const right = await open(agent.user, id);
  await Promise.all([left, right].map((page) => dot(page).waitFor()));
  const second = await open(agent.user, id);
  await dot(second).waitFor();
  await right.close();
  await write(second, "Still here");
  await text(left, "Still here").waitFor();
  assert.equal(await dot(left).isVisible(), true, "the agent has another window");
  await second.close();
  await dot(left).waitFor({ state: "hidden" });
  assertOnlyFailedRequests(left);
});

test("a send shows in the other window within a second, the badge counts, the receipt returns", async () => {
  const { client, agent, id } = await pair();
  const [left, right] = [await open(client.user, id), await open(agent.user)];
  await write(left, "Is the hut open in May?");
  await withinASecond(
    text(left, "Is the hut open in May?"),
    last(right, id, "Is the hut open in May?"),
    badge(right, id, 1),
    right.locator("#total", { hasText: exactly("1") }),
  );
  await write(left, "And is there snow?");
  await withinASecond(badge(right, id, 2));
  assert.match(await right.title(), /^\(2\) /);
  await left.getByLabel("Sent", { exact: true }).nth(1).waitFor();

  await choose(right, id);
  await text(right, "And is there snow?").waitFor();
  await withinASecond(left.getByLabel(/^Read /).nth(1));
  assert.equal(await left.getByLabel("Sent", { exact: true }).count(), 0);
  await right.locator(".row .badge").waitFor({ state: "hidden" });
  assert.doesNotMatch(await right.title(), /^\(/);
  assert.equal(await agent.unread(), 0);

  await write(right, "Yes, from the tenth.");
  await withinASecond(text(left, "Yes, from the tenth."), right.getByLabel(/^Read /));
  for (const page of [left, right]) assert.deepEqual(page.complaints, []);
});

test("typing shows, and ends with the message", async () => {
  const { client, agent, id } = await pair();
  const [left, right] = [await open(client.user, id), await open(agent.user, id)];
  const box = left.getByLabel("Your message");
  await box.pressSequentially("Well");
  await withinASecond(right.locator("#typing", { hasText: "is typing" }));
  await box.press("Enter");
  await text(right, "Well").waitFor();
  await right.locator("#typing").waitFor({ state: "hidden" });
  await box.pressSequentially("Hm");
  await withinASecond(right.locator("#typing"));
  await box.fill("");
  await right.locator("#typing").waitFor({ state: "hidden" });
  for (const page of [left, right]) assert.deepEqual(page.complaints, []);
});

test("markup is text, and so is everything else that people write", async () => {
  const { client, agent, id } = await pair();
  const [left, right] = [await open(client.user, id), await open(agent.user, id)];
  const written = [
    '<img src=x onerror="document.title=1"><script>alert(1)</script><b>bold</b>',
    "two\nlines & &amp; entities",
    "شكرا <b>!</b> 2026",
    "👩‍👩‍👧‍👦 é ﷽",
  ];
  for (const content of written) await write(left, content);
  await eventually("all are shown", async () => (await right.locator(".bubble").count()) === written.length);
  assert.deepEqual(await right.locator(".bubble .text").allTextContents(), written);
  assert.deepEqual(await left.locator(".bubble .text").allTextContents(), written);
  assert.equal(await right.locator(".bubble .text *").count(), 0);
  const bidi = right.locator(".bubble .text").nth(2);
  assert.deepEqual(await bidi.evaluate((it) => [it.dir, getComputedStyle(it).unicodeBidi]), ["auto", "isolate"]);
  for (const page of [left, right]) assert.deepEqual(page.complaints, []);
});

test("a conversation is begun from the page, and a tour booked in it", async () => {
  const [client, agent] = [`client-${fresh()}`, "agent-3"];
  const [left, right] = [await open(client), await open(agent)];
  await left.getByRole("button", { name: "New" }).click();
  await left.getByRole("button", { name: /agency-3$/ }).click();
  await left.locator("#about", { hasText: "No booking yet" }).waitFor();
  const id = new URL(left.url()).hash.slice(1);
  await withinASecond(row(right, id));
  await live(left, id);
  await left.getByRole("button", { name: "Book a tour" }).click();
  await withinASecond(
    left.locator(".system", { hasText: "confirmed" }),
    left.locator("#about", { hasText: "BK-003-" }),
    badge(right, id, 1),
  );
  await left.getByRole("button", { name: "Book a tour" }).waitFor({ state: "hidden" });
  for (const page of [left, right]) assert.deepEqual(page.complaints, []);
});

test("older messages are shown on demand, in order", async () => {
  const { client, agent, id } = await pair();
  for (let n = 1; n <= 70; n += 1) await client.send(id, `message ${n}`);
  const page = await open(agent.user, id);
  await text(page, "message 70").waitFor();
  assert.equal(await page.locator(".bubble").count(), 50);
  await page.getByRole("button", { name: "Show older messages" }).click();
  await eventually("all are shown", async () => (await page.locator(".bubble").count()) === 70);
  const shown = await page.locator(".bubble .text").allTextContents();
  assert.deepEqual(shown, Array.from({ length: 70 }, (_, i) => `message ${i + 1}`));
  await page.getByRole("button", { name: "Show older messages" }).waitFor({ state: "hidden" });
  assert.deepEqual(page.complaints, []);
});

test("whatever the connection does, the page shows every message once", async () => {
  const { client, agent, id } = await pair();
  const sockets = [];
  const page = await open(agent.user, id, (context) =>
    context.routeWebSocket(/\/app\//, (near) => {
      const far = near.connectToServer();
      sockets.push(near);
      far.onMessage((frame) => {
        if (frame.includes("is lost")) return; // as if it had never been sent
        near.send(frame);
        if (frame.includes("new-message")) near.send(frame);
      });
    }));
  const sent = [];
  const send = async (content) => sent.push((await client.send(id, content)).content);
  const all = () => eventually("all are shown", async () =>
    (await page.locator(".bubble").count()) === sent.length);
  for (const content of ["one", "two is lost", "three"]) await send(content);
  await all();
  await sockets[0].close({ code: 4200, reason: "come again" });
  for (const content of ["four", "five"]) await send(content);
  await eventually("it connects again", () => sockets.length === 2);
  await send("six");
  await all();
  assert.deepEqual(await page.locator(".bubble .text").allTextContents(), sent);
  await eventually("all are read", async () => (await agent.unread()) === 0);
  await page.locator(".row .badge").waitFor({ state: "hidden" });
  assert.deepEqual(page.complaints, []);
});

test("a page that nobody sees marks nothing as read", async () => {
  const { client, agent, id } = await pair();
  const page = await open(agent.user, id);
  const visibility = (state) => page.evaluate((now) => {
    Object.defineProperty(document, "visibilityState", { value: now, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);
  await visibility("hidden");
  await client.send(id, "Are you there?");
  await text(page, "Are you there?").waitFor();
  await badge(page, id, 1).waitFor();
  assert.equal(await agent.unread(), 1);
  await visibility("visible");
  await eventually("it is read", async () => (await agent.unread()) === 0);
  assert.deepEqual(page.complaints, []);
});

test("who writes where nobody may is told so", async () => {
  const { client, agent, id } = await pair();
  const page = await open(client.user, id);
  await page.getByLabel("Your message").waitFor();
  await agent.call("PUT", `/api/messages/conversations/${id}/block`);
  await withinASecond(page.getByText("The other side takes no messages"));
  await agent.call("DELETE", `/api/messages/conversations/${id}/block`);
  await withinASecond(page.getByLabel("Your message"));
  assert.deepEqual(page.complaints, []);
});

test("a send that fails is told wherever one is, and waits where it was written", async () => {
  const { client, id } = await pair();
  const elsewhere = await client.open("agency-5");
  const left = await open(client.user, id);
  const [asked, answered] = [gate(), gate()];
  await left.route(isHistory, isOf("POST", async (route) => {
    asked.pass();
    await answered.passed;
    await route.abort();
  }), { times: 1 });
  await write(left, "Is this lost?");
  await asked.passed;
  await choose(left, elsewhere);
  assert.equal(await left.locator(".bubble").count(), 0);
  answered.pass();
  await left.locator("#toast", { hasText: "The server cannot be reached." }).waitFor();

  await choose(left, id);
  await left.locator(".failed", { has: text(left, "Is this lost?") }).getByText("Not sent").waitFor();
  assert.deepEqual(await client.history(id), []);
  await left.getByRole("button", { name: "Try again" }).click();
  await left.getByLabel("Sent", { exact: true }).waitFor();
  assert.equal(await text(left, "Is this lost?").count(), 1);
  await left.getByText("Not sent").waitFor({ state: "detached" });
  assert.deepEqual((await client.history(id)).map(({ content }) => content), ["Is this lost?"]);
  assertOnlyFailedRequests(left);
});

test("a gap before what was fetched first is filled, and that is all that is fetched", async () => {
  const { client, agent, id } = await pair();
  const subscribed = gate();
  let isDown = true;
  let fetched = 0;
  const page = await begin(agent.user, id, async (context) => {
    await context.route(isHistory, isOf("GET", (route) => {
      if (isDown) return route.fulfill({ status: 503, json: { success: false, error: "Come again" } });
      fetched += 1;
      return route.continue();
    }));
    await context.routeWebSocket(/\/app\//, (near) => {
      near.connectToServer().onMessage((frame) => {
        if (frame.includes("is lost")) return; // as if it had never been sent
        near.send(frame);
        if (frame.includes("subscription_succeeded") && frame.includes("private-conversation-")) subscribed.pass();
      });
    });
  });
  await subscribed.passed;
  const sent = ["the first"];
  await client.send(id, "the first");
  await text(page, "the first").waitFor();
  for (let n = 1; n <= 60; n += 1) sent.push((await client.send(id, `${n} is lost`)).content);
  isDown = false;
  const all = () => eventually("all are shown", async () => (await page.locator(".bubble").count()) === sent.length);
  await all();
  await live(page, id);
  sent.push((await client.send(id, "the last")).content);
  await all();
  assert.deepEqual(await page.locator(".bubble .text").allTextContents(), sent);
  await eventually("all are read", async () => (await agent.unread()) === 0);
  assert.ok(fetched <= 4, `${fetched} pages`);
  assertOnlyFailedRequests(page);
});

test("an old answer overwrites nothing newer", async () => {
  const { n, client, agent, id } = await pair();
  await client.send(id, "older");
  const [asked, answered] = [gate(), gate()];
  const page = await begin(agent.user, "", (context) =>
    context.route(isList, async (route) => {
      const response = await route.fetch();
      asked.pass();
      await answered.passed;
      await route.fulfill({ response });
    }, { times: 1 }));
  await asked.passed;
  await client.send(id, "newer");
  const appeared = await new Caller(`client-${fresh()}`).open(`agency-${n}`);
  await Promise.all([last(page, id, "newer"), badge(page, id, 2), row(page, appeared)].map((it) => it.waitFor()));
  answered.pass();
  await live(page);
  assert.equal(await last(page, id, "newer").count(), 1);
  assert.equal(await badge(page, id, 2).count(), 1);
  assert.equal(await row(page, appeared).count(), 1);
  assert.deepEqual(page.complaints, []);
});

test("after a block and its end one may write, in whatever order they are answered", async () => {
  const { client, agent, id } = await pair();
  const page = await open(client.user, id);
  const [asked, answered] = [gate(), gate()];
  let answers = 0;
  await page.route(isConversation(id), async (route) => {
    const response = await route.fetch();
    const isBlocked = (await response.json()).data.canSend === false;
    if (isBlocked) {
      asked.pass();
      await answered.passed;
    }
    await route.fulfill({ response });
    answers += 1;
  });
  await agent.call("PUT", `/api/messages/conversations/${id}/block`);
  await asked.passed;
  await agent.call("DELETE", `/api/messages/conversations/${id}/block`);
  await agent.send(id, "You may write again.");
  await text(page, "You may write again.").waitFor();
  answered.pass();
  await eventually("both are answered", () => answers >= 2);
  await agent.send(id, "Really.");
  await text(page, "Really.").waitFor();
  await page.getByLabel("Your message").waitFor();
  assert.deepEqual(page.complaints, []);
});

test("a long list stays long when the connection comes back", async () => {
  const { n, client, agent, id } = await pair();
  for (let other = 0; other < 32; other += 1) await new Caller(`client-${fresh()}`).open(`agency-${n}`);
  const sockets = [];
  const page = await open(agent.user, "", (context) =>
    context.routeWebSocket(/\/app\//, (near) => {
      near.connectToServer();
      sockets.push(near);
    }));
  assert.equal(await page.locator(".row").count(), 30);
  await page.getByRole("button", { name: "Show more" }).click();
  await page.getByRole("button", { name: "Show more" }).waitFor({ state: "hidden" });
  assert.equal(await page.locator(".row").count(), 33);
  await sockets[0].close({ code: 4200, reason: "come again" });
  await client.send(id, "Good morning");
  await badge(page, id, 1).waitFor();
  await live(page);
  assert.equal(await page.locator(".row").count(), 33);
  assert.equal(await page.locator(".row").first().getAttribute("href"), `#${id}`);
  assert.equal(await page.getByRole("button", { name: "Show more" }).isVisible(), false);
  assert.deepEqual(page.complaints, []);
});

test("what is not there, or not theirs, closes again", async () => {
  const { agent } = await pair();
  const page = await open(agent.user);
  for (const id of [(await pair()).id, "nonsense"]) {
    await page.evaluate((hash) => (location.hash = hash), id);
    await eventually("it has closed", () => !page.url().includes(id));
    await page.locator("#nothing-open").waitFor();
  }
  assertOnlyFailedRequests(page);
});

test("staff read without being noticed", async () => {
  const { client, agent, id } = await pair();
  await client.send(id, "Hello");
  const context = await browser.newContext();
  const page = await context.newPage();
  page.complaints = complaints(page);
  await page.goto(`${SERVER}/?as=admin-1#${id}`);
  await text(page, "Hello").waitFor();
  await page.getByText("You read this as staff").waitFor();
  assert.equal(await agent.unread(), 1);
  assert.equal((await client.history(id))[0].readAt, null);
  assert.deepEqual(page.complaints, []);
});

test("whoever opens the page chooses who to be", async () => {
  const page = await (await browser.newContext()).newPage();
  page.complaints = complaints(page);
  await page.goto(SERVER);
  await page.getByRole("heading", { name: "Who are you today?" }).waitFor();
  await page.getByText(/agent-1$/).waitFor();
  await page.getByLabel("Someone else", { exact: true }).fill("agent-4");
  await page.keyboard.press("Enter");
  await page.locator("#my-role:not(:empty)").waitFor();
  await page.locator("#connection[data-state=connected]").waitFor();
  assert.deepEqual(page.complaints, []);
});

if (process.env.SCREENSHOTS) {
  test("pictures", () => takePictures(browser, process.env.SCREENSHOTS));
}
