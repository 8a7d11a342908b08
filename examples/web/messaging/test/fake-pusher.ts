// The used part of pusher-js; the test triggers its events.

import type Pusher from "pusher-js";

type Handler = (data: unknown) => void;

export class FakePusher {
  readonly handlers = new Map<string, Map<string, Set<Handler>>>();
  /** The recorded calls: subscriptions, and the order of connecting and disconnecting. */
  readonly asked: string[] = [];
  readonly connection = {
    ...this.#binding("connection"),
    state: "initialized",
    updateStrategy: () => void this.asked.push("new transports"),
  };

  static withChannels<T>(channels: (pusher: Pusher) => T): { pusher: FakePusher; channels: T } {
    const pusher = new FakePusher();
    return { pusher, channels: channels(pusher as unknown as Pusher) };
  }

  subscribe(name: string) {
    this.asked.push(name);
    return { ...this.#binding(name), unbind: () => this.handlers.delete(name) };
  }

  unsubscribe(name: string) {
    this.asked.push(`not ${name}`);
  }

  send_event(event: string) {
    this.asked.push(event);
  }

  connect() {
    this.asked.push("connect");
    this.becomes("connecting");
  }

  disconnect() {
    this.asked.push("disconnect");
    this.becomes("disconnected");
  }

  becomes(current: string) {
    if (this.connection.state === current) return;
    this.connection.state = current;
    this.tell("connection", "state_change", { current });
  }

  tell(of: string, event: string, data?: unknown) {
    for (const handler of this.handlers.get(of)?.get(event) ?? []) handler(data);
  }

  #binding(of: string) {
    const bind = (event: string, handler: Handler) => {
      const events = this.handlers.get(of) ?? new Map<string, Set<Handler>>();
      this.handlers.set(of, events.set(event, (events.get(event) ?? new Set()).add(handler)));
    };
    const unbind = (event: string, handler: Handler) => void this.handlers.get(of)?.get(event)?.delete(handler);
    return { bind, unbind };
  }
}
