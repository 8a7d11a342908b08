// The effect of a user who sends without a pause on others: `SERVER_URL=… node bench-abuse.mjs [seconds]`, on
// a server with rate limits.

import { Worker, isMainThread, parentPort, workerData } from "node:worker_threads";
import { Caller, fresh } from "./support.mjs";

const SECONDS = Number(process.argv[2] ?? 15);
const OTHERS = 5;
const CONNECTIONS = 50;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function pair() {
  const client = new Caller(`client-${fresh()}`);
  return { client, id: await client.open(`agency-${fresh()}`) };
}

/** Each of the others sends every two seconds and lists every tenth of a second; returns the sorted durations. */
async function others(until) {
  const took = [];
  const timed = async (work) => {
    const began = performance.now();
    await work();
    took.push(performance.now() - began);
  };
  const live = async () => {
    const { client, id } = await pair();
    for (let n = 0; Date.now() < until; n += 1) {
      if (n % 20 === 0) await timed(() => client.send(id, "Is the hut open in May?"));
      await timed(() => client.get("/messages/conversations"));
      await pause(100);
    }
  };
  await Promise.all(Array.from({ length: OTHERS }, live));
  return took.sort((a, b) => a - b);
}

/** One user on many connections; returns the number of answers by status. */
async function abuse(until) {
  const { client, id } = await pair();
  const answered = {};
  const flood = async () => {
    while (Date.now() < until) {
      const { status } = await client.call("POST", "/api/messages", { conversationId: id, content: "again" });
      answered[status] = (answered[status] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, flood));
  return answered;
}

/** The flood, in a thread of its own, so that it does not delay the others' requests. */
const abuseBeside = (until) =>
  new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: until });
    worker.once("message", resolve);
    worker.once("error", reject);
  });

const at = (took, share) => took[Math.min(took.length - 1, Math.floor(took.length * share))].toFixed(1);
const say = (name, took) => console.log(`${name}: median ${at(took, 0.5)} ms, 95 of 100 ${at(took, 0.95)} ms, ${took.length} requests`);

if (!isMainThread) {
  parentPort.postMessage(await abuse(workerData));
  process.exit();
}
await others(Date.now() + 3000);
const before = await others(Date.now() + SECONDS * 1000);
const until = Date.now() + SECONDS * 1000;
const [during, answered] = await Promise.all([others(until), abuseBeside(until)]);
say("without", before);
say("beside it", during);
console.log("the flood was answered", answered);
