// What this window remembers of itself. Browsers may deny it: then nothing is remembered, and nothing breaks.

export function kept(name: string): string | null {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Remembers something, or with null that there is nothing. */
export function keep(name: string, value: string | null): void {
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, value);
  } catch {
    // It may also be full.
  }
}
