// Whether the other side is viewing a conversation.

import type { Channels } from "./channels";

/** Calls `changed` with whether another user is viewing, on every change. Returns a function that stops it. */
export function watchPresence(
  channels: Channels,
  conversationId: string,
  userId: string,
  changed: (isHere: boolean) => void,
): () => void {
  const others = new Set<string>();
  const come = (id: string) => id !== userId && others.add(id);
  const tell = () => changed(others.size > 0);
  const clear = () => {
    others.clear();
    tell();
  };
  const unsubscribe = channels.subscribe(`presence-conversation-${conversationId}`, {
    ready: (present) => {
      others.clear();
      present.forEach(come);
      tell();
    },
    refused: clear,
    came: (id) => {
      come(id);
      tell();
    },
    left: (id) => {
      others.delete(id);
      tell();
    },
  });
  // Members are known only while this client is connected.
  const unwatch = channels.connection.watch(() => channels.connection.get() !== "connected" && clear());
  return () => {
    unwatch();
    unsubscribe();
  };
}
