import type { ReactNode } from "react";

/** A page that has nothing else to show. */
export function Notice({ busy = false, children }: { busy?: boolean; children: ReactNode }) {
  return (
    <main className="notice" aria-busy={busy}>
      {busy ? <p role="status">{children}</p> : children}
    </main>
  );
}
