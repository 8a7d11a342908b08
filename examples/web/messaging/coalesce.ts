/** After how many milliseconds something that failed is tried again by itself. */
export const RETRY_AFTER = 2000;

/** Runs `work` now, or once more if it is running: each caller gets the result of a run that began after its call. */
export function coalesced(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  let again = false;
  const run = async () => {
    try {
      while (again) {
        // Those who ask in one go are answered by one.
        await Promise.resolve();
        again = false;
        await work();
      }
    } finally {
      running = null;
    }
  };
  return () => {
    again = true;
    running ??= run();
    return running;
  };
}
