import { useEffect, useRef, useState } from "react";

import type { Conversation, Message } from "../../messaging";

/**
 * Behind which seq messages are shown as new: what had been read when the conversation was opened, or when the
 * window was looked at last. Null when nothing was unread.
 */
export function useReadUpTo({ side, reads, unreadCount }: Conversation, messages: readonly Message[]): number | null {
  const [upTo, setUpTo] = useState(() => (side && unreadCount > 0 ? (reads[side]?.upToSeq ?? 0) : null));
  const now = useRef({ last: 0, unreadCount });
  useEffect(() => {
    now.current = { last: messages.at(-1)?.seq ?? 0, unreadCount };
  });
  useEffect(() => {
    const look = () => {
      if (document.visibilityState === "hidden" && now.current.unreadCount === 0) setUpTo(now.current.last);
    };
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, []);
  return upTo;
}
