// The channels, as pusher-js gives them.

import type Pusher from "pusher-js";
import type { Members } from "pusher-js";

import { RETRY_AFTER } from "./coalesce";
import { Frames } from "./frames";
import type { Observable } from "./observable";
import { type Connection, PusherConnection } from "./pusher-connection";

export type { Connection } from "./pusher-connection";

const LONGEST_WAIT = 60_000;

export interface Subscriber {
  /** The subscription has succeeded, now or again after a reconnect: nothing told from now on is missed. */
  ready(present: readonly string[]): void;
  /** It was refused; it is asked for again, more and more seldom. */
  refused?(): void;
  /** By the event's name. */
  readonly on?: Readonly<Record<string, (data: never) => void>>;
  /** On presence channels, who comes and who leaves. */
  came?(userId: string): void;
  left?(userId: string): void;
}

/** What the client needs of a Pusher connection. */
export interface Channels {
  readonly connection: Observable<Connection>;
  /** Returns its end. At most one subscriber a channel. */
  subscribe(channel: string, subscriber: Subscriber): () => void;
  /** Resolves when the connection has answered or is gone. Absent where a dead connection cannot look alive. */
  check?(): Promise<void>;
  disconnect(): void;
}

/**
 * The channels of a Pusher connection. It is tried again also where pusher-js would not: end it with `disconnect` of
 * what is returned.
 */
export function pusherChannels(pusher: Pusher): Channels {
  const connection = new PusherConnection(pusher);
  const frames = new Frames();
  // What was told on a connection that is lost is fetched with everything else that is missed.
  connection.state.watch(() => connection.state.get() === "lost" && frames.drop());

  function subscribe(name: string, subscriber: Subscriber): () => void {
    const channel = pusher.subscribe(name);
    const hear = <T>(event: string, heard: (data: T) => void) =>
      channel.bind(event, (data: T) => frames.next(() => hasEnded || heard(data)));
    let hasEnded = false;
    let retry: ReturnType<typeof setTimeout> | undefined;
    let wait = RETRY_AFTER;
    hear("pusher:subscription_succeeded", (answer: Members | undefined) => {
      wait = RETRY_AFTER;
      subscriber.ready(answer?.members ? Object.keys(answer.members) : []);
    });
    // pusher-js does not try again by itself before the next connection.
    hear("pusher:subscription_error", () => {
      clearTimeout(retry);
      retry = setTimeout(() => pusher.subscribe(name), wait);
      wait = Math.min(2 * wait, LONGEST_WAIT);
      subscriber.refused?.();
    });
    hear("pusher:member_added", ({ id }: { id: string }) => subscriber.came?.(id));
    hear("pusher:member_removed", ({ id }: { id: string }) => subscriber.left?.(id));
    for (const [event, handler] of Object.entries(subscriber.on ?? {})) hear(event, handler);
    return () => {
      hasEnded = true;
      clearTimeout(retry);
      channel.unbind();
      pusher.unsubscribe(name);
    };
  }

  return {
    connection: connection.state,
    subscribe,
    check: () => connection.check(),
    disconnect: () => connection.disconnect(),
  };
}
