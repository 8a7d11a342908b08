import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { Api } from "../api";
import type { Channels, Connection } from "../channels";
import { Inbox } from "../inbox";
import { Observable } from "../observable";
import { userChannel } from "../user-channel";
import { flush } from "./world";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const LONG = "~".repeat(255);

test("a channel name contains the id unchanged, encoded, or hashed", async () => {
  for (const plain of ["client-1", "a@b.c", "a=b", "A_;,.", "x".repeat(135)]) {
    expect(userChannel(plain)).toBe(`private-user-${plain}`);
  }
  for (const [id, part] of [
    ["auth0|65f2c0", "=YXV0aDB8NjVmMmMw"],
    ["a/b", "=YS9i"],
    ["=a", "=PWE"],
    ["user:1?>", "=dXNlcjoxPz4"],
    ["~~~", "=fn5-"],
    ["/".repeat(100), `=${"Ly8v".repeat(33)}Lw`],
  ] as const) {
    expect(userChannel(id)).toBe(`private-user-${part}`);
  }
  for (const [id, part] of [
    ["x".repeat(136), "==rezhRcofh0-wtADO3_veIbOqLgYaPMYDE_tBObNkkCY"],
    ["/".repeat(101), "==mBGWC-o-75zK68O5G2sgiDSt60R6sChJPo03qW5XvHw"],
    ["a/".repeat(100), "==hdxVmy2Zrpa4hv5VqHvpXynL_El3BTErjZImT3h3mpo"],
  ] as const) {
    expect(await userChannel(id)).toBe(`private-user-${part}`);
  }
});

/** A list with subscriptions, and their channel names; the server may not answer at first. */
function listening(failures = 0) {
  const subscribed: string[] = [];
  const channels: Channels = {
    connection: new Observable<Connection>("connected"),
    subscribe: (name) => {
      subscribed.push(name);
      return () => subscribed.push(`not ${name}`);
    },
    disconnect: () => {},
  };
  const answer = async () => {
    failures -= 1;
    if (failures >= 0) throw new TypeError("the network failed");
    return Response.json({ success: true, data: { unreadCount: 0, channel: "private-user-==told" } });
  };
  const inbox = new Inbox(new Api({ base: "", fetch: answer }));
  const end = inbox.listen(channels, LONG, new Observable(true));
  return { subscribed, end };
}

const withoutHashes = () => vi.stubGlobal("crypto", {});

test("the user's channel is subscribed once its name is known, until the end", async () => {
  const name = await userChannel(LONG);
  const { subscribed, end } = listening();
  await vi.waitFor(() => expect(subscribed).toEqual([name]));
  end();
  expect(subscribed).toEqual([name, `not ${name}`]);
  const late = listening();
  late.end();
  await userChannel(LONG);
  await flush();
  expect(late.subscribed).toEqual([]);
});

test("if the browser cannot hash, the server's answer gives the name", async () => {
  withoutHashes();
  const { subscribed } = listening(1);
  await flush();
  expect(subscribed).toEqual([]);
  await vi.advanceTimersByTimeAsync(2000);
  expect(subscribed).toEqual(["private-user-==told"]);
});
