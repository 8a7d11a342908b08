// Effects of the network on the application: the races of a careless hook, lost answers, lost connections.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Caller, eventually, fresh, test } from "./support.mjs";
import {
  Channels, assertOnlyFailedRequests, assertQuiet, badge, begin, bubbles, gate, isConversation, isHistory, isList, isOf, last,
  live, open, pair, row, start, stop, text, texts, ticks, write,
} from "./web.mjs";

before(start);
after(stop);

const all = (page, expected) =>
  eventually(`all of ${expected.length} are shown`, async () => (await bubbles(page)) >= expected.length);

test("race 1: a message that arrives while the history is loading is kept", async () => {
  const { client, agent, id } = await pair();
  await client.send(id, "before");
  const [asked, answered] = [gate(), gate()];
  let isFirst = true;
  const page = await begin(agent.user, `/inbox/${id}`, {
    prepare: (context) => context.route(isHistory, isOf("GET", async (route) => {
      const response = await route.fetch(); // as it is now
      if (isFirst) {
        isFirst = false;
        asked.pass();
        await answered.passed;
      }
      await route.fulfill({ response });
    })),
  });
  await asked.passed;
  await page.locator(".bar [data-live=true]").waitFor();
  await client.send(id, "meanwhile");
  await last(page, id, "meanwhile").waitFor();
  answered.pass();
  await live(page, id);
  assert.deepEqual(await texts(page), ["before", "meanwhile"]);
  assertQuiet(page);
});

test("race 2: a message between the history and the subscription is shown", async () => {
  const { client, agent, id } = await pair();
  await client.send(id, "before");
  const channels = new Channels({ isCut: true });
  const page = await begin(agent.user, `/inbox/${id}`, { prepare: (context) => channels.stand(context) });
  await text(page, "before").waitFor();
  await client.send(id, "between");
  channels.restore();
  await live(page, id);
  assert.deepEqual(await texts(page), ["before", "between"]);
  assertQuiet(page);
});

test("race 3: a message sent while the connection is lost is shown", async () => {
  const { client, agent, id } = await pair();
  const channels = new Channels();
  const page = await open(agent.user, id, { prepare: (context) => channels.stand(context) });
  await client.send(id, "one");
  await text(page, "one").waitFor();
  await channels.cut();
  await page.getByText("No connection.").waitFor();
  for (const content of ["two", "three"]) await client.send(id, content);
  channels.restore();
  await live(page, id);
  assert.deepEqual(await texts(page), ["one", "two", "three"]);
  await page.getByText("No connection.").waitFor({ state: "detached" });
  assertQuiet(page);
});

test("race 4: a message in the history before its event is shown once", async () => {
  const { client, agent, id } = await pair();
  const sockets = [];
  const late = [];
  const page = await open(agent.user, id, {
    prepare: (context) => context.routeWebSocket(/\/app\//, (near) => {
      near.connectToServer().onMessage((frame) => {
        if (frame.includes("new-message") && frame.includes("committed")) late.push(frame);
        else near.send(frame);
      });
      sockets.push(near);
    }),
  });
  await client.send(id, "committed");
  await eventually("its events are held back", () => late.length === 2);
  await page.reload();
  await live(page, id);
  await text(page, "committed").waitFor();
  for (const frame of late) sockets.at(-1).send(frame);
  await client.send(id, "after");
  await text(page, "after").waitFor();
  assert.deepEqual(await texts(page), ["committed", "after"]);
  assertQuiet(page);
});

test("with lost, repeated and undelivered events every message is shown once", async () => {
  const { client, agent, id } = await pair();
  const sockets = [];
  const page = await open(agent.user, id, {
    prepare: (context) => context.routeWebSocket(/\/app\//, (near) => {
      const far = near.connectToServer();
      sockets.push(near);
      far.onMessage((frame) => {
        if (frame.includes("is lost")) return; // as if it had never been sent
        near.send(frame);
        if (frame.includes("new-message")) near.send(frame);
      });
    }),
  });
  const sent = [];
  const send = async (content) => sent.push((await client.send(id, content)).content);
  for (const content of ["one", "two is lost", "three"]) await send(content);
  await all(page, sent);
  await sockets[0].close({ code: 4200, reason: "come again" });
  for (const content of ["four", "five"]) await send(content);
  await eventually("it connects again", () => sockets.length === 2);
  await send("six");
  await all(page, sent);
  assert.deepEqual(await texts(page), sent);
  await eventually("all are read", async () => (await agent.unread()) === 0);
  await page.locator(".row .badge").waitFor({ state: "detached" });
  assertQuiet(page);
});

test("a send whose answer was lost is repeated, and appears once", async () => {
  const { client, agent, id } = await pair();
  let lost = 0;
  const left = await open(client.user, id, {
    prepare: async (context) => {
      // Its event, which is lost as well, does not report its arrival.
      await context.routeWebSocket(/\/app\//, (near) => {
        near.connectToServer().onMessage((frame) => frame.includes("new-message") || near.send(frame));
      });
      await context.route(isHistory, isOf("POST", async (route) => {
        if (lost === 2) return route.continue();
        lost += 1;
        await route.fetch();
        await route.abort();
      }));
    },
  });
  await write(left, "Just once");
  await ticks(left, "Sent").waitFor();
  assert.equal(lost, 2);
  assert.deepEqual(await texts(left), ["Just once"]);
  assert.deepEqual((await agent.history(id)).map(({ content }) => content), ["Just once"]);
  assertOnlyFailedRequests(left);
});

test("after a cut of 20 seconds while both sides write every message is shown exactly once, in order", async () => {
  const { client, agent, id } = await pair();
  const channels = new Channels();
  const left = await open(client.user, id, {
    prepare: (context) => Promise.all([context.clock.install(), channels.stand(context)]),
  });
  const right = await open(agent.user, id);
  await write(left, "left 0");
  await text(right, "left 0").waitFor();

  await Promise.all([left.context().setOffline(true), channels.cut()]);
  await left.getByText("No connection.").waitFor();
  for (let n = 1; n <= 10; n += 1) {
    await Promise.all([write(left, `left ${n}`), write(right, `right ${n}`)]);
    await left.clock.runFor(2000);
  }
  assert.equal(await left.locator(".pending").count(), 10);
  assert.equal(await bubbles(right), 11);

  channels.restore();
  await left.context().setOffline(false);
  await live(left, id);
  await Promise.all([left, right].map((page) => all(page, Array.from({ length: 21 }))));
  await eventually("nothing is pending", async () => (await left.locator(".pending, .failed").count()) === 0);
  const stored = (await client.history(id)).map(({ content }) => content);
  assert.equal(stored.length, 21);
  for (const side of ["left", "right"]) {
    const written = stored.filter((content) => content.startsWith(side));
    const first = side === "left" ? 0 : 1;
    assert.deepEqual(written, Array.from({ length: 11 - first }, (_, at) => `${side} ${at + first}`));
  }
  for (const page of [left, right]) assert.deepEqual(await texts(page), stored);
  await eventually("both have read all", async () => (await client.unread()) + (await agent.unread()) === 0);
  assertOnlyFailedRequests(left);
  assertQuiet(right);
});

test("a gap before the first fetched page is filled, and nothing else is fetched", async () => {
  const { client, agent, id } = await pair();
  let isDown = true;
  let fetched = 0;
  let isListening = false;
  const page = await begin(agent.user, `/inbox/${id}`, {
    prepare: async (context) => {
      await context.route(isHistory, isOf("GET", (route) => {
        if (isDown) return route.fulfill({ status: 503, json: { success: false, error: "Come again" } });
        fetched += 1;
        return route.continue();
      }));
      await context.routeWebSocket(/\/app\//, (near) => {
        near.connectToServer().onMessage((frame) => {
          if (frame.includes("is lost")) return; // as if it had never been sent
          near.send(frame);
          isListening ||= frame.includes("subscription_succeeded") && frame.includes("private-conversation-");
        });
      });
    },
  });
  await page.locator(".thread").waitFor();
  const sent = ["the first"];
  await eventually("it listens", () => isListening);
  await client.send(id, "the first");
  await text(page, "the first").waitFor();
  for (let n = 1; n <= 60; n += 1) sent.push((await client.send(id, `${n} is lost`)).content);
  isDown = false;
  await all(page, sent);
  await live(page, id);
  sent.push((await client.send(id, "the last")).content);
  await all(page, sent);
  assert.deepEqual(await texts(page), sent);
  assert.ok(fetched <= 4, `${fetched} pages`);
  assertOnlyFailedRequests(page);
});

test("an old answer overwrites no newer data", async () => {
  const { n, client, agent, id } = await pair();
  await client.send(id, "older");
  const [asked, answered, subscribed] = [gate(), gate(), gate()];
  let isFirst = true;
  const page = await begin(agent.user, "/inbox", {
    prepare: async (context) => {
      // A request before the subscription would wait for the list, which is held.
      context.on("page", (opened) => opened.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => {
        const isIt = /subscription_succeeded/.test(payload) && /private-user-/.test(payload);
        if (isIt) subscribed.pass();
      })));
      await context.route(isList, async (route) => {
        const isHeld = isFirst;
        isFirst = false;
        const response = await route.fetch();
        if (isHeld) {
          asked.pass();
          await answered.passed;
        }
        await route.fulfill({ response });
      });
    },
  });
  await asked.passed;
  await subscribed.passed;
  await client.send(id, "newer");
  const appeared = await new Caller(`client-${fresh()}`).open(`agency-${n}`);
  await Promise.all([last(page, id, "newer"), row(page, appeared)].map((it) => it.waitFor()));
  answered.pass();
  await live(page);
  await badge(page, id, 2).waitFor();
  assert.equal(await last(page, id, "newer").count(), 1);
  assert.equal(await row(page, appeared).count(), 1);
  assertQuiet(page);
});

test("after a block and its end the user may write, in whatever order they are answered", async () => {
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
  assertQuiet(page);
});

test("a missing server is reported, and the page recovers with it", async () => {
  const { client, id } = await pair();
  let isDown = true;
  const page = await begin(client.user, `/inbox/${id}`, {
    prepare: (context) => context.route("**/demo/config", (route) => (isDown ? route.abort() : route.continue())),
  });
  await page.getByText("The server cannot be reached.").waitFor();
  isDown = false;
  await page.getByRole("button", { name: "Try again" }).click();
  await live(page, id);
  assertOnlyFailedRequests(page);
});
