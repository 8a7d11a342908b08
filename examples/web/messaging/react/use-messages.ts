import { useCallback, useEffect } from "react";

import type { OutgoingMessage } from "../outgoing";
import type { ThreadState } from "../thread";
import type { Conversation } from "../wire";
import { useMessagingClient, useObservable } from "./context";
import { useConversation } from "./use-conversations";

export interface Messages extends ThreadState {
  readonly conversation: Conversation | null;
  /** What has been written here and is not known to have arrived, in the order of writing. */
  readonly outgoing: readonly OutgoingMessage[];
  /** Shows it at once among `outgoing`, and repeats it until it has arrived or is refused. */
  send(content: string): void;
  /** Sends what has failed once more; it cannot become two messages. */
  retry(key: string): void;
  /** Gives up on what has failed. */
  discard(key: string): void;
  /** Fetches a page of older messages. Rejects as the request does. */
  loadOlder(): Promise<void>;
  /** Fetches what is new; only needed where nothing is told, as to admins. */
  refresh(): Promise<void>;
}

/** The messages of a conversation, kept up to date as long as this is shown. Marks nothing as read. */
export function useMessages(conversationId: string): Messages {
  const client = useMessagingClient();
  const { thread, outgoing, typing } = client.conversation(conversationId);
  useEffect(() => client.hold(conversationId), [client, conversationId]);
  const state = useObservable(thread.state);
  const waiting = useObservable(outgoing.waiting);
  const conversation = useConversation(conversationId);
  const send = useCallback(
    (content: string) => {
      typing.sent();
      outgoing.send(content);
    },
    [outgoing, typing],
  );
  const retry = useCallback((key: string) => outgoing.retry(key), [outgoing]);
  const discard = useCallback((key: string) => outgoing.discard(key), [outgoing]);
  return {
    ...state,
    conversation,
    outgoing: waiting,
    send,
    retry,
    discard,
    loadOlder: thread.loadOlder,
    refresh: thread.catchUp,
  };
}
