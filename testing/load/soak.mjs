// Ten minutes of concurrent load that may slow a server down, and its effect on other users.
//
//   cargo build --release -p messaging-server
//   DATABASE_URL=postgres://…/empty node testing/load/soak.mjs [minutes [seconds]]
//
// `DATABASE_URL` names an empty database of a PostgreSQL with its default settings, on which `psql` may lock a row. The row
// is locked all the time, by one transaction after the other, each of so many seconds (9 where none are given). A
// transaction of some minutes has a cost of its own, whatever it locks: see docs/postgres.md, *Long transactions*.
// The load: 500 bodies and 500 heads that arrive byte by byte, 500 readers that read nothing, 20 callers of
// /readyz, messages to a conversation whose row is locked, and 30 mailboxes that the mail server defers.
// Exits with 0 if other users' sends take at most 3 times their earlier median, the server stays below 150
// MiB, every probe is answered within a second, and the other mailboxes are mailed.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const MINUTES = Number(process.argv[2] ?? 10);
const LOCK_SECONDS = Number(process.argv[3] ?? 9);
const SERVER = process.env.MESSAGING_SERVER ?? `${process.env.CARGO_TARGET_DIR ?? "target"}/release/messaging-server`;
const DATABASE = process.env.DATABASE_URL;
const [HOGS, CALLERS, MAILBOXES, BEFORE] = [500, 20, 30, 30_000];
const MOST = { times: 3, mebibytes: 150, probe: 1_000 };

if (!DATABASE) {
  console.error("DATABASE_URL must name an empty database");
  process.exit(2);
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const listen = (server) => new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));
const median = (of) => of.toSorted((a, b) => a - b)[of.length >> 1];
const at = (of, part) => of.toSorted((a, b) => a - b)[Math.min(of.length - 1, Math.floor(of.length * part))];

/** A mail server that accepts every mailbox except the full ones. */
const mailed = new Set();
let deferrals = 0;
const smtp = net.createServer((socket) => {
  let [rest, inData, to] = ["", false, []];
  const say = (line) => socket.write(`${line}\r\n`);
  say("220 soak ESMTP");
  socket.on("error", () => {}).on("data", (chunk) => {
    rest += chunk;
    for (let end; (end = rest.indexOf("\r\n")) >= 0; ) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 2);
      if (inData) {
        if (line === ".") {
          inData = false;
          for (const one of to) mailed.add(one);
          to = [];
          say("250 taken");
        }
      } else if (/^EHLO/i.test(line)) say("250-soak\r\n250 8BITMIME");
      else if (/^RCPT/i.test(line)) {
        const address = /<([^>]*)>/.exec(line)?.[1] ?? "";
        if (/^client-1\d\d\d@/.test(address)) {
          deferrals += 1;
          say("452 4.2.2 mailbox full");
        } else {
          to.push(address);
          say("250 ok");
        }
      } else if (/^DATA/i.test(line)) {
        inData = true;
        say("354 go on");
      } else if (/^QUIT/i.test(line)) socket.end("221 bye\r\n");
      else say("250 ok");
    }
  });
});

const data = mkdtempSync(path.join(tmpdir(), "soak-"));
const holder = net.createServer();
const port = await listen(holder);
await new Promise((done) => holder.close(done));
const child = spawn(SERVER, [], {
  env: {
    PATH: process.env.PATH, BIND: `127.0.0.1:${port}`, DATA_DIR: data, DATABASE_URL: DATABASE, RATE_LIMITS: "off",
    SMTP_URL: `smtp://127.0.0.1:${await listen(smtp)}`, DIGEST_DELAY: "3", RUST_LOG: "error",
  },
  stdio: ["ignore", "inherit", "inherit"],
});
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });

/** Makes a request; resolves to its status and JSON, and rejects after `limit` ms. */
const ask = (method, route, { user, body, limit = 60_000, own = false } = {}) =>
  new Promise((done, fail) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { ...(user ? { "x-demo-user": user } : {}), ...(text ? { "content-type": "application/json", "content-length": Buffer.byteLength(text) } : {}) };
    const request = http.request({ host: "127.0.0.1", port, method, path: route, headers, agent: own ? undefined : agent }, (answer) => {
      let all = "";
      answer.on("data", (part) => (all += part)).on("error", fail);
      answer.on("end", () => done({ status: answer.statusCode, data: answer.headers["content-type"]?.includes("json") ? JSON.parse(all).data : all }));
    });
    request.setTimeout(limit, () => request.destroy(new Error("no answer")));
    request.on("error", fail).end(text);
  });
const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1]) / 1024;
const open = async (client, agency) => (await ask("POST", "/api/messages/conversations", { user: client, body: { agentId: agency } })).data.id;
const send = (user, conversationId, content, limit) => ask("POST", "/api/messages", { user, body: { conversationId, content }, limit });

for (let tries = 0; ; tries++) {
  if (await ask("GET", "/readyz", { own: true }).then(({ status }) => status === 200, () => false)) break;
  if (tries > 300) throw new Error("the server does not become ready");
  await sleep(100);
}

let over = false;
const work = [];
const wrong = {};
/** Repeats an action until the end. */
const again = (act) => work.push((async () => { while (!over) await act(); })());

/** Sends by four users, one after the other, for this time. */
async function sends(conversations, ms) {
  const [took, end] = [[], Date.now() + ms];
  await Promise.all(conversations.map(async (id, n) => {
    while (Date.now() < end) {
      const begun = performance.now();
      const { status } = await send(`client-${n + 1}`, id, "hello").catch(() => ({ status: "no answer" }));
      if (status === 201) took.push(performance.now() - begun);
      else wrong[status] = (wrong[status] ?? 0) + 1;
      await sleep(20);
    }
  }));
  return took;
}

/** A connection that is reopened whenever it ends. `begin` receives it, and may return an action for every 250 ms. */
function hog(begin) {
  if (over) return;
  const socket = net.connect(port, "127.0.0.1");
  let timer;
  socket.on("connect", () => {
    const tick = begin(socket);
    if (tick) timer = setInterval(tick, 250);
  });
  socket.on("error", () => {}).on("close", () => {
    clearInterval(timer);
    if (!over) setTimeout(hog, 500, begin);
  });
  hogs.add(socket);
  socket.on("close", () => hogs.delete(socket));
}
const hogs = new Set();

const victims = [];
for (let n = 1; n <= 4; n++) victims.push(await open(`client-${n}`, `agency-${n}`));
await sends(victims, 3_000);
const before = await sends(victims, BEFORE);
console.log(`alone: ${before.length} sends, median ${median(before).toFixed(1)} ms; ${memory().toFixed(0)} MiB`);

for (let n = 0; n < HOGS; n++) {
  hog((socket) => {
    socket.resume();
    socket.write(`POST /api/messages HTTP/1.1\r\nHost: soak\r\nX-Demo-User: client-5\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n`);
    return () => socket.write("x");
  });
  hog((socket) => {
    socket.resume();
    const head = "GET /healthz HTTP/1.1\r\nHost: soak\r\nX-Slow: ";
    let sent = 0;
    return () => socket.write(head[sent++] ?? "x");
  });
  hog((socket) => {
    socket.pause();
    socket.write("GET /demo/tours HTTP/1.1\r\nHost: soak\r\n\r\n".repeat(50));
    return undefined;
  });
}
for (let n = 0; n < CALLERS; n++) again(() => ask("GET", "/readyz", { own: true }).catch(() => {}));

const locked = await open("client-6", "agency-6");
const locking = `BEGIN; SELECT FROM messaging.conversation WHERE id = '${locked}' FOR UPDATE; SELECT pg_sleep(${LOCK_SECONDS}); COMMIT`;
let lock;
again(() => new Promise((done) => {
  lock = spawn("psql", [DATABASE, "-qc", locking], { stdio: "ignore" });
  lock.on("exit", done);
}));
for (let n = 0; n < 16; n++) again(() => send("client-6", locked, "to the locked row").then(() => sleep(100), () => sleep(1_000)));

for (let n = 1; n <= MAILBOXES; n++) await send("agent-7", await open(`client-${1000 + n}`, "agency-7"), "to a full mailbox");
let well = 0;
again(async () => {
  well += 1;
  await send("agent-8", await open(`client-${2000 + well}`, "agency-8"), "to a mailbox that is well");
  await sleep(5_000);
});

const probes = { asked: 0, missed: 0, slowest: 0 };
for (const route of ["/healthz", "/readyz", "/metrics"]) {
  again(async () => {
    const begun = performance.now();
    const answered = await ask("GET", route, { own: true, limit: 10_000 }).then(({ status }) => status < 500, () => false);
    const took = performance.now() - begun;
    probes.asked += 1;
    probes.slowest = Math.max(probes.slowest, took);
    if (!answered || took > MOST.probe) probes.missed += 1;
    await sleep(1_000);
  });
}
let most = 0;
again(async () => {
  most = Math.max(most, memory());
  await sleep(1_000);
});

const during = await sends(victims, MINUTES * 60_000);
const mailedWell = [...mailed].filter((address) => /^client-2\d\d\d@/.test(address)).length;
over = true;
for (const socket of hogs) socket.destroy();
lock.kill("SIGKILL");
await Promise.all(work);
const [was, is] = [median(before), median(during)];
console.log(`
| ${MINUTES} minutes, locks of ${LOCK_SECONDS} s | alone | at once |
|---|--:|--:|
| other users' sends, median | ${was.toFixed(1)} ms | ${is.toFixed(1)} ms |
| 95 of 100 | ${at(before, 0.95).toFixed(1)} ms | ${at(during, 0.95).toFixed(1)} ms |
| sends that were not answered with 201 | 0 | ${JSON.stringify(wrong)} |
| memory of the server, at most | | ${most.toFixed(0)} MiB |
| probes answered within 1 s | | ${probes.asked - probes.missed} of ${probes.asked}, the slowest in ${probes.slowest.toFixed(0)} ms |
| other mailboxes that were mailed | | ${mailedWell} of ${well} |
| deferrals of the 30 others | | ${deferrals} |
`);
child.kill("SIGTERM");
await new Promise((done) => child.on("exit", done));
smtp.close();
rmSync(data, { recursive: true, force: true });
// The last messages may still wait for their delay.
const isFine = is <= MOST.times * was && most < MOST.mebibytes && probes.missed === 0 && mailedWell >= well - 4 && Object.keys(wrong).length === 0;
process.exit(isFine ? 0 : 1);
