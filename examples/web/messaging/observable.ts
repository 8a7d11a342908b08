/** A value that notifies its subscribers of changes. */
export class Observable<T> {
  readonly #watchers = new Set<() => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  readonly get = (): T => this.#value;

  /** Returns its end. */
  readonly watch = (changed: () => void): (() => void) => {
    this.#watchers.add(changed);
    return () => void this.#watchers.delete(changed);
  };

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const changed of this.#watchers) changed();
  }

  change(by: Partial<T>): void {
    this.set({ ...this.#value, ...by });
  }
}
