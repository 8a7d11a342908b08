import { useEffect, useState } from "react";

export type RequestState<T> =
  | { readonly is: "loading" }
  | { readonly is: "failed"; readonly why: string }
  | { readonly is: "there"; readonly value: T };

/** The state of the request `ask`, and a function that repeats it. `ask` must be stable: a new function is a new request. */
export function useRequest<T>(ask: () => Promise<T>): [RequestState<T>, () => void] {
  const [answer, setAnswer] = useState<RequestState<T>>({ is: "loading" });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    const show = (it: RequestState<T>) => isCurrent && setAnswer(it);
    ask().then(
      (value) => show({ is: "there", value }),
      (error: unknown) => show({ is: "failed", why: error instanceof Error ? error.message : "That did not work." }),
    );
    return () => {
      isCurrent = false;
    };
  }, [ask, attempt]);
  const again = () => {
    setAnswer({ is: "loading" });
    setAttempt(attempt + 1);
  };
  return [answer, again];
}
