// A screen with pusher-js that follows the rules for clients: prints "ready", and at its end the received and
// the shown messages.

import { Caller, Screen, connect, eventually } from "./support.mjs";

const { SCREEN_USER: user, SCREEN_CONVERSATION: id, SCREEN_MESSAGES: messages } = process.env;

const pusher = await connect(user);
const screen = new Screen(new Caller(user), pusher, id);
await screen.ready;
console.log("ready");
const patience = AbortSignal.timeout(300_000);
while (!patience.aborted && screen.shown.length < Number(messages)) {
  await new Promise((resolve) => setTimeout(resolve, 20));
}
// All repetitions have arrived by the time that the last message does.
await eventually("the last is told", () => screen.told.some(({ seq }) => seq === Number(messages)));
const brief = (messages) => messages.map(({ id, seq }) => ({ id, seq }));
console.log(JSON.stringify({ told: brief(screen.told), shown: brief(screen.shown) }));
pusher.disconnect();
process.exit(0);
