// Whether the other side is looking at a conversation.

import type { Channels } from "./channels";

/** Calls `changed` with whether somebody else is there, whenever that changes. Returns its end. */
export function watchPresence(
  channels: Channels,
  conversationId: string,
  userId: string,
  changed: (isHere: boolean) => void,
): () => void {
  const others = new Set<string>();
  const come = (id: string) => id !== userId && others.add(id);
  const tell = () => changed(others.size > 0);
  const nobody = () => {
    others.clear();
    tell();
  };
  const unsubscribe = channels.subscribe(`presence-conversation-${conversationId}`, {
    ready: (present) => {
      others.clear();
      present.forEach(come);
      tell();
    },
    refused: nobody,
    came: (id) => {
      come(id);
      tell();
    },
    left: (id) => {
      others.delete(id);
      tell();
    },
  });
  // Who is there is known only while we are.
  const unwatch = channels.connection.watch(() => channels.connection.get() !== "connected" && nobody());
  return () => {
    unwatch();
    unsubscribe();
  };
}
