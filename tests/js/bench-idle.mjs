// The cost of many silent WebSockets, and of one that does not stop writing: `SERVER_URL=… SERVER_PID=… node
// bench-idle.mjs [connections]`. Both processes need as many file descriptors.

import net from "node:net";
import { readFileSync } from "node:fs";
import { Caller, channelsConfig, fresh } from "./support.mjs";

const COUNT = Number(process.argv[2] ?? 10_000);
const AT_ONCE = 100;

const config = await channelsConfig();
const HEAD = `GET /app/${config.key}?protocol=7&client=bench&version=1 HTTP/1.1\r\nHost: ${config.wsHost}\r\n`
  + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/** Returns the server's resident memory in MB. */
const memory = () => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${process.env.SERVER_PID}/status`, "utf8"))[1]) / 1024;

/** Resolves to an established connection, or to null if it is refused. */
const connect = () =>
  new Promise((resolve) => {
    const socket = net.connect(config.wsPort, config.wsHost, () => socket.write(HEAD));
    socket.once("data", (data) => resolve(`${data}`.startsWith("HTTP/1.1 101") ? socket : null));
    socket.on("error", () => resolve(null));
    socket.once("close", () => resolve(null));
  });

async function latency() {
  const client = new Caller(`client-${fresh()}`);
  const id = await client.open(`agency-${fresh()}`);
  const took = [];
  for (let n = 0; n < 8; n += 1) {
    const began = performance.now();
    await client.send(id, "Is the hut open in May?");
    took.push(performance.now() - began);
  }
  return took.sort((a, b) => a - b)[4].toFixed(1);
}

console.log(`none: ${memory().toFixed(0)} MB, a send takes ${await latency()} ms`);
const sockets = [];
while (sockets.length < COUNT) {
  const opened = await Promise.all(Array.from({ length: AT_ONCE }, connect));
  sockets.push(...opened.filter((it) => it !== null));
  if (opened.includes(null)) break;
}
console.log(`${sockets.length}: ${memory().toFixed(0)} MB, a send takes ${await latency()} ms`);

/** Text frames, masked with zeros, that are written repeatedly. */
const frame = Buffer.concat([Buffer.from([0x81, 0x80 | 15, 0, 0, 0, 0]), Buffer.from('{"event":"ping"}'.slice(0, 15))]);
const flood = Buffer.concat(Array.from({ length: 1000 }, () => frame));
const flooding = await connect();
let ended = null;
let sent = 0;
flooding.once("close", () => (ended ??= sent));
for (let n = 0; n < 200 && ended === null; n += 1) {
  sent += flooding.write(flood) ? 1000 : await new Promise((resolve) => {
    flooding.once("drain", () => resolve(1000));
    flooding.once("close", () => resolve(0));
  });
}
await new Promise((resolve) => setTimeout(resolve, 200));
console.log(`a flood of ${sent} frames ${ended === null ? "was taken" : `ended after ${ended}`}: ${memory().toFixed(0)} MB, a send takes ${await latency()} ms`);
sockets.forEach((socket) => socket.destroy());
await new Promise((resolve) => setTimeout(resolve, 2000));
console.log(`none again: ${memory().toFixed(0)} MB`);
process.exit();
