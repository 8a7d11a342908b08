import { useCallback, useEffect } from "react";

import { useMessagingClient, useObservable } from "./context";

export interface Typing {
  /** Whether the other side is typing. */
  readonly isTyping: boolean;
  /** To be called with each stroke of the user. */
  typed(): void;
  /** To be called when there is nothing left of what was typed. */
  stopped(): void;
}

/** Typing, in both directions, in an open conversation. */
export function useTyping(conversationId: string): Typing {
  const client = useMessagingClient();
  const { thread, typing } = client.conversation(conversationId);
  useEffect(() => client.hold(conversationId), [client, conversationId]);
  const isTyping = useObservable(thread.typing.isTyping);
  const typed = useCallback(() => typing.typed(), [typing]);
  const stopped = useCallback(() => typing.stopped(), [typing]);
  return { isTyping, typed, stopped };
}
