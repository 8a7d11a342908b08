// Every page: accessible, by keyboard, at any width, in both colour schemes, and with resources of the server
// only.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { Caller, SERVER, eventually, fresh, test } from "./support.mjs";
import { assertOnlyFailedRequests, assertQuiet, begin, live, open, pair, start, stop, text, ticks } from "./web.mjs";

before(start);
after(stop);

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The findings of axe-core: rules, and elements. */
async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => ({ id, html, failureSummary })));
}

/** All pages and their states, for a conversation with every kind of content. */
async function everyPage() {
  const { n, client, agent, id } = await pair();
  await client.call("POST", "/demo/bookings", { agentId: `agency-${n}` });
  for (const [caller, content] of [[client, "Hello"], [agent, "<b>Hi</b>"], [agent, "שלום"]]) await caller.send(id, content);
  await new Caller(`client-${fresh()}`).open(`agency-${n}`);
  const blocked = await pair();
  await blocked.agent.call("PUT", `/api/messages/conversations/${blocked.id}/block`);
  const closed = await pair();
  await new Caller("admin-1").call("PUT", `/api/messages/admin/conversations/${closed.id}/close`);
  const reported = await client.post(`/messages/conversations/${id}/reports`, { reason: "Rude <b>words</b>" });
  const settled = await agent.post(`/messages/conversations/${id}/reports`, { reason: "Spam" });
  await new Caller("admin-1").post(`/messages/admin/reports/${settled.id}/dismiss`, { note: "It was not." });
  const thread = (page, of) => live(page, of);
  const isShown = (selector) => (page) => page.locator(selector).first().waitFor();
  const person = (user, path, ready) => ({ path: `/as/${user}${path}`, ready });
  return [
    { path: "/", ready: isShown(".person") },
    { path: "/as/nobody", ready: isShown(".error") },
    person(client.user, "/tours", isShown(".tour")),
    person(client.user, `/tours/tour-${n}`, isShown(".offer")),
    person(client.user, "/tours/none", isShown(".notice")),
    person(client.user, "/inbox", (page) => live(page)),
    person(client.user, `/inbox/${id}`, (page) => thread(page, id)),
    person(agent.user, `/inbox/${id}`, (page) => thread(page, id)),
    person(agent.user, `/tours/tour-${n}`, isShown(".offer")),
    person(blocked.client.user, `/inbox/${blocked.id}`, isShown(".no-writing")),
    person(blocked.agent.user, `/inbox/${blocked.id}`, isShown(".blocked")),
    person(closed.client.user, `/inbox/${closed.id}`, isShown(".no-writing")),
    person(`client-${fresh()}`, "/inbox", isShown(".empty a")),
    person("admin-1", "/admin/conversations", isShown(".row")),
    person("admin-1", `/admin/conversations/${id}`, isShown(".bubble")),
    person("admin-1", "/admin/reports", isShown(".row")),
    person("admin-1", `/admin/reports/${reported.id}`, isShown(".resolution-form")),
    person("admin-1", `/admin/reports/${settled.id}?status=dismissed`, isShown(".resolution")),
    person("admin-1", "/admin/reports/none", isShown(".error")),
    person("admin-1", "/admin/activity", isShown(".chart")),
    person("admin-1", "/admin/audit", isShown(".access")),
    {
      path: `/as/${client.user}/inbox/${id}`,
      ready: async (page) => {
        await live(page, id);
        await page.getByRole("button", { name: "Report" }).click();
        await page.getByRole("dialog").waitFor();
      },
    },
    {
      path: `/as/${client.user}/inbox/${id}`,
      ready: async (page) => {
        await page.getByRole("button", { name: /^You are/ }).click();
        await page.locator(".menu .person").first().waitFor();
      },
    },
  ];
}

for (const colorScheme of ["light", "dark"]) {
  for (const [kind, viewport] of [["phone", { width: 360, height: 740 }], ["desktop", { width: 1920, height: 1080 }]]) {
    test(`no page has an accessibility violation, or is wider than a ${kind} in the ${colorScheme}`, async () => {
      const context = (await begin("client-1", "/tours", { viewport, colorScheme })).context();
      const found = [];
      for (const { path, ready } of await everyPage()) {
        const page = await context.newPage();
        await page.goto(SERVER + path);
        await ready(page);
        found.push(...(await violations(page)).map((violation) => ({ path, ...violation })));
        const width = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(width <= viewport.width, `${path} is ${width} pixels wide`);
        await page.close();
      }
      assert.deepEqual(found, []);
      await context.close();
    });
  }
}

test("every action can be done by keyboard", async () => {
  const client = `client-${fresh()}`;
  const right = await open("agent-4");
  const page = await begin(client, "/tours");
  await page.locator(".tour").first().waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the page");
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  const tabTo = async (isIt) => {
    for (let presses = 0; !isIt(await focused()); presses += 1) {
      assert.ok(presses < 40, "it is never reached");
      await page.keyboard.press("Tab");
    }
  };
  const tours = await page.locator(".tour a").allTextContents();
  await tabTo((it) => it === tours[3]);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Ask the agent" }).waitFor();
  await tabTo((it) => it === "Ask the agent");
  await page.keyboard.press("Enter");
  await page.locator(".thread[data-live=true]").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "text", "one can write at once");
  await page.keyboard.type("By keyboard");
  await page.keyboard.press("Enter");
  await ticks(page, "Sent").waitFor();
  await right.locator(".last", { hasText: "By keyboard" }).first().waitFor();

  const label = () => page.evaluate(() => document.activeElement.ariaLabel);
  for (let presses = 0; (await label()) !== "Report"; presses += 1) {
    assert.ok(presses < 40);
    await page.keyboard.press("Shift+Tab");
  }
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await label(), "Report", "the focus is back");
  assertQuiet(page, right);
});

test("only new messages of the other side are announced", async () => {
  const { client, agent, id } = await pair();
  await client.send(id, "before");
  const page = await open(agent.user, id);
  const announced = page.locator("[aria-live=polite]");
  assert.equal(await announced.textContent(), "");
  await page.getByLabel("Your message").fill("mine");
  await page.keyboard.press("Enter");
  await ticks(page, "Sent").waitFor();
  assert.equal(await announced.textContent(), "");
  await client.send(id, "theirs");
  await text(page, "theirs").waitFor();
  assert.match(await announced.textContent(), /: theirs$/);
  assertQuiet(page);
});

test("pages allow only the server's scripts and styles", async () => {
  for (const path of ["/", "/as/client-1", "/as/client-1/inbox/x", "/assets/none.js", "/icon.svg"]) {
    const response = await fetch(SERVER + path);
    const isThere = !path.includes("none");
    assert.equal(response.status, isThere ? 200 : 404, path);
    if (!isThere) continue;
    const policy = response.headers.get("content-security-policy");
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/, path);
    assert.doesNotMatch(policy, /unsafe/, path);
    assert.equal(response.headers.get("x-content-type-options"), "nosniff", path);
  }
  const page = await begin("client-1");
  await live(page);
  const ran = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    document.body.append(script);
    return window.ran === true;
  });
  assert.equal(ran, false);
  assert.match(page.complaints.join(), /Content Security Policy/);
});

test("immutable files are cached, and others are requested", async () => {
  const html = await (await fetch(`${SERVER}/as/client-1`)).text();
  const [script] = html.match(/\/assets\/[^"]+\.js/);
  const found = await fetch(SERVER + script, { headers: { "accept-encoding": "gzip" } });
  assert.match(found.headers.get("cache-control"), /immutable/);
  assert.equal(found.headers.get("content-encoding"), "gzip");
  const page = await fetch(`${SERVER}/as/client-1`);
  assert.equal(page.headers.get("cache-control"), "no-cache");
});

test("a missing or foreign conversation closes again", async () => {
  const { agent } = await pair();
  for (const id of [(await pair()).id, "nonsense"]) {
    const page = await begin(agent.user, `/inbox/${id}`);
    await eventually("it has closed", () => new URL(page.url()).pathname.endsWith("/inbox"));
    await page.getByText("Choose a conversation").waitFor();
    assertOnlyFailedRequests(page);
  }
  const page = await begin(agent.user, "/admin/conversations");
  await eventually("it is not for them", () => new URL(page.url()).pathname.endsWith("/inbox"));
});

test("staff read without a receipt, close a conversation, and reopen it", async () => {
  const { client, agent, id } = await pair();
  await client.send(id, "Hello");
  const [left, staff] = [await open(client.user, id), await begin("admin-1", "/admin/conversations")];
  await staff.locator(`.row[data-conversation="${id}"]`).click();
  await text(staff, "Hello").waitFor();
  await staff.getByText("You read this as staff").waitFor();
  assert.equal(await agent.unread(), 1);
  assert.equal((await client.history(id))[0].readAt, null);
  await staff.getByRole("button", { name: "Close" }).click();
  await left.getByText("This conversation has been closed.").waitFor();
  await staff.getByRole("button", { name: "Reopen" }).click();
  await left.getByLabel("Your message").waitFor();
  await client.send(id, "Thank you");
  await staff.locator(".thread").getByRole("button", { name: "Look again" }).click();
  await text(staff, "Thank you").waitFor();
  assertQuiet(left, staff);
});

test("a visitor chooses a demo user", async () => {
  const page = await begin("nobody", "");
  page.complaints.length = 0;
  await page.getByText("There is no user “nobody”.").waitFor();
  await page.goto(SERVER);
  await page.getByRole("heading", { name: "Who are you today?" }).waitFor();
  await page.getByText(/agent-1$/).waitFor();
  await page.getByLabel("Someone else").fill("agent-4");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: /^You are / }).waitFor();
  await live(page);
  assert.equal(new URL(page.url()).pathname, "/as/agent-4/inbox");
});

test("the reference shows all routes and their responses", async () => {
  const { client } = await pair();
  const document = await (await fetch(`${SERVER}/api/messages/openapi.json`)).json();
  const count = Object.values(document.paths).flatMap((item) => Object.keys(item)).length;
  const page = await begin(client.user);
  await live(page);
  await page.goto(`${SERVER}/docs/`);
  await page.locator(".opblock").nth(count - 1).waitFor();
  assert.equal(await page.locator(".opblock").count(), count);
  await page.getByRole("button", { name: "Authorize" }).click();
  await page.getByLabel("Value:").first().fill(client.user);
  await page.getByRole("button", { name: "Apply credentials" }).first().click();
  await page.getByRole("button", { name: "Close" }).first().click();
  const list = page.locator("#operations-conversations-listConversations");
  await list.getByRole("button").first().click();
  await list.getByRole("button", { name: "Try it out" }).click();
  await list.getByRole("button", { name: "Execute" }).click();
  await list.locator(".live-responses-table .response-col_status", { hasText: "200" }).waitFor();
  await list.locator(".live-responses-table").getByText(client.user).first().waitFor();
  assertQuiet(page);
});
