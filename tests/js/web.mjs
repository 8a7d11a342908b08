// The application of `examples/web` as its users see it: windows and their contents.

import assert from "node:assert/strict";
import { complaints, launch } from "./browser.mjs";
import { Caller, PATIENCE, SERVER, fresh } from "./support.mjs";

const SECOND = 1000;
const DESKTOP = { width: 1180, height: 760 };

let browser = null;

export async function start() {
  browser = await launch();
}

export const stop = () => browser?.close();

/** Opens a window of this user at a path. The window records its errors. */
export async function begin(user, path = "/inbox", { prepare = () => {}, ...options } = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  context.setDefaultTimeout(PATIENCE);
  await prepare(context);
  return tab(context, user, path);
}

/** Opens another tab of the same browser. */
export async function tab(context, user, path = "/inbox") {
  const page = await context.newPage();
  page.complaints = complaints(page);
  await page.goto(`${SERVER}/as/${user}${path}`);
  return page;
}

/** Opens a window with the list, and with the conversation if its id is given; waits until events arrive. */
export async function open(user, id = "", options = {}) {
  const page = await begin(user, id ? `/inbox/${id}` : "/inbox", options);
  await live(page, id);
  return page;
}

/** Waits until events arrive: earlier changes have been fetched, and no later one is missed. */
export async function live(page, id = "") {
  await page.locator(".bar [data-live=true]").waitFor();
  if (id) await page.locator(".thread[data-live=true]").waitFor();
}

/** Opens a conversation by its row. */
export async function choose(page, id) {
  await row(page, id).click();
  await row(page, id).and(page.locator("[aria-current=page]")).waitFor();
  await live(page, id);
}

export async function write(page, content) {
  await page.getByLabel("Your message").fill(content);
  await page.keyboard.press("Enter");
}

/** A client, an agent, and their conversation. */
export async function pair() {
  const n = fresh();
  const [client, agent] = [new Caller(`client-${n}`), new Caller(`agent-${n}`)];
  return { n, client, agent, id: await client.open(`agency-${n}`) };
}

const exactly = (words) => new RegExp(`^${words.replace(/[^\w\s]/g, "\\$&")}$`);

export const row = (page, id) => page.locator(`.row[data-conversation="${id}"]`);
export const text = (page, content) => page.locator(".bubble .text", { hasText: exactly(content) });
export const last = (page, id, content) => row(page, id).locator(".last", { hasText: exactly(content) });
export const badge = (page, id, count) => row(page, id).locator(".badge", { hasText: exactly(`${count} unread`) });
export const total = (page, count) => page.locator(".bar .badge", { hasText: exactly(`${count} unread`) });
export const ticks = (page, words) => page.locator(".bubble").getByRole("img", { name: words });
export const texts = (page) => page.locator(".bubble .text").allTextContents();
export const bubbles = (page) => page.locator(".bubble").count();
export const titleOf = (page) => page.title();

export const isHistory = (url) => url.pathname === "/api/messages";
export const isList = (url) => url.pathname === "/api/messages/conversations";
export const isConversation = (id) => (url) => url.pathname === `/api/messages/conversations/${id}`;
export const isOf = (method, handle) => (route) =>
  route.request().method() === method ? handle(route) : route.fallback();

/** A promise that is resolved by `pass`. */
export function gate() {
  let pass = null;
  const passed = new Promise((resolve) => (pass = resolve));
  return { pass, passed };
}

/** The connections to the channels, which can be cut: a new connection then waits until it is restored. */
export class Channels {
  #lines = [];
  #open = gate();

  constructor({ isCut = false } = {}) {
    if (!isCut) this.restore();
  }

  stand(context) {
    return context.routeWebSocket(/\/app\//, async (near) => {
      await this.#open.passed;
      const far = near.connectToServer();
      const line = { near, isDead: false };
      near.onMessage((frame) => line.isDead || far.send(frame));
      far.onMessage((frame) => line.isDead || near.send(frame));
      this.#lines.push(line);
    });
  }

  async cut(code = 4200) {
    this.#open = gate();
    await Promise.all(this.#lines.splice(0).map(({ near }) => near.close({ code, reason: "cut" })));
  }

  /** Leaves the connections open, and forwards nothing. */
  die() {
    this.#open = gate();
    for (const line of this.#lines.splice(0)) line.isDead = true;
  }

  restore() {
    this.#open.pass();
  }
}

/** Waits for all of these together, for at most a second. */
export const withinASecond = (...locators) =>
  Promise.all(locators.map((locator) => locator.waitFor({ timeout: SECOND })));

export function assertQuiet(...pages) {
  for (const page of pages) assert.deepEqual(page.complaints, []);
}

/** Checks that a page's errors are only those of deliberately failed requests. */
export function assertOnlyFailedRequests(...pages) {
  const isFailure = (it) => it.startsWith("Failed to load resource") || it.startsWith("WebSocket connection to");
  for (const page of pages) assert.deepEqual(page.complaints.filter((it) => !isFailure(it)), []);
}
