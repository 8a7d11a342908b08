// Detects that the page may have been suspended: events may be missing, and the connection may be dead without notice.

/** The interval of a timer, and the delay of it that only a suspended machine causes; in milliseconds. */
const TICK = 5000;
const LATE = 10_000;

/** Calls `woke` when the page may have been suspended, or the network came or went. Returns a function that stops it. */
export function watchWakeUp(woke: () => void): () => void {
  // Absent outside of browsers.
  const { document: page, window: view } = globalThis as Partial<Pick<typeof globalThis, "document" | "window">>;
  const isHidden = () => page?.visibilityState === "hidden";
  let last = Date.now();
  const timer = setInterval(() => {
    const hasSlept = Date.now() - last > TICK + LATE;
    last = Date.now();
    // Browsers slow down the timers of a page that is not visible. It wakes when it is visible again.
    if (hasSlept && !isHidden()) woke();
  }, TICK);

  const ends: (() => void)[] = [() => clearInterval(timer)];
  const listen = (target: EventTarget | undefined, event: string, heard: (event: Event) => void) => {
    target?.addEventListener(event, heard);
    ends.push(() => target?.removeEventListener(event, heard));
  };
  listen(page, "visibilitychange", () => isHidden() || woke());
  listen(page, "resume", woke);
  // Without `persisted` the page has just been loaded.
  listen(view, "pageshow", (event) => (event as PageTransitionEvent).persisted && woke());
  listen(view, "online", woke);
  listen(view, "offline", woke);
  return () => ends.forEach((end) => end());
}
