import { useState } from "react";

import type { ReportFile } from "../../messaging";
import { Icon } from "../ui/icon";
import { fullTime } from "../ui/time";
import { nameOf } from "../ui/name-of";

type Outcome = "resolved" | "dismissed";

interface SettleProps {
  readonly file: ReportFile;
  readonly onSettle: (outcome: Outcome, note: string | null) => Promise<void>;
}

/** What became of a report, or the means to end it. */
export function Settle({ file, onSettle }: SettleProps) {
  return file.settled ? <Settled status={file.status} settled={file.settled} /> : <Form onSettle={onSettle} />;
}

function Settled({ status, settled }: { status: string; settled: NonNullable<ReportFile["settled"]> }) {
  return (
    <div className="settled" role="status">
      <p>
        <Icon name="check" />
        <span>
          {status === "resolved" ? "Resolved" : "Dismissed"} by <bdi>{nameOf(settled.by)}</bdi>,{" "}
          <time dateTime={settled.at}>{fullTime(settled.at)}</time>
        </span>
      </p>
      {settled.note !== null && (
        <p className="text muted" dir="auto">
          {settled.note}
        </p>
      )}
    </div>
  );
}

function Form({ onSettle }: Pick<SettleProps, "onSettle">) {
  const [note, setNote] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const settle = async (outcome: Outcome) => {
    setBusy(true);
    setError(null);
    try {
      await onSettle(outcome, note.trim() === "" ? null : note);
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : "That did not work.");
      setBusy(false);
    }
  };
  return (
    <form
      className="settle"
      onSubmit={(event) => {
        event.preventDefault();
        void settle("resolved");
      }}
    >
      <label>
        What was done, for the other staff
        <textarea rows={2} maxLength={1000} value={note} onChange={(event) => setNote(event.currentTarget.value)} />
      </label>
      {error !== null && (
        <p className="error" role="alert">
          {error}
        </p>
      )}
      <div className="settle-buttons">
        <button type="submit" className="button primary" disabled={isBusy}>
          Resolve
        </button>
        <button type="button" className="button" disabled={isBusy} onClick={() => void settle("dismissed")}>
          Dismiss
        </button>
      </div>
    </form>
  );
}
