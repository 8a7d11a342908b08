import type { OutgoingMessage } from "../../messaging";

interface OutgoingProps {
  readonly out: OutgoingMessage;
  readonly onRetry: (key: string) => void;
  readonly onDiscard: (key: string) => void;
}

/** Something that has been written, and has not arrived as far as is known. */
export function OutgoingItem({ out: { key, content, state, error }, onRetry, onDiscard }: OutgoingProps) {
  const isFailed = state === "failed";
  return (
    <li className={`message mine ${isFailed ? "failed" : "pending"}`}>
      <div className="bubble">
        <p className="text" dir="auto">
          {content}
        </p>
        <span className="meta">{isFailed ? "Not sent" : "Sending …"}</span>
      </div>
      {isFailed && (
        <p className="failure">
          <span role="alert">{error}</span>
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
}
