// Where a conversation is scrolled to, whatever is added to it.

import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";

/** How near to the end, in pixels, counts as at the end. */
const NEAR = 60;
/** How far below the top what is new begins, so that one sees what it follows. */
const CONTEXT = 96;

interface Shown {
  /** Of the first message. */
  readonly firstSeq: number | undefined;
  /** Of the last message. */
  readonly lastSeq: number | undefined;
  /** Grows with each message that is sent here. */
  readonly sent: number;
  /** All that was missed has been fetched. */
  readonly isSettled: boolean;
}

export interface Scroll {
  readonly isAtEnd: boolean;
  toEnd(): void;
}

/**
 * Begins at what is new, or else at the end; stays at the end; and stays where it is when older messages are put
 * above. In the scroller, messages have `data-seq`, and what is new begins with `data-new`.
 */
export function useScroll(scroller: RefObject<HTMLElement | null>, shown: Shown): Scroll {
  const [isAtEnd, setAtEnd] = useState(true);
  const stays = useRef(true);
  const isPlaced = useRef(false);
  const before = useRef<{ seq: number | undefined; top: number; sent: number }>({ seq: undefined, top: 0, sent: 0 });

  const toEnd = useCallback(() => {
    if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
  }, [scroller]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const { seq, top, sent } = before.current;
    const topOf = (of: number | undefined) =>
      element.querySelector<HTMLElement>(`[data-seq="${of}"]`)?.offsetTop ?? top;
    const isOlder = seq !== undefined && shown.firstSeq !== undefined && shown.firstSeq < seq;
    const marker = element.querySelector<HTMLElement>("[data-new]");
    if (!isPlaced.current && marker) {
      element.scrollTop = marker.offsetTop - CONTEXT;
      isPlaced.current = true;
      stays.current = isNearEnd(element);
      setAtEnd(stays.current);
    } else if (isOlder && !stays.current) {
      element.scrollTop += topOf(seq) - top;
    } else if (stays.current || shown.sent > sent) {
      toEnd();
    }
    if (shown.isSettled && shown.firstSeq !== undefined) isPlaced.current = true;
    before.current = { seq: shown.firstSeq, top: topOf(shown.firstSeq), sent: shown.sent };
  });

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const look = () => {
      stays.current = isNearEnd(element);
      setAtEnd(stays.current);
    };
    // The composer grows, a keyboard opens, a window is turned: the end stays the end.
    const resized = new ResizeObserver(() => stays.current && toEnd());
    resized.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => {
      resized.disconnect();
      element.removeEventListener("scroll", look);
    };
  }, [scroller, toEnd]);

  return { isAtEnd, toEnd };
}

const isNearEnd = ({ scrollHeight, scrollTop, clientHeight }: HTMLElement) =>
  scrollHeight - scrollTop - clientHeight < NEAR;
