import { useCallback, useSyncExternalStore } from "react";

import type { Connection } from "../channels";
import type { InboxState } from "../inbox";
import type { Conversation } from "../wire";
import { useMessagingClient, useObservable } from "./context";

export interface Conversations extends InboxState {
  /** Fetches the next page. Rejects as the request does. */
  loadMore(): Promise<void>;
  /** Fetches the first page again; only needed where nothing is told, as to admins, or for presence. */
  refresh(): Promise<void>;
  /** The one conversation with an agent; it is made if there is none. */
  open(agentId: string, bookingId?: string): Promise<Conversation>;
}

/** The user's conversations, the newest activity first, kept up to date. */
export function useConversations(): Conversations {
  const client = useMessagingClient();
  const state = useObservable(client.inbox.state);
  const loadMore = useCallback(() => client.inbox.loadMore(), [client]);
  const refresh = useCallback(() => client.inbox.refresh(), [client]);
  const open = useCallback(
    async (agentId: string, bookingId?: string) => {
      const answer = await client.api.openConversation(agentId, bookingId);
      client.inbox.conversations.adopt(answer);
      return answer.data;
    },
    [client],
  );
  return { ...state, loadMore, refresh, open };
}

/** One conversation, as soon as anything is known of it. */
export function useConversation(id: string): Conversation | null {
  const { known } = useMessagingClient().inbox.conversations;
  return useSyncExternalStore(known.watch, () => known.get().get(id) ?? null);
}

/** How many messages the user has not read, in all conversations together. */
export function useUnreadCount(): number {
  const { state } = useMessagingClient().inbox;
  return useSyncExternalStore(state.watch, () => state.get().unreadCount);
}

/** How the connection to the channels is. */
export function useConnection(): Connection {
  return useObservable(useMessagingClient().connection);
}
