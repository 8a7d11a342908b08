import { type RefObject, useEffect, useRef } from "react";

/** The distance from the visible part at which more is loaded, in pixels. */
const MARGIN = 600;

/**
 * Calls `load` when the end of a list, marked by the element of the returned ref, comes near the visible part of its
 * scroller, and again after each change of `loaded` while it stays near. Does nothing while `isOff`.
 */
export function useInfiniteScroll(
  scroller: RefObject<HTMLElement | null>,
  { load, loaded, isOff }: { load: () => void; loaded: number; isOff: boolean },
): RefObject<HTMLDivElement | null> {
  const end = useRef<HTMLDivElement>(null);
  const latest = useRef(load);
  useEffect(() => {
    latest.current = load;
  });
  useEffect(() => {
    if (isOff || !end.current) return;
    const observer = new IntersectionObserver(
      (entries) => entries.some(({ isIntersecting }) => isIntersecting) && latest.current(),
      { root: scroller.current, rootMargin: `${MARGIN}px 0px` },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [scroller, loaded, isOff]);
  return end;
}
