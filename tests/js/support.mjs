// Shared by the suites: calls of the server, waits, and a client that follows the rules.

import assert from "node:assert/strict";
import net from "node:net";
import { test as limitless } from "node:test";
import Pusher from "pusher-js";

export const SERVER = process.env.SERVER_URL ?? "http://127.0.0.1:3000";

/**
 * How long one thing is waited for, and how long one test may take, in milliseconds. Both only end what would never
 * end by itself: they are many times what the slowest machine needs.
 */
export const PATIENCE = 60_000;
const LIMIT = 600_000;

/** A test with a time limit of its own; the runner's limit is one for the whole file. */
export const test = (name, run) => limitless(name, { timeout: LIMIT }, run);

let last = Date.now() % 4_000_000_000;

/** A number that no user has yet, so that a suite can run again on the same server. */
export const fresh = () => (last += 1);

/** Waits until `look` returns a truthy value, and returns it. The last exception is the cause of a timeout. */
export async function eventually(what, look) {
  const deadline = Date.now() + PATIENCE;
  let excuse = null;
  while (Date.now() < deadline) {
    try {
      const seen = await look();
      if (seen) return seen;
      excuse = null;
    } catch (error) {
      excuse = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`still not so: ${what}`, { cause: excuse });
}

/** Resolves to the value of a promise, within the time limit. */
export function within(what, promise) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still waiting: ${what}`)), PATIENCE);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}

/** A caller of the API. */
export class Caller {
  constructor(user) {
    this.user = user;
  }

  async call(method, path, body) {
    const headers = { "x-demo-user": this.user };
    if (body !== undefined) headers["content-type"] = "application/json";
    const response = await fetch(SERVER + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    return { status: response.status, body: text && JSON.parse(text) };
  }

  async get(path) {
    const { status, body } = await this.call("GET", `/api${path}`);
    assert.equal(status, 200, JSON.stringify(body));
    return body.data;
  }

  async post(path, body) {
    const answer = await this.call("POST", `/api${path}`, body);
    assert.ok([200, 201, 204].includes(answer.status), JSON.stringify(answer));
    return answer.body?.data;
  }

  /** Returns the id of the conversation with an agency. */
  async open(agentId) {
    return (await this.post("/messages/conversations", { agentId })).id;
  }

  send(conversationId, content) {
    return this.post("/messages", { conversationId, content });
  }

  async unread() {
    return (await this.get("/messages/unread")).unreadCount;
  }

  read(conversationId, upTo) {
    return this.post("/messages/read", { conversationId, upTo });
  }

  async row(conversationId) {
    const rows = await this.get("/messages/conversations");
    return rows.find(({ id }) => id === conversationId);
  }

  async history(conversationId) {
    const { messages } = await this.get(`/messages?conversationId=${conversationId}&limit=100&markRead=false`);
    return messages;
  }
}

/** pusher-js, connected as this user; through a proxy if its port is given. */
export async function connect(user, port = null) {
  const config = await channelsConfig();
  return new Pusher(config.key, {
    wsHost: config.wsHost,
    wsPort: port ?? config.wsPort,
    forceTLS: config.forceTLS,
    cluster: config.cluster,
    enabledTransports: ["ws"],
    channelAuthorization: { endpoint: `${SERVER}/api/pusher/auth`, headers: { "x-demo-user": user } },
  });
}

/** Resolves when the subscription has succeeded, and rejects when it is refused. */
export function subscribed(channel) {
  return new Promise((resolve, reject) => {
    channel.bind("pusher:subscription_succeeded", () => resolve(channel));
    channel.bind("pusher:subscription_error", (error) =>
      reject(Object.assign(new Error("refused"), { status: error.status })));
  });
}

/** A screen that shows one conversation and follows the rules for clients. */
export class Screen {
  caught = 0; // how often it has caught up
  told = []; // the messages of all events, with repetitions
  shown = []; // what a person sees
  counts = { unreadCount: 0, unreadVersion: 0 };
  #known = new Set();
  #newest = null;
  #work = Promise.resolve();

  constructor(caller, pusher, conversationId) {
    this.caller = caller;
    this.conversationId = conversationId;
    const conversation = pusher.subscribe(`private-conversation-${conversationId}`);
    conversation.bind("pusher:subscription_succeeded", () => this.#catchUp());
    conversation.bind("new-message", (message) => {
      this.told.push(message);
      this.#show([message]);
      const { length } = this.shown;
      if (length > 0 && this.shown[length - 1].seq !== length) this.#catchUp();
    });
    const own = pusher.subscribe(`private-user-${caller.user}`);
    own.bind("new-message", (event) => this.#count(event));
    own.bind("unread-changed", (event) => this.#count(event));
    this.ready = Promise.all([subscribed(conversation), subscribed(own)]).then(() =>
      eventually("it has caught up", () => this.caught > 0));
  }

  #catchUp() {
    this.#work = this.#work.then(async () => {
      for (let hasMore = true; hasMore; ) {
        const first = this.#newest === null;
        const after = first ? "" : `&after=${encodeURIComponent(this.#newest)}`;
        const query = `conversationId=${this.conversationId}&markRead=false&limit=20${after}`;
        const page = await this.caller.get(`/messages?${query}`);
        this.#newest = page.newestCursor;
        this.#show(page.messages);
        this.#count(page.conversation);
        hasMore = !first && page.hasMore;
      }
      this.caught += 1;
    });
  }

  #show(messages) {
    for (const message of messages) {
      if (this.#known.has(message.id)) continue;
      this.#known.add(message.id);
      this.shown.push(message);
    }
    this.shown.sort((a, b) => a.seq - b.seq);
  }

  #count({ unreadCount, unreadVersion }) {
    if (unreadVersion > this.counts.unreadVersion) this.counts = { unreadCount, unreadVersion };
  }
}

/** Returns the server's settings of the channels. */
export const channelsConfig = async () => (await fetch(`${SERVER}/demo/config`)).json();

/** A TCP proxy to the channels, whose connections can be severed. */
export class Proxy {
  #far = null; // where the channels are
  #sockets = new Set();
  #waiting = null; // connections that arrive while the server is unreachable
  #server = net.createServer((near) => {
    this.#keep(near);
    if (this.#waiting) this.#waiting.push(near);
    else this.#join(near);
  });

  async start() {
    const { wsHost, wsPort } = await channelsConfig();
    this.#far = { host: wsHost, port: wsPort };
    await new Promise((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    this.port = this.#server.address().port;
    return this;
  }

  /** Ends all connections without a close frame. Until it is restored, no client receives events. */
  sever() {
    this.#waiting = [];
    for (const socket of this.#sockets) socket.destroy();
  }

  restore() {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting.filter((near) => !near.destroyed).forEach((near) => this.#join(near));
  }

  close() {
    this.sever();
    this.#server.close();
  }

  #keep(socket) {
    this.#sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#sockets.delete(socket));
  }

  #join(near) {
    const far = net.connect(this.#far);
    this.#keep(far);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.pipe(to);
      from.on("close", () => to.destroy());
    }
  }
}
