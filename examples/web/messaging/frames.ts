// One update a frame, however fast things happen.

/** At the latest after so many milliseconds, should the browser not draw. */
const AT_LATEST = 100;

/** Does what it is given in the order of asking, and all of it in one go before the next frame is drawn. */
export class Frames {
  #work: (() => void)[] = [];
  #cancel: (() => void) | null = null;

  /** Where nothing is drawn, because there is no browser or the page is hidden, it is done at once. */
  next(work: () => void): void {
    this.#work.push(work);
    if (isDrawn()) this.#cancel ??= beforeNextFrame(() => this.#run());
    else this.#run();
  }

  /** What has not been done is not done any more. */
  drop(): void {
    this.#work = [];
  }

  #run(): void {
    this.#cancel?.();
    this.#cancel = null;
    const all = this.#work;
    this.#work = [];
    for (const work of all) {
      try {
        work();
      } catch (error) {
        // What fails is told to the page, as if it had been done by itself; it does not keep the rest from being done.
        reportError(error);
      }
    }
  }
}

const isDrawn = () => typeof requestAnimationFrame === "function" && document.visibilityState === "visible";

/** Returns what takes it back. */
function beforeNextFrame(work: () => void): () => void {
  const frame = requestAnimationFrame(work);
  const timer = setTimeout(work, AT_LATEST);
  return () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
  };
}
