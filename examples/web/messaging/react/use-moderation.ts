import { useCallback } from "react";

import { useMessagingClient } from "./context";
import { useConversation } from "./use-conversations";

export interface Block {
  /** Whether this user's side takes no messages. */
  readonly isBlocked: boolean;
  /** Rejects as the request does. */
  setBlocked(blocked: boolean): Promise<void>;
}

/** Refusing the other side's messages. */
export function useBlock(conversationId: string): Block {
  const client = useMessagingClient();
  const conversation = useConversation(conversationId);
  const setBlocked = useCallback(
    async (blocked: boolean) => {
      await client.api.setBlocked(conversationId, blocked);
      client.inbox.conversations.refetch(conversationId);
    },
    [client, conversationId],
  );
  const side = conversation?.side;
  return { isBlocked: side ? (conversation?.blockedBy.includes(side) ?? false) : false, setBlocked };
}

/** Reporting a conversation, or one message of it, to the staff. Rejects as the request does. */
export function useReport(conversationId: string): (reason: string, messageId?: string) => Promise<void> {
  const client = useMessagingClient();
  return useCallback(
    async (reason: string, messageId?: string) => {
      await client.api.report(conversationId, reason, messageId);
    },
    [client, conversationId],
  );
}
