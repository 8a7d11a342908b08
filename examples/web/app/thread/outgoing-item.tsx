import { memo } from "react";

import type { OutgoingMessage } from "../../messaging";

interface OutgoingProps {
  readonly out: OutgoingMessage;
  readonly onRetry: (key: string) => void;
  readonly onDiscard: (key: string) => void;
}

/** Something that has been written, and has not arrived as far as is known. */
export const OutgoingItem = memo(function OutgoingItem({ out, onRetry, onDiscard }: OutgoingProps) {
  const { key, content, state, error } = out;
  return (
    <li className={`message mine ${state === "failed" ? "failed" : "pending"}`}>
      <div className="bubble">
        <p className="text" dir="auto">
          {content}
        </p>
        <span className="meta">{STATES[state]}</span>
      </div>
      {state !== "sending" && (
        <p className="failure">
          {state === "failed" && <span role="alert">{error}</span>}
          <button type="button" className="button quiet" onClick={() => onRetry(key)}>
            Try again
          </button>
          <button type="button" className="button quiet" onClick={() => onDiscard(key)}>
            Delete
          </button>
        </p>
      )}
    </li>
  );
});

const STATES = { sending: "Sending …", waiting: "Waiting for the connection …", failed: "Not sent" } as const;
