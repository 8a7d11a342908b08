import { useEffect, useState } from "react";

export type Answer<T> =
  | { readonly is: "loading" }
  | { readonly is: "failed"; readonly why: string }
  | { readonly is: "there"; readonly value: T };

/** What `ask` answers, which has to stay the same as long as the question does, and how to ask again. */
export function useAnswer<T>(ask: () => Promise<T>): [Answer<T>, () => void] {
  const [answer, setAnswer] = useState<Answer<T>>({ is: "loading" });
  const [attempt, setAttempt] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    const show = (it: Answer<T>) => isCurrent && setAnswer(it);
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
