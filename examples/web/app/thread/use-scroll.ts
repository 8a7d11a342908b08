// Where a conversation is scrolled to, whatever is added to it.

import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

import type { Message, OutgoingMessage } from "../../messaging";

/** How near to the end, in pixels, counts as at the end. */
const AT_END_PIXELS = 60;
/** How far below the top what is new begins, so that one sees what it follows: in pixels, and in a low pane. */
const CONTEXT = 96;
const CONTEXT_OF_PANE = 1 / 6;

interface ScrollOptions {
  readonly messages: readonly Message[];
  readonly outgoing: readonly OutgoingMessage[];
  /** Of the first that is new. */
  readonly newSeq: number | null;
  /** Grows with each message that is sent here. */
  readonly sent: number;
  /** All that was missed has been fetched. */
  readonly isComplete: boolean;
}

export interface Scroll {
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly isAtEnd: boolean;
  toEnd(): void;
}

/**
 * Begins at what is new, or else at the end; stays at the end; and stays where it is when older messages are put
 * above. In the scroller, messages have `data-seq`, and what is new begins with `data-new`.
 */
export function useScroll({ messages, outgoing, newSeq, sent, isComplete }: ScrollOptions): Scroll {
  const scroller = useRef<HTMLDivElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const stays = useRef(true);
  const isPlaced = useRef(false);
  /** The first message when this was drawn last, and how far from the beginning it was. */
  const first = useRef<{ seq: number; top: number } | null>(null);
  const wasSent = useRef(0);
  /** How high everything was when it was drawn or scrolled last. */
  const height = useRef(0);

  const toEnd = useCallback(() => {
    if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  }, []);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const marker = isPlaced.current ? null : element.querySelector<HTMLElement>("[data-new]");
    const before = first.current;
    const [oldest] = messages;
    if (marker) {
      element.scrollTop = topIn(element, marker) - Math.min(CONTEXT, CONTEXT_OF_PANE * element.clientHeight);
      isPlaced.current = true;
      stays.current = isNearEnd(element);
      // It may be there without having been scrolled.
      setAtEnd(stays.current);
    } else if ((stays.current && isNearEnd(element, height.current)) || sent > wasSent.current) {
      // The user may have scrolled, and the scroll event may not have arrived: the position is read from the element.
      toEnd();
    } else if (before && oldest && oldest.seq < before.seq) {
      element.scrollTop += (topOf(element, before.seq) ?? before.top) - before.top;
    }
    if (isComplete && oldest) isPlaced.current = true;
    wasSent.current = sent;
    height.current = element.scrollHeight;
    first.current = oldest ? { seq: oldest.seq, top: topOf(element, oldest.seq) ?? 0 } : null;
  }, [messages, outgoing, newSeq, sent, isComplete, toEnd]);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const look = () => {
      height.current = element.scrollHeight;
      stays.current = isNearEnd(element);
      setAtEnd(stays.current);
    };
    // The composer grows, a keyboard opens, a window is turned: the end stays the end.
    const resized = new ResizeObserver(() => {
      if (stays.current) toEnd();
      look();
    });
    resized.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      resized.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, [toEnd]);

  return { scroller, isAtEnd, toEnd };
}

/** From how far below the beginning of what is scrolled something begins. */
const topIn = (scroller: HTMLElement, it: Element) =>
  it.getBoundingClientRect().top - scroller.getBoundingClientRect().top + scroller.scrollTop;

function topOf(scroller: HTMLElement, seq: number): number | undefined {
  const message = scroller.querySelector(`[data-seq="${seq}"]`);
  return message ? topIn(scroller, message) : undefined;
}

const isNearEnd = ({ scrollHeight, scrollTop, clientHeight }: HTMLElement, height = scrollHeight) =>
  height - scrollTop - clientHeight < AT_END_PIXELS;
