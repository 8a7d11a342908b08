// Noticing that the page may have slept: nothing was told meanwhile, and a connection may be dead without saying so.

/** How often the clock is looked at, and by how much a timer is late only on a machine that has slept. */
const TICK = 5000;
const LATE = 10_000;

/** Calls `woke` whenever the page may have slept, or the network has come or gone. Returns its end. */
export function watchWaking(woke: () => void): () => void {
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
