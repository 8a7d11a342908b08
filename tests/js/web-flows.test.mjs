// Uses of the application, by two or three users at once.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Caller, eventually, fresh, test } from "./support.mjs";
import {
  assertOnlyFailedRequests, assertQuiet, badge, begin, bubbles, choose, gate, isHistory, isOf, last, live, open, pair,
  row, start, stop, tab, text, texts, ticks, titleOf, total, withinASecond, write,
} from "./web.mjs";

before(start);
after(stop);

test("a client asks the agent of a tour before any booking, and books", async () => {
  const n = fresh();
  const client = `client-${n}`;
  const right = await open("agent-3");
  const left = await begin(client, "/tours");
  await left.getByRole("link", { name: "Messages" }).waitFor();
  await left.locator(".tour", { hasText: "Northern Light Tours" }).getByRole("link").click();
  await left.getByRole("button", { name: "Ask the agent" }).click();
  await left.locator(".about", { hasText: "No booking yet" }).waitFor();
  const id = new URL(left.url()).pathname.split("/").at(-1);
  await live(left, id);
  await write(left, "Do you take children along?");
  await withinASecond(last(right, id, "Do you take children along?"), badge(right, id, 1));

  await left.getByRole("link", { name: "Tours", exact: true }).click();
  await left.locator(".tour", { hasText: "Northern Light Tours" }).getByRole("link").click();
  await left.getByRole("button", { name: "Book", exact: true }).click();
  await withinASecond(
    left.locator(".system", { hasText: "confirmed" }),
    left.locator(".about", { hasText: /^BK-003-\d+ · / }),
    badge(right, id, 2),
  );
  assert.equal(new URL(left.url()).pathname, `/as/${client}/inbox/${id}`, "the same conversation");
  await left.getByRole("link", { name: "Tours", exact: true }).click();
  await left.locator(".tour", { hasText: "Northern Light Tours" }).getByRole("link").click();
  await left.locator(".booked").waitFor();
  assert.equal(await left.getByRole("button", { name: "Book", exact: true }).count(), 0);
  assertQuiet(left, right);
});

test("a send shows in the other window within a second, the badge counts, the receipt returns", async () => {
  const { client, agent, id } = await pair();
  const [left, right] = [await open(client.user, id), await open(agent.user)];
  await write(left, "Is the hut open in May?");
  await withinASecond(
    text(left, "Is the hut open in May?"),
    last(right, id, "Is the hut open in May?"),
    badge(right, id, 1),
    total(right, 1),
  );
  await write(left, "And is there snow?");
  await withinASecond(badge(right, id, 2), total(right, 2));
  await eventually("the title counts", async () => /^\(2\) /.test(await titleOf(right)));
  await ticks(left, "Sent").nth(1).waitFor();

  await choose(right, id);
  await text(right, "And is there snow?").waitFor();
  await right.locator(".new").waitFor();
  await withinASecond(ticks(left, /^Read /).nth(1));
  assert.equal(await ticks(left, "Sent").count(), 0);
  await Promise.all([".row .badge", ".bar .badge"].map((it) => right.locator(it).waitFor({ state: "detached" })));
  assert.doesNotMatch(await titleOf(right), /^\(/);
  assert.equal(await agent.unread(), 0);

  await write(right, "Yes, from the tenth.");
  await withinASecond(text(left, "Yes, from the tenth."), ticks(right, /^Read /));
  assertQuiet(left, right);
});

test("a message is shown on the other screen within half a second", async (context) => {
  const { client, agent, id } = await pair();
  const [left, right] = [await open(client.user, id), await open(agent.user, id)];
  const took = [];
  for (let n = 0; n < 20; n += 1) {
    const [from, to] = n % 2 === 0 ? [left, right] : [right, left];
    await from.getByLabel("Your message").fill(`message ${n}`);
    const shown = text(to, `message ${n}`).waitFor();
    const sent = performance.now();
    await from.keyboard.press("Enter");
    await shown;
    took.push(performance.now() - sent);
  }
  took.sort((a, b) => a - b);
  const [median, slowest] = [took[10], took[19]].map(Math.round);
  context.diagnostic(`from key to other screen: median ${median} ms, slowest ${slowest} ms`);
  assert.ok(median < 500, `${median} ms`);
  assertQuiet(left, right);
});

test("the conversation with the newest message is first in the list", async () => {
  const n = fresh();
  const clients = [1, 2, 3].map(() => new Caller(`client-${fresh()}`));
  const ids = await Promise.all(clients.map((client) => client.open(`agency-${n}`)));
  const right = await open(`agent-${n}`);
  const pages = await Promise.all(clients.slice(0, 2).map((client, at) => open(client.user, ids[at])));
  const order = () => right.locator(".row").evaluateAll((rows) => rows.map((it) => it.dataset.conversation));
  for (const [at, content] of [[1, "first"], [0, "second"], [1, "third"]]) {
    await write(pages[at], content);
    await last(right, ids[at], content).waitFor();
    assert.equal((await order())[0], ids[at]);
  }
  assert.deepEqual(await order(), [ids[1], ids[0], ids[2]]);
  assertQuiet(right, ...pages);
});

test("typing is shown, and ends with the message", async () => {
  const { client, agent, id } = await pair();
  const [left, right] = [await open(client.user, id), await open(agent.user, id)];
  const box = left.getByLabel("Your message");
  const typing = right.getByText("is typing");
  await box.pressSequentially("Well");
  await withinASecond(typing);
  await box.press("Enter");
  await text(right, "Well").waitFor();
  await typing.waitFor({ state: "detached" });
  await box.pressSequentially("Hm");
  // The start of typing is sent at most once a second.
  await typing.waitFor();
  await box.fill("");
  await typing.waitFor({ state: "detached" });
  assertQuiet(left, right);
});

test("a dot shows whether the other side is in the conversation", async () => {
  const { client, agent, id } = await pair();
  const left = await open(client.user, id);
  const here = left.locator(".thread-head").getByRole("img", { name: "Here now" });
  assert.equal(await here.count(), 0);
  const right = await open(agent.user, id);
  await here.waitFor();
  const second = await open(agent.user, id);
  await right.close();
  await write(second, "Still here");
  await text(left, "Still here").waitFor();
  assert.equal(await here.count(), 1, "the agent has another window");
  await second.close();
  await here.waitFor({ state: "detached" });

  assertQuiet(left);
});

test("a dot in the list shows whether the other side is online", async () => {
  const { client, agent, id } = await pair();
  const elsewhere = await begin(agent.user, "/tours");
  await live(elsewhere);
  const left = await open(client.user);
  await row(left, id).getByRole("img", { name: "Online" }).waitFor();
  assertQuiet(left, elsewhere);
});

test("two tabs of one user show the same unread count", async () => {
  const { client, agent, id } = await pair();
  const one = await open(agent.user);
  const other = await tab(one.context(), agent.user, "/tours");
  await live(other);
  for (const count of [1, 2, 3]) {
    await client.send(id, `message ${count}`);
    await Promise.all([badge(one, id, count), total(one, count), total(other, count)].map((it) => it.waitFor()));
  }
  await choose(one, id);
  await Promise.all([one, other].map((page) => page.locator(".bar .badge").waitFor({ state: "detached" })));
  for (const page of [one, other]) assert.doesNotMatch(await titleOf(page), /^\(/);
  assert.equal(await agent.unread(), 0);
  assertQuiet(one, other);
});

test("a blocked user sees the block, and the blocking user can end it", async () => {
  const { client, agent, id } = await pair();
  const [left, right] = [await open(client.user, id), await open(agent.user, id)];
  await right.getByRole("button", { name: "Block" }).click();
  await withinASecond(
    left.getByText("The other side takes no messages"),
    right.getByText("You have blocked this conversation"),
    row(right, id).getByText("blocked"),
  );
  assert.equal(await right.getByRole("button", { name: "Block", pressed: true }).count(), 1);
  await right.getByRole("button", { name: "Unblock" }).click();
  await withinASecond(left.getByLabel("Your message"));
  await right.getByText("You have blocked this conversation").waitFor({ state: "detached" });
  await write(left, "Thank you");
  await text(right, "Thank you").waitFor();
  assertQuiet(left, right);
});

test("a reported user is not notified, and staff see the evidence and resolve the report", async () => {
  const { n, client, agent, id } = await pair();
  await agent.send(id, "Pay me outside of this site");
  await agent.send(id, "<b>Now</b>");
  const [left, right] = [await open(client.user, id), await open(agent.user, id)];
  const report = async (reason, about) => {
    await left.getByRole("button", { name: "Report" }).click();
    const dialog = left.getByRole("dialog");
    if (about) await dialog.getByLabel("What is it about?").selectOption({ label: `“${about}”` });
    await dialog.getByLabel("What is wrong?").fill(reason);
    await dialog.getByRole("button", { name: "Send the report" }).click();
    await dialog.waitFor({ state: "detached" });
    await left.getByText("Thank you. The staff will look at it.").waitFor();
  };
  await report(`Money, again ${n}`, "Pay me outside of this site");
  await report("And <i>rude</i>");
  await agent.send(id, "Hello?");
  await text(right, "Hello?").waitFor();
  assert.equal(await right.getByText(/report/i).count(), 0);

  const staff = await begin("admin-1", "/admin/reports");
  const [found] = await new Caller("admin-1").get("/messages/admin/reports?status=open&limit=1");
  const listed = staff.locator(`.row[data-report="${found.id}"]`);
  await listed.getByText("2 complaints").waitFor();
  await listed.click();
  const complaints = staff.locator(".complaints li");
  await complaints.nth(1).waitFor();
  assert.deepEqual(await complaints.locator(".text").allTextContents(), [`Money, again ${n}`, "And <i>rude</i>"]);
  assert.deepEqual(await complaints.locator("blockquote").allTextContents(), ["Pay me outside of this site"]);
  assert.deepEqual(await texts(staff), ["Pay me outside of this site", "<b>Now</b>"], "as it was then");

  await staff.getByLabel("What was done").fill("Has been warned.");
  await staff.getByRole("button", { name: "Resolve" }).click();
  await staff.locator(".resolution", { hasText: "Resolved by" }).getByText("Has been warned.").waitFor();
  await listed.waitFor({ state: "detached" });
  await staff.getByRole("link", { name: "resolved" }).click();
  await listed.click();
  await staff.getByRole("link", { name: "Transcript" }).click();
  await text(staff, "Hello?").waitFor();
  assertQuiet(left, right, staff);
});

test("a report that cannot be sent shows the reason, and can be sent again", async () => {
  const { client, id } = await pair();
  const left = await open(client.user, id);
  await left.getByRole("button", { name: "Report" }).click();
  const dialog = left.getByRole("dialog");
  await dialog.getByLabel("What is wrong?").fill(" \n");
  await dialog.getByRole("button", { name: "Send the report" }).click();
  await dialog.getByText(/must contain at least one visible character/).waitFor();
  await dialog.getByLabel("What is wrong?").fill("spam");
  await dialog.getByRole("button", { name: "Send the report" }).click();
  await dialog.waitFor({ state: "detached" });
  const [report] = await new Caller("admin-1").get("/messages/admin/reports?limit=1");
  assert.deepEqual(report.complaints.map(({ reason }) => reason), ["spam"]);
  assertOnlyFailedRequests(left);
});

test("staff see the activity of all agents or of one", async () => {
  const { n, client, agent, id } = await pair();
  for (const content of ["One", "Two", "Three"]) await client.send(id, content);
  await agent.send(id, "Four");
  const staff = await begin("admin-1", "/admin/activity");
  const total = (title) => staff.locator(".chart", { hasText: title }).locator(".total");
  await total("Messages").waitFor();
  await staff.getByLabel("Agent", { exact: true }).fill(`agency-${n}`);
  await staff.keyboard.press("Enter");
  await total("Messages").getByText(/^4$/).waitFor();
  await total("Conversations opened").getByText(/^1$/).waitFor();
  await staff.locator(".chart", { hasText: "Active people" }).getByText("at most 2", { exact: true }).waitFor();
  const row = staff.getByRole("table", { name: "Messages" }).getByRole("row").last();
  assert.match(await row.textContent(), /4$/, "the last hour is the present one");
  await staff.getByRole("button", { name: "7 days" }).click();
  await eventually("days are shown", async () =>
    (await staff.getByRole("table", { name: "Messages" }).getByRole("row").count()) < 12);
  await total("Messages").getByText(/^4$/).waitFor();
  await staff.getByLabel("Agent", { exact: true }).fill("<img/src=x/onerror=alert(1)>");
  await staff.keyboard.press("Enter");
  await staff.getByText("<img/src=x/onerror=alert(1)>, by the day").waitFor();
  await total("Messages").getByText(/^0$/).waitFor();
  assertQuiet(staff);
});

test("each access by staff is in the log, which staff can read", async () => {
  const { client, id } = await pair();
  await client.send(id, "Hello");
  const staff = await begin("admin-2", `/admin/conversations/${id}`);
  await text(staff, "Hello").waitFor();
  await staff.getByRole("link", { name: "Audit" }).click();
  const rows = staff.locator(".access");
  await rows.first().waitFor();
  assert.equal(await rows.first().getAttribute("data-action"), "read_audit", "also this");
  const read = rows.filter({ hasText: "read messages" }).first();
  await read.getByRole("link", { name: "the conversation" }).click();
  await text(staff, "Hello").waitFor();
  assertQuiet(staff);
});

test("a refused send shows the reason in its conversation, and can be retried or discarded", async () => {
  const { client, agent, id } = await pair();
  const elsewhere = await client.open("agency-5");
  const left = await open(client.user, id);
  const [asked, passed] = [gate(), gate()];
  await left.route(isHistory, isOf("POST", async (route) => {
    asked.pass();
    await passed.passed;
    await route.continue();
  }), { times: 1 });
  await write(left, "Is this refused?");
  await asked.passed;
  await left.locator(".pending", { has: text(left, "Is this refused?") }).waitFor();
  await choose(left, elsewhere);
  assert.equal(await bubbles(left), 0);
  await agent.call("PUT", `/api/messages/conversations/${id}/block`);
  passed.pass();
  await choose(left, id);
  const failed = left.locator(".failed", { has: text(left, "Is this refused?") });
  await failed.getByText("Not sent").waitFor();
  assert.deepEqual(await client.history(id), []);

  await agent.call("DELETE", `/api/messages/conversations/${id}/block`);
  await left.getByLabel("Your message").waitFor();
  await failed.getByRole("button", { name: "Try again" }).click();
  await ticks(left, "Sent").waitFor();
  assert.deepEqual(await texts(left), ["Is this refused?"]);
  assert.deepEqual((await client.history(id)).map(({ content }) => content), ["Is this refused?"]);

  await agent.call("PUT", `/api/messages/conversations/${id}/block`);
  await left.getByText("The other side takes no messages").waitFor();
  await agent.call("DELETE", `/api/messages/conversations/${id}/block`);
  await left.getByLabel("Your message").waitFor();
  await left.route(isHistory, isOf("POST", (route) =>
    route.fulfill({ status: 403, json: { success: false, error: "Not now.", code: "forbidden" } })), { times: 1 });
  await write(left, "Never mind");
  await left.locator(".failed").getByText("Not now.").waitFor();
  await left.getByRole("button", { name: "Delete" }).click();
  await left.locator(".failed").waitFor({ state: "detached" });
  assert.deepEqual(await texts(left), ["Is this refused?"]);
  assertOnlyFailedRequests(left);
});

test("a composer counts characters, refuses more than 2,000, and keeps unsent text", async () => {
  const { client, id } = await pair();
  const elsewhere = await client.open("agency-6");
  const left = await open(client.user, id);
  const [box, send] = [left.getByLabel("Your message"), left.getByRole("button", { name: "Send" })];
  assert.equal(await send.isDisabled(), true);
  await box.fill("  \n ");
  assert.equal(await send.isDisabled(), true);
  await box.fill("🙂".repeat(1801));
  await left.getByText("199 left").waitFor();
  await box.fill("🙂".repeat(2001));
  await left.getByText("1 too many").waitFor();
  assert.equal(await send.isDisabled(), true);
  await box.press("Enter");
  await choose(left, elsewhere);
  assert.equal(await box.inputValue(), "");
  await choose(left, id);
  await left.getByText("1 too many").waitFor();
  await box.fill("🙂".repeat(2000));
  await left.getByText("0 left").waitFor();
  await box.press("Shift+Enter");
  await box.press("Enter");
  await ticks(left, "Sent").waitFor();
  assert.equal((await client.history(id))[0].content, "🙂".repeat(2000));
  assert.equal(await box.inputValue(), "");
  assertQuiet(left);
});

test("markup and all other input of users is shown as text", async () => {
  const { client, agent, id } = await pair();
  const [left, right] = [await open(client.user, id), await open(agent.user, id)];
  const written = [
    "two\nlines & &amp; entities",
    "شكرا <b>!</b> 2026",
    "👩‍👩‍👧‍👦 é ﷽",
    '<img src=x onerror="document.title=1"><script>alert(1)</script><b>bold</b>',
  ];
  for (const content of written) await write(left, content);
  await eventually("all are shown", async () => (await bubbles(right)) === written.length);
  for (const page of [left, right]) {
    assert.deepEqual(await texts(page), written);
    assert.equal(await page.locator(".bubble .text *").count(), 0);
  }
  await last(right, id, written.at(-1)).waitFor();
  assert.equal(await row(right, id).locator(".last bdi *").count(), 0);
  const bidi = right.locator(".bubble .text").nth(1);
  assert.deepEqual(await bidi.evaluate((it) => [it.dir, getComputedStyle(it).unicodeBidi]), ["auto", "isolate"]);
  assert.match(await titleOf(right), / · Wayfare$/);
  const staff = await begin("admin-1", `/admin/conversations/${id}`);
  await text(staff, written.at(-1)).waitFor();
  assert.deepEqual(await texts(staff), written);
  assertQuiet(left, right, staff);
});

test("a window can change its user", async () => {
  const page = await open("client-1");
  await page.getByRole("button", { name: /^You are / }).click();
  await page.getByRole("link", { name: /agent-1$/ }).click();
  await page.getByRole("button", { name: /^You are Hana Almeida/ }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/as/agent-1/inbox");
  await live(page);
  assertQuiet(page);
});
