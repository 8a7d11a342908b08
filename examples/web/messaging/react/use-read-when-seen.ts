import { type RefCallback, useCallback, useEffect, useRef } from "react";

import type { Message } from "../wire";
import { useMessagingClient } from "./context";

/**
 * Marks a conversation as read up to the last message that is really seen: its element is in view, not scrolled
 * out of it, and the page is visible. Returns what makes the `ref` of a message's element.
 */
export function useReadWhenSeen(conversationId: string): (message: Message) => RefCallback<HTMLElement> {
  const client = useMessagingClient();
  const observer = useRef<IntersectionObserver | null>(null);
  const messages = useRef(new Map<Element, Message>());

  useEffect(() => {
    const { reader } = client.conversation(conversationId);
    const known = client.inbox.conversations;
    const inView = new Set<Element>();
    const look = () => {
      if (document.visibilityState !== "visible") return;
      const conversation = known.find(conversationId);
      const seen = [...inView].flatMap((element) => messages.current.get(element) ?? []);
      const last = seen.filter(({ senderId }) => senderId !== client.userId).toSorted((a, b) => b.seq - a.seq)[0];
      if (!conversation?.side || !last || conversation.unreadCount === 0) return;
      reader.saw(last, conversation.reads[conversation.side]?.upToSeq ?? 0);
    };
    const watching = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (isIntersecting) inView.add(target);
          else inView.delete(target);
        }
        look();
      },
      { threshold: 0.5 },
    );
    observer.current = watching;
    for (const element of messages.current.keys()) watching.observe(element);
    document.addEventListener("visibilitychange", look);
    const unwatch = known.known.watch(look);
    return () => {
      unwatch();
      document.removeEventListener("visibilitychange", look);
      watching.disconnect();
      observer.current = null;
    };
  }, [client, conversationId]);

  return useCallback(
    (message) => (element) => {
      if (!element) return;
      messages.current.set(element, message);
      observer.current?.observe(element);
      return () => {
        messages.current.delete(element);
        observer.current?.unobserve(element);
      };
    },
    [],
  );
}
