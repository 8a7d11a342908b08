// The time until the inbox can be used, in a browser without a cache: `SERVER_URL=… node bench-inbox.mjs
// [runs]`.

import { launch } from "./browser.mjs";
import { Caller, SERVER, fresh } from "./support.mjs";

const RUNS = Number(process.argv[2] ?? 20);
const PROFILES = {
  "as it is": null,
  "a phone: 4 times slower, 9 Mbit/s, 170 ms": { cpu: 4, latency: 170, bytes: 9_000_000 / 8 },
  "a phone far away: 4 times slower, 1.6 Mbit/s, 560 ms": { cpu: 4, latency: 560, bytes: 1_600_000 / 8 },
};

const n = fresh();
for (let at = 0; at < 40; at += 1) {
  const client = new Caller(`client-${fresh()}`);
  await client.send(await client.open(`agency-${n}`), "Is the hut open in May?");
}

/** Records when the rows are shown, and when events arrive. */
function note() {
  const seen = {};
  const look = () => {
    if (!seen.rows && document.querySelector(".row")) seen.rows = performance.now();
    if (!seen.live && document.querySelector(".list[data-live=true]")) seen.live = performance.now();
  };
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributes: true });
  window.seen = seen;
}

const browser = await launch();
for (const [name, profile] of Object.entries(PROFILES)) {
  const found = [];
  for (let run = 0; run < RUNS; run += 1) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.addInitScript(note);
    if (profile) {
      const session = await context.newCDPSession(page);
      await session.send("Emulation.setCPUThrottlingRate", { rate: profile.cpu });
      await session.send("Network.enable");
      const { latency, bytes } = profile;
      await session.send("Network.emulateNetworkConditions", {
        offline: false, latency, downloadThroughput: bytes, uploadThroughput: bytes / 4,
      });
    }
    await page.goto(`${SERVER}/as/agent-${n}/inbox`);
    await page.locator(".list[data-live=true] .row").first().waitFor();
    const bytes = await page.evaluate(() => performance.getEntriesByType("resource")
      .filter(({ name }) => name.includes("/assets/")).reduce((sum, it) => sum + it.transferSize, 0));
    found.push({ ...(await page.evaluate(() => window.seen)), bytes });
    await context.close();
  }
  const of = (what) => found.map((it) => it[what]).sort((a, b) => a - b);
  const shown = (what) => {
    const all = of(what).map(Math.round);
    return `${all[0]} / ${all[Math.floor(RUNS / 2)]} / ${all.at(-1)}`;
  };
  console.log(`${name}: rows ${shown("rows")} ms, live ${shown("live")} ms (min / median / max of ${RUNS}), ${of("bytes")[0]} bytes of assets`);
}
await browser.close();
