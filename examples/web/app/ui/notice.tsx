import { type ReactNode, useEffect, useState } from "react";

/** After how long, in milliseconds, loading is too slow to go on without a word. */
const LATE = 4000;

/** What stands in place of everything else. */
export function Notice({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="notice">
      <h1>{title}</h1>
      {children}
    </div>
  );
}

interface LoadingProps {
  /** What can be done when nothing comes; the page is loaded again if it is not given. */
  readonly onRetry?: () => void;
  /** Whether a whole page waits, or something on it. */
  readonly of?: "page" | "part";
}

/** Something that will be there soon; if it is not, that the server does not answer. */
export function Loading({ onRetry = () => location.reload(), of = "page" }: LoadingProps) {
  const [isLate, setLate] = useState(false);
  useEffect(() => {
    if (isLate) return;
    const timer = setTimeout(() => setLate(true), LATE);
    return () => clearTimeout(timer);
  }, [isLate]);
  const words = isLate ? "The server does not answer." : "Loading …";
  return (
    <div className={of === "page" ? "notice" : "empty"} role="status">
      {of === "page" ? <h1>{words}</h1> : <p>{words}</p>}
      {isLate && (
        <TryAgain
          onRetry={() => {
            setLate(false);
            onRetry();
          }}
        />
      )}
    </div>
  );
}

/** Something that could not be loaded. */
export function Failed({ why, onRetry }: { why: string; onRetry: () => void }) {
  return (
    <Notice title={why}>
      <TryAgain onRetry={onRetry} />
    </Notice>
  );
}

function TryAgain({ onRetry }: { onRetry: () => void }) {
  return (
    <button type="button" className="button primary" onClick={onRetry}>
      Try again
    </button>
  );
}
