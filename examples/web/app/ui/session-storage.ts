// The session storage of this window. If the browser denies access, nothing is stored and nothing fails.

export function readItem(name: string): string | null {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Stores a value; null removes it. */
export function writeItem(name: string, value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, value);
  } catch {
    // The storage may be denied or full.
  }
}
