// Talking to the server: its API, and its channels.

import { state } from "./state.js";

/** For how long to wait before something that failed is tried again. */
export const RETRY_AFTER = 2000;
const LONGEST_WAIT = 60_000;
const TIME_LIMIT = 15_000;

let pusher = null; // stays null for staff: nothing is told to them
let calls = 0;

/** The answer, and as `asked` when it was asked for: what was asked for later is not older. */
export async function call(method, path, body) {
  const asked = (calls += 1);
  const headers = { "x-demo-user": state.me.id };
  if (body) headers["content-type"] = "application/json";
  const signal = AbortSignal.timeout(TIME_LIMIT);
  const request = fetch(path, { method, headers, signal, body: body && JSON.stringify(body) });
  const response = await request.catch(() => {
    throw new Error("The server cannot be reached.");
  });
  const answer = await response.json().catch(() => null);
  if (response.ok) return { ...answer, asked };
  throw Object.assign(new Error(answer?.error ?? "The server could not do that."), { status: response.status });
}

export const api = (method, path, body) => call(method, `/api${path}`, body);

/** Runs `work` now, or once more if it is running: whoever asks gets an answer from after they asked. */
export function coalesced(work) {
  let running = null;
  let again = false;
  return () => {
    again = true;
    running ??= (async () => {
      try {
        while (again) {
          again = false;
          await work();
        }
      } finally {
        running = null;
      }
    })();
    return running;
  };
}

/** Connects to the channels, and says how that goes. */
export async function connect(onState) {
  const config = await (await fetch("/demo/config")).json();
  pusher = new Pusher(config.key, {
    wsHost: config.wsHost,
    wsPort: config.wsPort,
    wssPort: config.wsPort,
    forceTLS: config.forceTLS,
    cluster: config.cluster,
    enabledTransports: ["ws", "wss"],
    channelAuthorization: { endpoint: "/api/pusher/auth", headers: { "x-demo-user": state.me.id } },
  });
  pusher.connection.bind("state_change", ({ current }) => onState(current));
}

/** Calls `changed` with each state of the connection. Returns its end. */
export function onConnection(changed) {
  const tell = ({ current }) => changed(current);
  pusher.connection.bind("state_change", tell);
  return () => pusher.connection.unbind("state_change", tell);
}

export const isConnected = () => pusher?.connection.state === "connected";

/**
 * Calls `ready` whenever the subscription has succeeded, and `refused` whenever it was refused; then it is
 * asked for again, more and more seldom. Returns its end.
 */
export function subscribe(name, { ready, refused, ...handlers }) {
  const channel = pusher.subscribe(name);
  let retry = null;
  let wait = RETRY_AFTER;
  channel.bind("pusher:subscription_succeeded", (answer) => {
    wait = RETRY_AFTER;
    ready(answer);
  });
  channel.bind("pusher:subscription_error", () => {
    clearTimeout(retry);
    retry = setTimeout(() => pusher.subscribe(name), wait);
    wait = Math.min(2 * wait, LONGEST_WAIT);
    refused();
  });
  for (const [event, handler] of Object.entries(handlers)) channel.bind(event, handler);
  return () => {
    clearTimeout(retry);
    channel.unbind();
    pusher.unsubscribe(name);
  };
}
