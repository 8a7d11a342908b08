// Whether the other side of a conversation is looking at it.

import { onConnection, subscribe } from "./server.js";
import { state } from "./state.js";

/** Calls `changed` with whether somebody else is there, whenever that changes. Returns its end. */
export function watch(id, changed) {
  const present = new Set();
  const tell = () => changed(present.size > 0);
  const come = ({ id }) => id !== state.me.id && present.add(id);
  const leave = () => {
    present.clear();
    tell();
  };
  const unsubscribe = subscribe(`presence-conversation-${id}`, {
    ready: (members) => {
      present.clear();
      members.each(come);
      tell();
    },
    refused: leave,
    "pusher:member_added": (member) => {
      come(member);
      tell();
    },
    "pusher:member_removed": ({ id }) => {
      present.delete(id);
      tell();
    },
  });
  // Who is there is known only while we are.
  const stop = onConnection((connection) => connection !== "connected" && leave());
  return () => {
    stop();
    unsubscribe();
  };
}
