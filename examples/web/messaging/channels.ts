// The channels, as pusher-js gives them.

import type Pusher from "pusher-js";
import type { Members } from "pusher-js";

import { RETRY_AFTER } from "./coalesce";
import { Observable } from "./observable";

const LONGEST_WAIT = 60_000;

/** `connecting` until it is connected for the first time, and `lost` whenever it is not any more. */
export type Connection = "connecting" | "connected" | "lost";

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
  disconnect(): void;
}

export function pusherChannels(pusher: Pusher): Channels {
  const connection = new Observable<Connection>("connecting");
  pusher.connection.bind("state_change", ({ current }: { current: string }) => {
    if (current === "connected") connection.set("connected");
    else if (connection.get() === "connected" || current !== "connecting") connection.set("lost");
  });

  function subscribe(name: string, subscriber: Subscriber): () => void {
    const channel = pusher.subscribe(name);
    let retry: ReturnType<typeof setTimeout> | undefined;
    let wait = RETRY_AFTER;
    channel.bind("pusher:subscription_succeeded", (answer: Members | undefined) => {
      wait = RETRY_AFTER;
      subscriber.ready(answer?.members ? Object.keys(answer.members) : []);
    });
    // pusher-js does not try again by itself before the next connection.
    channel.bind("pusher:subscription_error", () => {
      clearTimeout(retry);
      retry = setTimeout(() => pusher.subscribe(name), wait);
      wait = Math.min(2 * wait, LONGEST_WAIT);
      subscriber.refused?.();
    });
    channel.bind("pusher:member_added", ({ id }: { id: string }) => subscriber.came?.(id));
    channel.bind("pusher:member_removed", ({ id }: { id: string }) => subscriber.left?.(id));
    for (const [event, handler] of Object.entries(subscriber.on ?? {})) channel.bind(event, handler);
    return () => {
      clearTimeout(retry);
      channel.unbind();
      pusher.unsubscribe(name);
    };
  }

  return { connection, subscribe, disconnect: () => pusher.disconnect() };
}
