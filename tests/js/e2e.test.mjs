// pusher-js and fetch, in Node, against the running server.

import assert from "node:assert/strict";
import { after } from "node:test";
import { Caller, Proxy, SERVER, Screen, connect, eventually, fresh, subscribed, test, within } from "./support.mjs";

const connections = [];
const proxies = [];

after(() => {
  connections.forEach((pusher) => pusher.disconnect());
  proxies.forEach((proxy) => proxy.close());
});

async function connected(user, port) {
  const pusher = await connect(user, port);
  connections.push(pusher);
  return pusher;
}

/** A client, an agent, and their conversation. */
async function pair() {
  const n = fresh();
  const [client, agent] = [new Caller(`client-${n}`), new Caller(`agent-${n}`)];
  const id = await client.open(`agency-${n}`);
  return { client, agent, id };
}

const seqs = (messages) => messages.map(({ seq }) => seq);
const upTo = (n) => Array.from({ length: n }, (_, i) => i + 1);

test("200 messages both ways in bursts arrive exactly once and in order", async () => {
  const { client, agent, id } = await pair();
  const screens = await Promise.all([client, agent].map(async (caller) => {
    const pusher = await connected(caller.user);
    const screen = new Screen(caller, pusher, id);
    const notified = []; // the messages on the user's own channel, with repetitions
    pusher.channel(`private-user-${caller.user}`).bind("new-message", ({ message }) => notified.push(message));
    await within("the screen is ready", screen.ready);
    return Object.assign(screen, { notified });
  }));
  const sent = [];
  for (let burst = 0; burst < 5; burst += 1) {
    const sends = upTo(20).flatMap((n) => [client, agent].map(async (caller) => {
      sent.push(await caller.send(id, `${caller.user} ${burst}.${n}`));
    }));
    await Promise.all(sends);
    const each = (burst + 1) * 20;
    assert.deepEqual([await client.unread(), await agent.unread()], [each, each]);
  }
  assert.equal(sent.length, 200);
  // The last message of each side is delivered after all others, repetitions included.
  for (const caller of [client, agent]) sent.push(await caller.send(id, `last of ${caller.user}`));
  const inOrder = sent.toSorted((a, b) => a.seq - b.seq);
  assert.deepEqual(seqs(inOrder), upTo(202));
  for (const screen of screens) {
    const { user } = screen.caller;
    const ofOther = inOrder.filter(({ senderId }) => senderId !== user);
    await eventually(`${user} has been told all`, () =>
      seqs(screen.told).includes(202) && seqs(screen.notified).includes(ofOther.at(-1).seq));
    assert.deepEqual(screen.told, inOrder);
    assert.deepEqual(screen.notified, ofOther);
    assert.deepEqual(screen.shown, inOrder);
    await eventually("the count is right", () => screen.counts.unreadCount === 101);
    assert.equal((await screen.caller.row(id)).unreadCount, 101);
  }
});

test("messages of one sender arrive in the order of sending", async () => {
  const { client, agent, id } = await pair();
  const screen = new Screen(agent, await connected(agent.user), id);
  await within("the screen is ready", screen.ready);
  for (const n of upTo(20)) await client.send(id, `${n}`);
  await eventually("all are told", () => screen.told.length >= 20);
  assert.deepEqual(screen.told.map(({ content }) => Number(content)), upTo(20));
});

test("a stranger's subscription is refused", async () => {
  const { client, id } = await pair();
  const name = `client-${fresh()}`;
  const stranger = await connected(name);
  const unknown = "01a207ac-0dcf-7b8c-9a48-d86dfe5b9c2d";
  const refused = [
    `private-conversation-${id}`,
    `private-conversation-${unknown}`,
    `presence-conversation-${id}`,
    `private-user-${client.user}`,
    "private-user-nobody",
    "private-something-else",
  ];
  for (const channel of refused) {
    const answer = within(`an answer about ${channel}`, subscribed(stranger.subscribe(channel)));
    await assert.rejects(answer, { status: 403 }, channel);
  }
  await within("the own channel is open", subscribed(stranger.subscribe(`private-user-${name}`)));
});

test("a signature for another connection is refused", async () => {
  const { client, id } = await pair();
  const pusher = await connected(client.user);
  await eventually("it is connected", () => pusher.connection.socket_id);
  const channel = `private-conversation-${id}`;
  const form = new URLSearchParams({ socket_id: "1.1", channel_name: channel });
  const signed = await fetch(`${SERVER}/api/pusher/auth`, {
    method: "POST",
    headers: { "x-demo-user": client.user },
    body: form,
  });
  const { auth } = await signed.json();
  // One server refuses with an event of the channel, another with an error of the connection.
  const answered = new Promise((resolve) => {
    pusher.connection.bind("message", ({ event, channel: about, data }) => {
      const isRefusal = event === "pusher:subscription_error" || (event === "pusher:error" && data.code === 4009);
      if (about === channel || isRefusal) resolve(isRefusal);
    });
  });
  pusher.send_event("pusher:subscribe", { channel, auth });
  assert.equal(await within("an answer", answered), true);
});

test("unread counts are exact at every step", async () => {
  const { client, agent, id } = await pair();
  const other = fresh();
  const second = await client.open(`agency-${other}`);
  const screens = [];
  for (const caller of [client, agent]) {
    const screen = new Screen(caller, await connected(caller.user), id);
    await within("the screen is ready", screen.ready);
    screens.push(screen);
  }
  const check = async (ofClient, ofAgent, totalOfClient = ofClient) => {
    const rows = await Promise.all([client.row(id), agent.row(id)]);
    assert.deepEqual(rows.map((row) => row.unreadCount), [ofClient, ofAgent]);
    assert.deepEqual([await client.unread(), await agent.unread()], [totalOfClient, ofAgent]);
    await eventually(`the screens say ${ofClient} and ${ofAgent}`, () =>
      screens[0].counts.unreadCount === ofClient && screens[1].counts.unreadCount === ofAgent);
    screens.forEach(({ counts }, i) => assert.equal(counts.unreadVersion, rows[i].unreadVersion));
  };
  const asked = [];
  await check(0, 0);
  for (const n of upTo(3)) {
    asked.push(await client.send(id, `question ${n}`));
    await check(0, n);
  }
  await agent.read(id, asked[1].id);
  await check(0, 1);
  await agent.read(id, asked[0].id); // what was read stays read
  await check(0, 1);
  const answer = await agent.send(id, "answer");
  await check(1, 1);
  await agent.get(`/messages?conversationId=${id}`); // the newest page marks as read
  await check(1, 0);
  await new Caller(`agent-${other}`).send(second, "another conversation");
  await check(1, 0, 2);
  await client.read(id, answer.id);
  await check(0, 0, 1);
  const receipt = await agent.history(id);
  assert.ok(receipt.every(({ readAt }) => readAt !== null));
});

test("after a severed connection every message is shown exactly once", async () => {
  const { client, agent, id } = await pair();
  const proxy = await new Proxy().start();
  proxies.push(proxy);
  const pusher = await connected(agent.user, proxy.port);
  const screen = new Screen(agent, pusher, id);
  await within("the screen is ready", screen.ready);
  let sent = 0;
  const send = async (count) => {
    for (let n = 0; n < count; n += 1) await client.send(id, `message ${(sent += 1)}`);
  };
  for (const round of [1, 2]) {
    await send(10);
    await eventually("all are told", () => screen.shown.length === sent);
    const before = screen.told.length;
    proxy.sever();
    await eventually("the client notices", () => pusher.connection.state !== "connected");
    await send(30); // more than a page of what is caught up
    assert.equal(screen.told.length, before, "nothing comes through a severed connection");
    const caught = screen.caught;
    proxy.restore();
    // More messages are sent while the client connects and catches up.
    await eventually("it catches up", async () => {
      if (screen.caught === caught) await send(1);
      return screen.caught > caught;
    });
    await send(5);
    await eventually(`round ${round}: all are shown`, () => screen.shown.length === sent);
    assert.deepEqual(seqs(screen.shown), upTo(sent));
    assert.deepEqual(screen.shown.map(({ content }) => content), upTo(sent).map((n) => `message ${n}`));
    await eventually("the count is right", () => screen.counts.unreadCount === sent);
  }
});
