// Real browsers and servers: small screens, other keyboards, failures and missing answers.

import assert from "node:assert/strict";
import { after, before } from "node:test";
import { SERVER, eventually, test } from "./support.mjs";
import {
  assertOnlyFailedRequests, assertQuiet, begin, isHistory, isOf, live, open, pair, row, start, stop, text, ticks, write,
} from "./web.mjs";

before(start);
after(stop);

const LONG = "All of it, from the beginning. ".repeat(63).slice(0, 1950).trim();
const PHONES = {
  "whose keyboard is open": { width: 390, height: 420 },
  "that lies on its side": { width: 844, height: 390 },
};

for (const [what, viewport] of Object.entries(PHONES)) {
  test(`a message much taller than the pane is read on a phone ${what}`, async () => {
    const { client, agent, id } = await pair();
    await agent.send(id, LONG);
    const page = await begin(client.user, `/inbox/${id}`, { viewport, isMobile: true, hasTouch: true });
    await live(page, id);
    const height = await page.locator(".bubble").evaluate((it) => it.getBoundingClientRect().height);
    assert.ok(height > 0.5 * viewport.height, "it is tall");
    await eventually("it is read", async () => (await client.unread()) === 0);
    assertQuiet(page);
  });
}

test("a message much taller than the pane is not read by its first lines", async () => {
  const { client, agent, id } = await pair();
  for (let n = 1; n <= 30; n += 1) await agent.send(id, `message ${n}`);
  const page = await open(client.user, id, { viewport: PHONES["whose keyboard is open"], isMobile: true, hasTouch: true });
  await page.getByRole("button", { name: "To the newest message" }).click();
  await eventually("all are read", async () => (await client.unread()) === 0);
  const scroller = page.getByRole("region", { name: "Messages" });
  await scroller.evaluate((it) => (it.scrollTop -= 150));
  await page.getByRole("button", { name: "To the newest message" }).waitFor();
  await agent.send(id, LONG);
  await text(page, LONG).waitFor();
  // The first lines are in view when the message begins just above the end of the pane.
  await scroller.evaluate((it) => {
    const [pane, message] = [it.getBoundingClientRect(), it.querySelector('[data-seq="31"]').getBoundingClientRect()];
    it.scrollTop += message.top - pane.bottom + pane.height / 4;
  });
  await agent.send(id, "the last");
  await text(page, "the last").waitFor();
  assert.equal(await client.unread(), 2);
  await scroller.evaluate((it) => (it.scrollTop += it.clientHeight / 2));
  await eventually("it is read", async () => (await client.unread()) === 1);
  assertQuiet(page);
});

const broken = (page) => page.getByRole("alert").getByText("Something went wrong.");

test("a message that cannot be rendered does not affect others", async () => {
  const { client, agent, id } = await pair();
  await agent.send(id, "Hello");
  const page = await begin(client.user, `/inbox/${id}`, {
    prepare: (context) => context.route(isHistory, isOf("GET", async (route) => {
      const response = await route.fetch();
      const answer = await response.json();
      for (const message of answer.data.messages) message.createdAt = "never";
      await route.fulfill({ response, json: answer });
    })),
  });
  await broken(page).waitFor();
  await page.getByRole("button", { name: "Load the page again" }).waitFor();
  await page.getByRole("link", { name: "Tours", exact: true }).click();
  await page.locator(".tour").first().waitFor();
  assert.equal(await broken(page).count(), 0);
});

test("a missing part of the application is requested again with the page", async () => {
  let isGone = true;
  const page = await begin("admin-1", "/admin/conversations", {
    prepare: (context) => context.route("**/assets/staff-*", (route) =>
      (isGone ? route.fulfill({ status: 404 }) : route.continue())),
  });
  await broken(page).waitFor();
  isGone = false;
  await page.getByRole("button", { name: "Load the page again" }).click();
  await page.getByRole("heading", { name: "Conversations" }).first().waitFor();
});

test("a page whose script is missing says what to do", async () => {
  const page = await begin("client-1", "/inbox", {
    prepare: (context) => context.route("**/assets/index-*.js", (route) => route.fulfill({ status: 404 })),
  });
  await page.getByRole("link", { name: "load the page again" }).waitFor();
  assertOnlyFailedRequests(page);
});

/** A server that accepts some requests without answering them, until it is restarted. */
function silence(pattern) {
  let held = [];
  const prepare = async (context) => {
    await context.clock.install();
    await context.route(pattern, (route) => (held ? held.push(route) : route.continue()));
  };
  const restart = async () => {
    const lost = held;
    held = null;
    await Promise.all(lost.map((route) => route.abort()));
  };
  return { prepare, restart };
}

const SILENT = {
  "who this is": { of: "**/demo/**", path: "/inbox" },
  "the list": { of: "**/api/messages/**", path: "/inbox" },
  "a conversation": { of: "**/api/messages*", path: (id) => `/inbox/${id}` },
  "the tours": { of: "**/demo/tours", path: "/tours" },
};

for (const [what, { of, path }] of Object.entries(SILENT)) {
  test(`a server that does not answer the request for ${what} is reported within 5 seconds`, async () => {
    const { client, id } = await pair();
    const { prepare, restart } = silence(of);
    const page = await begin(client.user, typeof path === "string" ? path : path(id), { prepare });
    await page.getByText("Loading …").first().waitFor();
    await page.clock.runFor(5000);
    await page.getByText("The server does not answer.").first().waitFor();
    const again = page.getByRole("button", { name: "Try again" }).first();
    await again.click();
    await restart();
    // Lists retry by themselves, pages on request.
    const found = page.locator(".row, .tour, .bubble, .composer").first();
    await eventually("it is there", async () => {
      if (await found.isVisible()) return true;
      if (await again.isVisible()) await again.click({ timeout: 100 }).catch(() => {});
      return false;
    });
  });
}

test("Enter that ends a composition sends nothing, also if the browser has ended it before the key", async () => {
  const { client, agent, id } = await pair();
  const page = await open(client.user, id);
  const box = page.getByLabel("Your message");
  await box.fill("にほん");
  const enter = (options) => box.evaluate((field, init) => {
    const event = new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true, ...init });
    field.dispatchEvent(event);
    return event.defaultPrevented;
  }, options);
  assert.equal(await enter({ isComposing: true, keyCode: 229 }), false);
  assert.equal(await enter({ keyCode: 229 }), false, "as Safari tells it");
  assert.equal(await box.inputValue(), "にほん");
  assert.equal(await enter({ keyCode: 13 }), true);
  await ticks(page, "Sent").waitFor();
  assert.deepEqual((await agent.history(id)).map(({ content }) => content), ["にほん"]);
  assertQuiet(page);
});

for (const [kind, viewport] of [["phone", { width: 360, height: 740 }], ["desktop", { width: 1180, height: 760 }]]) {
  test(`a link to a missing conversation shows an error on a ${kind} until another one is opened`, async () => {
    const [{ agent }, other] = [await pair(), await pair()];
    const own = await agent.row((await agent.get("/messages/conversations"))[0].id);
    for (const link of [other.id, "nonsense"]) {
      const page = await begin(agent.user, `/inbox/${link}`, { viewport });
      await page.getByRole("alert").getByText("There is no such conversation").waitFor();
      await row(page, own.id).click();
      await page.locator(".thread[data-live=true]").waitFor();
      assert.equal(await page.getByText("There is no such conversation").count(), 0);
      assertOnlyFailedRequests(page);
    }
  });
}

/** Fonts stack marks of one kind, which normalising brings together. */
const PILED = [..."Zalgo"].map((letter) => letter + "\u0301\u0316".repeat(60)).join("").normalize("NFC");

test("marks stacked on letters are not painted over neighbouring text", async () => {
  const { client, agent, id } = await pair();
  const piled = (person) => ({ ...person, name: PILED, businessName: PILED });
  const page = await begin(client.user, `/inbox/${id}`, {
    prepare: async (context) => {
      // Names come from the host, texts from users; the server may limit either.
      await context.route(/\/api\/messages/, async (route) => {
        if (route.request().method() !== "GET") return route.continue();
        const response = await route.fetch();
        const answer = await response.json();
        const withMarks = (it) => {
          if (it?.agent) it.agent = piled(it.agent);
          if (it?.lastMessage) it.lastMessage.content = PILED;
          return it;
        };
        if (Array.isArray(answer.data)) answer.data.forEach(withMarks);
        withMarks(answer.data);
        withMarks(answer.data?.conversation);
        for (const message of answer.data?.messages ?? []) {
          if (message.content === "piled") message.content = PILED;
          message.sender = piled(message.sender);
        }
        await route.fulfill({ response, json: answer });
      });
    },
  });
  for (const content of ["above", "piled", "below"]) await agent.send(id, content);
  await page.reload();
  await live(page, id);
  await text(page, "below").waitFor();
  const places = page.locator(".bubble .text, .sender bdi, .row strong, .row .last bdi, .thread-title h2");
  const marked = await places.filter({ hasText: /\p{M}{20}/u }).all();
  assert.ok(marked.length >= 5, `${marked.length} places`);
  for (const place of marked) {
    const { box, around } = await place.evaluate((it) => {
      const line = it.closest(".bubble, .sender, strong, .last, h2");
      const { left, top, right, bottom } = line.getBoundingClientRect();
      return { box: { left, top, right, bottom }, around: line.className || line.tagName };
    });
    const picture = async (isShown) => {
      await place.evaluate((it, shown) => (it.style.visibility = shown ? "" : "hidden"), isShown);
      return page.screenshot({ caret: "hide", animations: "disabled" });
    };
    const pictures = [await picture(true), await picture(false)].map((it) => it.toString("base64"));
    await picture(true);
    const outside = await page.evaluate(async ({ pictures, box }) => {
      const pixels = await Promise.all(pictures.map(async (it) => {
        const bytes = Uint8Array.from(atob(it), (letter) => letter.charCodeAt(0));
        const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
        const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
        const drawn = canvas.getContext("2d");
        drawn.drawImage(bitmap, 0, 0);
        return drawn.getImageData(0, 0, bitmap.width, bitmap.height);
      }));
      const [{ data: shown, width }, { data: hidden }] = pixels;
      const found = [];
      for (let at = 0; at < shown.length; at += 4) {
        const [x, y] = [(at / 4) % width, Math.floor(at / 4 / width)];
        // Some scripts are a little taller than their line.
        const isInside = x >= box.left - 4 && x <= box.right + 4 && y >= box.top - 4 && y <= box.bottom + 4;
        // Repeated rendering of the same content may differ in single bits.
        const isOther = [0, 1, 2].some((part) => Math.abs(shown[at + part] - hidden[at + part]) > 40);
        if (!isInside && isOther) found.push([x, y]);
      }
      return found;
    }, { pictures, box });
    assert.deepEqual(outside.slice(0, 9), [], `around ${around} at ${JSON.stringify(box)}`);
  }
  assertQuiet(page);
});
