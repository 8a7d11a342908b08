import { useEffect, useState } from "react";

import { otherSide } from "../conversation";
import { useMessagingClient } from "./context";
import { useConversation } from "./use-conversations";

export interface Presence {
  /** The other side is looking at this very conversation. */
  readonly isHere: boolean;
  /** The other side is connected somewhere, as far as was known when it was last asked; null when it is not. */
  readonly isOnline: boolean | null;
}

/** Whether the other side of an open conversation is there. */
export function usePresence(conversationId: string): Presence {
  const client = useMessagingClient();
  const conversation = useConversation(conversationId);
  const [isHere, setHere] = useState(false);
  useEffect(() => {
    const { isHere: observed, close } = client.watchPresence(conversationId);
    const { conversations } = client.inbox;
    const draw = () => {
      setHere(observed.get());
      // A user who is absent on this channel may be present on another.
      if (!observed.get()) conversations.refetch(conversationId);
    };
    const unwatch = observed.watch(draw);
    draw();
    return () => {
      unwatch();
      close();
      setHere(false);
    };
  }, [client, conversationId]);
  const side = conversation?.side ?? null;
  return { isHere, isOnline: side === null ? null : (conversation?.presence?.[otherSide(side)] ?? null) };
}
