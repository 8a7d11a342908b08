// Pictures of every page, for manual review; on a server without data, those of the README: `SERVER_URL=…
// node pictures.mjs <directory>`.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { launch } from "./browser.mjs";
import { Caller, SERVER, eventually } from "./support.mjs";

const DESKTOP = { width: 1200, height: 760 };
const PHONE = { width: 360, height: 740 };

const TALK = [
  ["client", "Hello! We are two, and have booked the whales for the first week of May. Is it warm enough by then?"],
  ["agent", "Good morning, Jonas. By noon it is; bring a jacket for the mornings."],
  ["agent", "The boat waits for you at the old pier."],
  ["client", "Perfect."],
  ["client", "And is there a calmer way out of the bay?\nMy father comes along, and he is not used to waves."],
  ["agent", "There is, behind the islands: an hour more, and almost flat. I will put it on your map."],
];

/** Fills an empty server with sample data. */
async function furnish() {
  const [client, agent] = [new Caller("client-1"), new Caller("agent-1")];
  const id = await client.open("agency-1");
  if ((await client.history(id)).length > 0) return id;
  const asked = [
    [3, "We have two places left on the volcano."],
    [6, "Thank you, see you in autumn!"],
    [2, "The shepherds leave at six; be there at half past five, please."],
  ];
  for (const [agency, content] of asked) {
    const other = await client.open(`agency-${agency}`);
    await client.send(other, "Hello, a question about your tour.");
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
  await agent.post(`/messages/conversations/${id}/reports`, { reason: "He asks for another route again and again." });
  const dogs = await new Caller("client-2").open("agency-1");
  const [question] = await agent.history(dogs);
  const report = { reason: "This is the third time.\nPlease have a look.", messageId: question.id };
  await agent.post(`/messages/conversations/${dogs}/reports`, report);
  return id;
}

const [, , directory = "pictures"] = process.argv;
await mkdir(directory, { recursive: true });
const browser = await launch();
const id = await furnish();
const [report] = await new Caller("admin-1").get("/messages/admin/reports?status=open");

async function open(url, options) {
  const page = await (await browser.newContext(options)).newPage();
  await page.goto(SERVER + url);
  await page.waitForLoadState("networkidle");
  return page;
}

for (const colorScheme of ["light", "dark"]) {
  for (const [kind, options] of [["desktop", { viewport: DESKTOP }], ["phone", { viewport: PHONE, isMobile: true, hasTouch: true }]]) {
    const save = (page, name) => page.screenshot({ path: path.join(directory, `${name}-${kind}-${colorScheme}.png`) });
    const at = (url) => open(url, { ...options, colorScheme });
    const [left, right] = [await at(`/as/client-1/inbox/${id}`), await at(`/as/agent-1/inbox/${id}`)];
    await left.getByLabel("Your message").pressSequentially("That is");
    await right.getByText("is typing").waitFor();
    await right.locator(".thread-head").getByRole("img", { name: "Here now" }).waitFor();
    await save(left, "client");
    await save(right, "agent");
    await left.getByLabel("Your message").fill("");
    await left.getByRole("button", { name: "Report" }).click();
    await save(left, "report");
    await left.getByRole("button", { name: "Close" }).click();
    await left.getByRole("button", { name: /^You are/ }).click();
    await left.locator(".menu .person").first().waitFor();
    await save(left, "menu");
    await right.route(/\/api\/messages$/, (route) => (route.request().method() === "POST"
      ? route.fulfill({ status: 403, json: { success: false, error: "The other side takes no messages.", code: "conversation_blocked" } })
      : route.continue()));
    await right.getByLabel("Your message").fill("See you on Monday!");
    await right.keyboard.press("Enter");
    await right.getByText("Not sent").waitFor();
    await save(right, "failed");
    await right.context().setOffline(true);
    const elsewhere = [
      ["sign-in", "/"],
      ["tours", "/as/client-1/tours"],
      ["tour", "/as/client-1/tours/tour-2"],
      ["list", "/as/agent-1/inbox"],
      ["nothing", "/as/client-9/inbox"],
      ["staff", `/as/admin-1/admin/conversations/${id}`],
      ["activity", "/as/admin-1/admin/activity"],
      ["audit", "/as/admin-1/admin/audit"],
      ["reports", "/as/admin-1/admin/reports"],
      ["one-report", `/as/admin-1/admin/reports/${report.id}`],
    ];
    for (const [name, url] of elsewhere) {
      const page = await at(url);
      await eventually("it is drawn", () => page.locator("h1").count());
      await save(page, name);
      await page.context().close();
    }
    await left.context().close();
    await right.context().close();
  }
}
await browser.close();
