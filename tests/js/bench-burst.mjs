// The delay of messages that arrive faster than a user reads, on a slow processor: `SERVER_URL=… node
// bench-burst.mjs [messages a second] [seconds] [times slower]`.

import { launch } from "./browser.mjs";
import { Caller, SERVER, eventually, fresh } from "./support.mjs";

const [RATE = 50, SECONDS = 20, SLOWER = 4] = process.argv.slice(2).map(Number);

/** Records when each message is shown, and how long the page is blocked. */
function note() {
  const shown = new Map();
  const pauses = [];
  let last = performance.now();
  const beat = () => {
    const now = performance.now();
    pauses.push(now - last);
    last = now;
    setTimeout(beat, 50);
  };
  beat();
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) {
      for (const node of addedNodes) {
        for (const item of node.querySelectorAll?.("[data-seq]") ?? []) shown.set(Number(item.dataset.seq), Date.now());
        if (node.dataset?.seq) shown.set(Number(node.dataset.seq), Date.now());
      }
    }
  }).observe(document, { subtree: true, childList: true });
  window.noted = () => ({ shown: [...shown], pauses });
}

const n = fresh();
const [client, agent] = [new Caller(`client-${n}`), new Caller(`agent-${n}`)];
const id = await client.open(`agency-${n}`);
await agent.send(id, "Hello");

const browser = await launch();
const page = await (await browser.newContext()).newPage();
await page.addInitScript(note);
const session = await page.context().newCDPSession(page);
await session.send("Emulation.setCPUThrottlingRate", { rate: SLOWER });
await page.goto(`${SERVER}/as/${client.user}/inbox/${id}`);
await page.locator(".thread[data-live=true]").waitFor();

const sent = new Map();
const begin = Date.now();
const sends = [];
for (let at = 0; at < RATE * SECONDS; at += 1) {
  const wait = begin + (at * 1000) / RATE - Date.now();
  if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
  // Sequential sends would be limited by the server's answers; sending all at once would be no rate.
  sends.push(agent.send(id, `message ${at}`).then(({ seq }) => sent.set(seq, Date.now())));
}
await Promise.all(sends);
const took = (Date.now() - begin) / 1000;
const noted = () => page.evaluate(() => window.noted());
await eventually("all are shown", async () => (await noted()).shown.length > RATE * SECONDS);

const { shown, pauses } = await noted();
const late = shown.flatMap(([seq, at]) => (sent.has(seq) ? [at - sent.get(seq)] : [])).toSorted((a, b) => a - b);
const of = (share) => Math.max(0, late[Math.min(late.length - 1, Math.floor(share * late.length))]);
console.log(
  `${late.length} messages, ${(late.length / took).toFixed(1)} a second, ${SLOWER} times slower: shown ` +
    `${of(0.5)} / ${of(0.95)} / ${of(1)} ms (median / 95 of 100 / most) after their answer; ` +
    `the page was busy for ${Math.round(Math.max(...pauses))} ms at most`,
);
await browser.close();
process.exit(0);
