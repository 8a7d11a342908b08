import type { ReactNode } from "react";

/** What stands in place of everything else. */
export function Notice({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="notice">
      <h1>{title}</h1>
      {children}
    </div>
  );
}

/** Something that will be there soon. */
export function Loading() {
  return (
    <div className="notice" role="status">
      <h1>Loading …</h1>
    </div>
  );
}
