// Who this window belongs to, and their messaging.

import Pusher from "pusher-js";
import { type ReactNode, createContext, useContext, useEffect, useState } from "react";

import { Api, MessagingClient, MessagingProvider, pusherChannels } from "../messaging";
import { type RealtimeConfig, type User, findUser, loginOf, realtimeConfig } from "./host";
import { SignIn } from "./sign-in";
import { Failed, Loading } from "./ui/notice";

const Context = createContext<User | null>(null);

/** The user of this window. */
export function useMe(): User {
  const me = useContext(Context);
  if (!me) throw new Error("no user is signed in");
  return me;
}

type State =
  | { readonly is: "loading" | "unknown" | "failed" }
  | { readonly is: "ready"; readonly me: User; readonly client: MessagingClient };

/** Shows its children when it is known who this is. */
export function Session({ name, children }: { name: string; children: ReactNode }) {
  const [state, setState] = useState<State>({ is: "loading" });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    let client: MessagingClient | null = null;
    Promise.all([findUser(name), realtimeConfig()]).then(
      ([me, config]) => {
        if (!isCurrent) return;
        if (!me) return setState({ is: "unknown" });
        client = clientOf(me, config);
        setState({ is: "ready", me, client });
      },
      () => isCurrent && setState({ is: "failed" }),
    );
    return () => {
      isCurrent = false;
      client?.disconnect();
    };
  }, [name, attempt]);

  const again = () => {
    setState({ is: "loading" });
    setAttempt(attempt + 1);
  };
  switch (state.is) {
    case "loading":
      return (
        <main>
          <Loading onRetry={again} />
        </main>
      );
    case "unknown":
      return <SignIn unknown={name} />;
    case "failed":
      return (
        <main>
          <Failed why="The server cannot be reached." onRetry={again} />
        </main>
      );
    case "ready":
      return (
        <Context value={state.me}>
          <MessagingProvider client={state.client}>{children}</MessagingProvider>
        </Context>
      );
  }
}

function clientOf(me: User, config: RealtimeConfig): MessagingClient {
  const headers = loginOf(me);
  const api = new Api({ base: "/api", headers });
  if (me.role === "admin") return new MessagingClient({ userId: me.id, api, channels: null });
  const pusher = new Pusher(config.key, {
    wsHost: config.wsHost,
    wsPort: config.wsPort,
    wssPort: config.wsPort,
    forceTLS: config.forceTLS,
    cluster: config.cluster,
    // Over TLS where that is asked for; with "wss" here, too, it would be tried where it is not.
    enabledTransports: ["ws"],
    activityTimeout: 30_000,
    pongTimeout: 10_000,
    channelAuthorization: { endpoint: "/api/pusher/auth", transport: "ajax", headers },
  });
  return new MessagingClient({ userId: me.id, api, channels: pusherChannels(pusher) });
}
