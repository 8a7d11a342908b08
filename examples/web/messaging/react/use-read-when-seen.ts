import { type RefCallback, useCallback, useEffect, useRef } from "react";

import type { Message } from "../wire";
import { useMessagingClient } from "./context";

/**
 * Marks a conversation as read up to the last message that is really seen: half of it is in view, or it takes half
 * of the pane that it is scrolled in, and the page is visible. Returns what makes the `ref` of a message's element.
 */
export function useReadWhenSeen(conversationId: string): (message: Message) => RefCallback<HTMLElement> {
  const client = useMessagingClient();
  const messages = useRef(new Map<Element, Message>());
  const view = useRef<View | null>(null);

  useEffect(() => {
    const { reader } = client.conversation(conversationId);
    const known = client.inbox.conversations;
    const look = () => {
      const conversation = known.find(conversationId);
      if (!conversation?.side) return;
      const upTo = conversation.reads[conversation.side]?.upToSeq ?? 0;
      // What has been read is not watched any longer, however much of it there is.
      inView.forget((element) => (messages.current.get(element)?.seq ?? 0) <= upTo);
      if (document.visibilityState !== "visible" || conversation.unreadCount === 0) return;
      let last: Message | null = null;
      for (const element of inView.elements()) {
        const message = messages.current.get(element);
        if (message && message.senderId !== client.userId && message.seq > (last?.seq ?? 0)) last = message;
      }
      if (last) reader.saw(last, upTo);
    };
    const inView = new View(look);
    view.current = inView;
    for (const element of messages.current.keys()) inView.observe(element);
    look();
    document.addEventListener("visibilitychange", look);
    const unwatch = known.known.watch(look);
    return () => {
      unwatch();
      document.removeEventListener("visibilitychange", look);
      inView.close();
      view.current = null;
    };
  }, [client, conversationId]);

  return useCallback(
    (message) => (element) => {
      if (!element) return;
      messages.current.set(element, message);
      view.current?.observe(element);
      return () => {
        messages.current.delete(element);
        view.current?.unobserve(element);
      };
    },
    [],
  );
}

/** Which of some elements of one pane are seen. */
class View {
  readonly #changed: () => void;
  readonly #observed = new Set<Element>();
  readonly #halves = new Set<Element>();
  readonly #middle = new Set<Element>();
  #observers: readonly IntersectionObserver[] | null = null;

  constructor(changed: () => void) {
    this.#changed = changed;
  }

  *elements(): Iterable<Element> {
    yield* this.#halves;
    yield* this.#middle;
  }

  observe(element: Element): void {
    this.#observers ??= this.#observing(paneOf(element));
    this.#observed.add(element);
    for (const observer of this.#observers) observer.observe(element);
  }

  unobserve(element: Element): void {
    if (!this.#observed.delete(element)) return;
    for (const observer of this.#observers ?? []) observer.unobserve(element);
    this.#halves.delete(element);
    this.#middle.delete(element);
  }

  /** Watches none of these any longer. */
  forget(isOver: (element: Element) => boolean): void {
    for (const element of this.#observed) if (isOver(element)) this.unobserve(element);
  }

  close(): void {
    for (const observer of this.#observers ?? []) observer.disconnect();
  }

  #observing(root: Element | null): readonly IntersectionObserver[] {
    const into = (seen: Set<Element>) => (entries: readonly IntersectionObserverEntry[]) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) seen.add(target);
        else seen.delete(target);
      }
      this.#changed();
    };
    return [
      new IntersectionObserver(into(this.#halves), { root, threshold: 0.5 }),
      // What crosses the middle of the pane is at least half in view, or takes at least half of the pane.
      new IntersectionObserver(into(this.#middle), { root, rootMargin: "-50% 0px" }),
    ];
  }
}

/** What an element is scrolled in; null if that is the page. */
function paneOf(element: Element): Element | null {
  for (let at = element.parentElement; at && at !== document.body; at = at.parentElement) {
    if (/auto|scroll/.test(getComputedStyle(at).overflowY)) return at;
  }
  return null;
}
