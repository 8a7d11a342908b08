// Pictures of the server's page, for people to look at; on a server without data they are those of the README.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { Caller, SERVER } from "./support.mjs";

const DESKTOP = { width: 1120, height: 720 };
const PHONE = { width: 390, height: 780 };

const TALK = [
  ["client", "Hello! We are two, and have booked the vineyards for the first week of May. Is it warm enough by then?"],
  ["agent", "Good morning, Jonas. By noon it is; bring a jacket for the mornings."],
  ["agent", "The bicycles will be at your hotel."],
  ["client", "Perfect."],
  ["client", "And is there a shorter way on the second day?\nMy father comes along, and he is not used to hills."],
  ["agent", "There is, along the river: 28 km, and almost flat. I will put it on your map."],
];

/** Fills the server with something to see, once. */
async function furnish() {
  const [client, agent] = [new Caller("client-1"), new Caller("agent-1")];
  const id = await client.open("agency-1");
  if ((await client.history(id)).length > 0) return id;
  for (const [agency, content] of [[3, "We have two places left in the kayaks."], [6, "Thank you, see you in autumn!"], [2, "The ferry leaves at nine; be there at half past eight, please."]]) {
    const other = await client.open(`agency-${agency}`);
    await client.send(other, "Hello, a question about your tours.");
    await new Caller(`agent-${agency}`).send(other, content);
    if (agency !== 2) await client.get(`/messages?conversationId=${other}`);
  }
  for (const [n, content] of [[2, "Do you take dogs along?"], [4, "مرحبا، هل الكوخ مفتوح؟"], [5, "<b>Great</b> tour, thank you!"]]) {
    const other = await new Caller(`client-${n}`).open("agency-1");
    await new Caller(`client-${n}`).send(other, content);
    if (n === 5) await agent.get(`/messages?conversationId=${other}`);
  }
  await client.call("POST", "/demo/bookings", { agentId: "agency-1" });
  for (const [side, content] of TALK) await (side === "client" ? client : agent).send(id, content);
  await client.get(`/messages?conversationId=${id}`);
  await agent.get(`/messages?conversationId=${id}`);
  return id;
}

async function open(browser, url, options) {
  const page = await (await browser.newContext(options)).newPage();
  await page.goto(SERVER + url);
  await page.waitForLoadState("networkidle");
  return page;
}

export async function takePictures(browser, directory) {
  await mkdir(directory, { recursive: true });
  const id = await furnish();
  const save = (page, name) => page.screenshot({ path: path.join(directory, `${name}.png`) });
  for (const colorScheme of ["light", "dark"]) {
    const desktop = { viewport: DESKTOP, colorScheme };
    const phone = { viewport: PHONE, colorScheme, hasTouch: true, isMobile: true };
    const left = await open(browser, `/?as=client-1#${id}`, desktop);
    const right = await open(browser, `/?as=agent-1#${id}`, desktop);
    await left.getByLabel("Your message").pressSequentially("That is");
    await right.locator("#typing:not([hidden])").waitFor();
    await save(left, `client-${colorScheme}`);
    await save(right, `agent-${colorScheme}`);
    await sideBySide(browser, [left, right], (page) => save(page, `both-${colorScheme}`), colorScheme);
    await left.getByLabel("Your message").fill("");
    await left.getByRole("button", { name: "New" }).click();
    await left.locator(".dialog .person").first().waitFor();
    await save(left, `new-${colorScheme}`);
    await save(await open(browser, "/", desktop), `sign-in-${colorScheme}`);
    await save(await open(browser, "/", phone), `phone-sign-in-${colorScheme}`);
    await save(await open(browser, "/?as=agent-1", phone), `phone-list-${colorScheme}`);
    await save(await open(browser, `/?as=client-1#${id}`, phone), `phone-thread-${colorScheme}`);
    await save(await open(browser, `/?as=admin-1#${id}`, desktop), `staff-${colorScheme}`);
    await save(await open(browser, "/?as=client-9", desktop), `nothing-${colorScheme}`);
    await right.context().setOffline(true);
    await right.getByLabel("Your message").fill("See you on Monday!");
    await right.keyboard.press("Enter");
    await right.getByText("Not sent").waitFor();
    await save(right, `failed-${colorScheme}`);
  }
}

async function sideBySide(browser, pages, save, colorScheme) {
  const shots = await Promise.all(pages.map((page) => page.screenshot()));
  const images = shots.map((shot) => `<img src="data:image/png;base64,${shot.toString("base64")}">`);
  const width = DESKTOP.width * 1.5;
  const page = await browser.newPage({ viewport: { width, height: Math.ceil((width / 2 / DESKTOP.width) * DESKTOP.height) }, colorScheme });
  await page.setContent(`<style>body { display: flex; margin: 0 } img { width: 50% }</style>${images.join("")}`);
  await save(page);
}
