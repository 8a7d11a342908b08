// Pages that slept or have no connection for long, and messages written on them meanwhile.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { eventually, fresh, test } from "./support.mjs";
import {
  Channels, assertOnlyFailedRequests, assertQuiet, begin, bubbles, live, open, pair, start, stop, tab, text, texts,
  ticks, write,
} from "./web.mjs";

before(start);
after(stop);

const MINUTE = 60_000;

/** The server's routes, which can be made unreachable. */
class Routes {
  isDown = false;
  #sent = [];

  stand(context) {
    return context.route("**/api/**", async (route) => {
      if (this.isDown) return route.abort();
      const [request, url] = [route.request(), new URL(route.request().url())];
      if (request.method() === "POST" && url.pathname === "/api/messages") this.#sent.push(request.postDataJSON().content);
      await route.continue();
    });
  }

  /** Returns the texts of all successful sends. */
  get sent() {
    return this.#sent;
  }
}

async function asleep() {
  const { client, agent, id } = await pair();
  const channels = new Channels();
  const page = await open(client.user, id, {
    prepare: (context) => Promise.all([context.clock.install(), channels.stand(context)]),
  });
  channels.die();
  await agent.send(id, "while you slept");
  const isLive = () => page.locator(".thread[data-live=true], .bar [data-live=true]").count();
  assert.equal(await isLive(), 2, "nothing has told the page yet");
  return { page, channels, agent, id, isLive };
}

const visibility = (page, state) => page.evaluate((now) => {
  Object.defineProperty(document, "visibilityState", { value: now, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}, state);

const wakings = {
  "is looked at again": async (page) => {
    await visibility(page, "hidden");
    await visibility(page, "visible");
  },
  "comes back from the cache": (page) => page.evaluate(() =>
    window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))),
  "has a network again": (page) => page.evaluate(() => window.dispatchEvent(new Event("online"))),
  "slept with its machine, and was told nothing": (page) => page.clock.fastForward(30 * MINUTE),
};

for (const [what, wake] of Object.entries(wakings)) {
  test(`a page that ${what} shows missed messages, and is not live before its connection has answered`, async () => {
    const { page, channels, agent, id, isLive } = await asleep();
    await wake(page);
    await text(page, "while you slept").waitFor();
    assert.equal(await isLive(), 0, "its connection is dead");
    await page.clock.runFor(5000);
    await page.getByText("No connection.").waitFor();
    assert.equal(await isLive(), 0);
    channels.restore();
    await live(page, id);
    await agent.send(id, "good morning");
    await text(page, "good morning").waitFor();
    assert.deepEqual(await texts(page), ["while you slept", "good morning"]);
    assertQuiet(page);
  });
}

test("a page that becomes visible on a good connection is live at once", async () => {
  const { client, agent, id } = await pair();
  const page = await open(client.user, id);
  let sockets = 0;
  page.on("websocket", () => (sockets += 1));
  await wakings["is looked at again"](page);
  await live(page, id);
  await agent.send(id, "hello");
  await text(page, "hello").waitFor();
  assert.equal(sockets, 0, "it is the same connection");
  assert.equal(await page.getByText("No connection.").count(), 0);
  assertQuiet(page);
});

test("a permanently refused connection is retried, and the page polls meanwhile", async () => {
  const { client, agent, id } = await pair();
  const channels = new Channels();
  const page = await open(client.user, id, {
    prepare: (context) => Promise.all([context.clock.install(), channels.stand(context)]),
  });
  // At 4000 to 4099 pusher-js gives up.
  await channels.cut(4001);
  await page.getByText("No connection.").waitFor();
  await agent.send(id, "is anybody there?");
  await page.clock.runFor(10_000);
  await text(page, "is anybody there?").waitFor();
  channels.restore();
  await page.clock.runFor(20_000);
  await live(page, id);
  await agent.send(id, "good");
  await text(page, "good").waitFor();
  assertOnlyFailedRequests(page);
});

/** Tabs of one browser without any connection, and the network between them and the server. */
async function cutOff(user, id, { tabs = 1 } = {}) {
  const [routes, channels] = [new Routes(), new Channels()];
  const page = await open(user, id, {
    prepare: (context) => Promise.all([context.clock.install(), routes.stand(context), channels.stand(context)]),
  });
  const pages = [page];
  while (pages.length < tabs) pages.push(await tab(page.context(), user, `/inbox/${id}`));
  for (const it of pages) await live(it, id);
  routes.isDown = true;
  await channels.cut();
  for (const it of pages) await it.getByText("No connection. What you write is sent as soon as it is back.").waitFor();
  const restore = () => {
    routes.isDown = false;
    channels.restore();
  };
  return { page, other: pages[1], routes, restore };
}

const contents = async (caller, id) => (await caller.history(id)).map(({ content }) => content);
const three = ["one", "two", "three"];

test("messages written without a connection are sent by themselves after five minutes, in order", async () => {
  const { client, agent, id } = await pair();
  const { page, restore } = await cutOff(client.user, id);
  for (const content of three) await write(page, content);
  await page.clock.runFor(5 * MINUTE);
  await page.getByText("Waiting for the connection").waitFor();
  assert.equal(await page.locator(".pending").count(), 3);
  assert.equal(await page.locator(".failed").count(), 0);
  restore();
  await page.clock.runFor(MINUTE / 2);
  await ticks(page, "Sent").nth(2).waitFor();
  assert.deepEqual(await contents(agent, id), three);
  assert.deepEqual(await texts(page), three);
  assertOnlyFailedRequests(page);
});

test("a message written without a connection survives a reload, and is sent once", async () => {
  const { client, agent, id } = await pair();
  const { page, routes, restore } = await cutOff(client.user, id);
  for (const content of three) await write(page, content);
  await page.locator(".pending").nth(2).waitFor();
  await page.reload();
  restore();
  await live(page, id);
  await ticks(page, "Sent").nth(2).waitFor();
  assert.deepEqual(await contents(agent, id), three);
  assert.deepEqual(await texts(page), three);
  await page.reload();
  await live(page, id);
  assert.deepEqual(await texts(page), three);
  assert.deepEqual(routes.sent, three, "and nothing a second time");
  assertOnlyFailedRequests(page);
});

test("an unsent message is sent from whatever page is opened next", async () => {
  const { client, agent, id } = await pair();
  const { page, restore } = await cutOff(client.user, id);
  await write(page, "see you");
  await page.locator(".pending").waitFor();
  await page.goto(new URL(`/as/${client.user}/tours`, page.url()).href);
  restore();
  await eventually("it has arrived", async () => (await contents(agent, id)).length === 1);
  assertOnlyFailedRequests(page);
});

test("two tabs send their messages in the common order of writing, those of a closed tab included", async () => {
  const { client, agent, id } = await pair();
  const { page, other, routes, restore } = await cutOff(client.user, id, { tabs: 2 });
  for (const [from, content] of [[page, "one"], [other, "two"], [page, "three"]]) {
    await write(from, content);
    await from.locator(".pending", { has: text(from, content) }).waitFor();
  }
  await page.close();
  restore();
  await live(other, id);
  await ticks(other, "Sent").nth(2).waitFor();
  assert.deepEqual(await contents(agent, id), three);
  assert.deepEqual(await texts(other), three);
  assert.deepEqual(routes.sent, three);
  assertOnlyFailedRequests(page, other);
});

test("two tabs that reconnect together send each message once", async () => {
  const { client, agent, id } = await pair();
  const { page, other, routes, restore } = await cutOff(client.user, id, { tabs: 2 });
  for (const [at, content] of three.entries()) await write([page, other][at % 2], content);
  await page.locator(".pending").nth(1).waitFor();
  restore();
  for (const it of [page, other]) await ticks(it, "Sent").nth(2).waitFor();
  assert.deepEqual(await contents(agent, id), three);
  for (const it of [page, other]) assert.deepEqual(await texts(it), three);
  assert.deepEqual(routes.sent, three);
  assertOnlyFailedRequests(page, other);
});

test("an unsent message of one user is not sent by the next user of the browser, and is kept", async () => {
  const { client, agent, id } = await pair();
  const { page, routes, restore } = await cutOff(client.user, id);
  await write(page, "for the agent only");
  await page.locator(".pending").waitFor();
  const next = `client-${fresh()}`;
  await page.goto(new URL(`/as/${next}/inbox`, page.url()).href);
  restore();
  await live(page);
  assert.deepEqual(routes.sent, []);
  assert.deepEqual(await contents(agent, id), []);
  await page.goto(new URL(`/as/${client.user}/inbox`, page.url()).href);
  await eventually("it has arrived", async () => (await contents(agent, id)).length === 1);
  assert.deepEqual(routes.sent, ["for the agent only"]);
  assertOnlyFailedRequests(page);
});

test("a waiting message can be discarded, and does not return", async () => {
  const { client, agent, id } = await pair();
  const { page, restore } = await cutOff(client.user, id);
  await write(page, "never mind");
  const giveUp = page.getByRole("button", { name: "Delete" });
  await eventually("it says that it waits", async () => {
    await page.clock.fastForward(9000);
    return (await giveUp.count()) > 0;
  });
  await giveUp.click();
  assert.equal(await bubbles(page), 0);
  await page.reload();
  restore();
  await live(page, id);
  assert.equal(await bubbles(page), 0);
  assert.deepEqual(await contents(agent, id), []);
  assertOnlyFailedRequests(page);
});

test("a browser that denies storage still shows and sends messages", async () => {
  const { client, agent, id } = await pair();
  const page = await begin(client.user, `/inbox/${id}`, {
    prepare: (context) => context.addInitScript(() => {
      for (const name of ["localStorage", "sessionStorage"]) {
        Object.defineProperty(window, name, { get: () => { throw new DOMException("denied", "SecurityError"); } });
      }
    }),
  });
  await live(page, id);
  await write(page, "all the same");
  await ticks(page, "Sent").waitFor();
  assert.deepEqual(await contents(agent, id), ["all the same"]);
  await page.getByLabel("Your message").fill("a draft");
  await page.getByRole("link", { name: "Tours", exact: true }).click();
  await page.locator(".tour").first().waitFor();
  assertQuiet(page);
});
