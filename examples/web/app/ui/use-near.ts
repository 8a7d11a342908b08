import { type RefObject, useEffect, useRef } from "react";

/** How far ahead of what is seen, in pixels. */
const AHEAD = 600;

/**
 * Calls `load` whenever the end of a list, marked by the element of the returned ref, comes near what is seen in
 * its scroller; again after each change of `loaded`, as long as it stays near. Not while `isOff`.
 */
export function useNear(
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
      { root: scroller.current, rootMargin: `${AHEAD}px 0px` },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [scroller, loaded, isOff]);
  return end;
}
