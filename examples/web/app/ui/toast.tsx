// What has just failed or been done, said once above everything.

import { type ReactNode, createContext, useCallback, useContext, useEffect, useMemo, useState } from "react";

const DURATION = 5000;

interface Toasts {
  say(words: string): void;
  /** Runs `work`, and says why it failed if it does. */
  attempt(work: () => Promise<unknown>): void;
}

const Context = createContext<Toasts>({ say: () => {}, attempt: () => {} });

export const useToasts = () => useContext(Context);

export function ToastProvider({ children }: { children: ReactNode }) {
  const [toast, setToast] = useState<{ words: string } | null>(null);
  useEffect(() => {
    if (!toast) return;
    const timer = setTimeout(() => setToast(null), DURATION);
    return () => clearTimeout(timer);
  }, [toast]);
  const say = useCallback((words: string) => setToast({ words }), []);
  const attempt = useCallback(
    (work: () => Promise<unknown>) => {
      work().catch((error: unknown) => say(error instanceof Error ? error.message : "That did not work."));
    },
    [say],
  );
  const toasts = useMemo(() => ({ say, attempt }), [say, attempt]);
  return (
    <Context value={toasts}>
      {children}
      <div className="toasts" role="alert">
        {toast && <p className="toast">{toast.words}</p>}
      </div>
    </Context>
  );
}
