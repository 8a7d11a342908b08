// The hook, the Pusher client and the event names of the requirements document, unmodified, in a browser.

import assert from "node:assert/strict";
import path from "node:path";
import { after, before } from "node:test";
import { build } from "esbuild";
import { complaints, launch } from "./browser.mjs";
import { Caller, PATIENCE, SERVER, channelsConfig, eventually, fresh, test } from "./support.mjs";

const REQUIREMENTS = path.join(import.meta.dirname, "requirements");

let browser = null;
let bundle = null;

before(async () => {
  [browser, bundle] = await Promise.all([launch(), bundled()]);
});

after(() => browser?.close());

async function bundled() {
  const { key, cluster, wsHost, wsPort } = await channelsConfig();
  const host = path.join(REQUIREMENTS, "host");
  const aliases = {
    name: "aliases",
    setup({ onResolve }) {
      onResolve({ filter: /^pusher$/ }, () => ({ path: path.join(host, "pusher.ts") }));
      onResolve({ filter: /^pusher-js$/ }, ({ importer }) =>
        importer.startsWith(host) ? null : { path: path.join(host, "pusher-js.ts") });
    },
  };
  const { outputFiles } = await build({
    entryPoints: [path.join(host, "page.tsx")],
    bundle: true,
    write: false,
    jsx: "automatic",
    alias: { "@": REQUIREMENTS },
    plugins: [aliases],
    define: {
      "process.env.NODE_ENV": '"production"',
      "process.env.NEXT_PUBLIC_PUSHER_KEY": JSON.stringify(key),
      "process.env.NEXT_PUBLIC_PUSHER_CLUSTER": JSON.stringify(cluster),
      "process.env.WS_HOST": JSON.stringify(wsHost),
      "process.env.WS_PORT": JSON.stringify(`${wsPort}`),
      "process.env": "{}",
    },
  });
  return outputFiles[0].text;
}

/** A page of the server's own origin that shows a conversation to this user. */
async function open(user, conversationId) {
  const context = await browser.newContext();
  context.setDefaultTimeout(PATIENCE);
  await context.addCookies([{ name: "demo_user", value: user, url: SERVER }]);
  // A page of the suite's own would have another address space than the server, to the browser.
  await context.grantPermissions(["local-network-access"], { origin: SERVER });
  const page = await context.newPage();
  page.complaints = complaints(page);
  const html = '<!doctype html><link rel="icon" href="data:,"><div id="root"></div><script src="/hook.js"></script>';
  const isPage = ({ pathname }) => pathname === "/hook";
  await page.route(isPage, (route) => route.fulfill({ contentType: "text/html", body: html }));
  await page.route("**/hook.js", (route) => route.fulfill({ contentType: "text/javascript", body: bundle }));
  let subscribed = false;
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => {
    subscribed ||= payload.includes("subscription_succeeded");
  }));
  await page.goto(`${SERVER}/hook?conversation=${conversationId}`);
  await eventually("the hook has subscribed", () => subscribed);
  await page.getByText("loaded", { exact: true }).waitFor();
  return page;
}

const shown = (page) => page.locator("li").allTextContents();

async function pair() {
  const n = fresh();
  const [client, agent] = [new Caller(`client-${n}`), new Caller(`agent-${n}`)];
  return { client, agent, id: await client.open(`agency-${n}`) };
}

test("the history is shown, and opening it marks it as read", async () => {
  const { client, agent, id } = await pair();
  for (const text of ["one", "two", "three"]) await client.send(id, text);
  assert.equal(await agent.unread(), 3);
  const page = await open(agent.user, id);
  assert.deepEqual(await shown(page), ["one", "two", "three"]);
  assert.equal(await agent.unread(), 0);
  assert.deepEqual(page.complaints, []);
});

test("a sent message is stored, answered and shown once", async () => {
  const { client, agent, id } = await pair();
  const page = await open(client.user, id);
  await page.locator("input").fill("Is the hut open in May?");
  await page.getByRole("button").click();
  await eventually("it is shown", async () => (await shown(page)).length > 0);
  const answer = JSON.parse(await page.locator("output").textContent());
  assert.equal(answer.success, true);
  const [stored] = await agent.history(id);
  assert.deepEqual(answer.data, stored);
  assert.deepEqual(await shown(page), ["Is the hut open in May?"]);
  assert.equal(await page.locator("li").getAttribute("data-sender"), client.user);
});

test("new-message delivers the other side's messages", async () => {
  const { client, agent, id } = await pair();
  const page = await open(agent.user, id);
  for (let n = 1; n <= 20; n += 1) await client.send(id, `message ${n}`);
  await eventually("all are shown", async () => (await shown(page)).length === 20);
  assert.deepEqual(await shown(page), Array.from({ length: 20 }, (_, i) => `message ${i + 1}`));
});

test("message-read delivers the receipt", async () => {
  const { client, agent, id } = await pair();
  const [first, second] = [await client.send(id, "first"), await client.send(id, "second")];
  const page = await open(client.user, id);
  const reads = () => page.locator("li").evaluateAll((items) => items.map((item) => item.dataset.read));
  assert.deepEqual(await reads(), ["", ""]);
  const { readAt } = await agent.read(id, first.id);
  await eventually("one is read", async () => (await reads())[0] === readAt);
  assert.deepEqual(await reads(), [readAt, ""]);
  const later = await agent.read(id, second.id);
  await eventually("both are read", async () => (await reads())[1] === later.readAt);
  assert.deepEqual(await reads(), [readAt, later.readAt]);
});
