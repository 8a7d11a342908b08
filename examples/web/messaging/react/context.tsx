import { type ReactNode, createContext, useContext, useEffect, useSyncExternalStore } from "react";

import type { MessagingClient } from "../client";
import type { Observable } from "../observable";

const Context = createContext<MessagingClient | null>(null);

/** Gives the hooks below it a client, which listens as long as this is shown. */
export function MessagingProvider({ client, children }: { client: MessagingClient; children: ReactNode }) {
  useEffect(() => client.start(), [client]);
  return <Context value={client}>{children}</Context>;
}

export function useMessagingClient(): MessagingClient {
  const client = useContext(Context);
  if (!client) throw new Error("the messaging hooks need a <MessagingProvider> above them");
  return client;
}

export function useObservable<T>(observable: Observable<T>): T {
  return useSyncExternalStore(observable.watch, observable.get);
}
