import { useState } from "react";

import type { ReportFile } from "../../messaging";
import { Icon } from "../ui/icon";
import { fullTime } from "../ui/time";
import { nameOf } from "../ui/name-of";

type Outcome = "resolved" | "dismissed";

interface ResolutionProps {
  readonly file: ReportFile;
  readonly onResolve: (outcome: Outcome, note: string | null) => Promise<void>;
}

/** The resolution of a report, or the form to resolve it. */
export function Resolution({ file, onResolve }: ResolutionProps) {
  return file.settled ? <ResolutionNotice status={file.status} settled={file.settled} /> : <Form onResolve={onResolve} />;
}

function ResolutionNotice({ status, settled }: { status: string; settled: NonNullable<ReportFile["settled"]> }) {
  return (
    <div className="resolution" role="status">
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

function Form({ onResolve }: Pick<ResolutionProps, "onResolve">) {
  const [note, setNote] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const resolve = async (outcome: Outcome) => {
    setBusy(true);
    setError(null);
    try {
      await onResolve(outcome, note.trim() === "" ? null : note);
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : "That did not work.");
      setBusy(false);
    }
  };
  return (
    <form
      className="resolution-form"
      onSubmit={(event) => {
        event.preventDefault();
        void resolve("resolved");
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
      <div className="resolution-buttons">
        <button type="submit" className="button primary" disabled={isBusy}>
          Resolve
        </button>
        <button type="button" className="button" disabled={isBusy} onClick={() => void resolve("dismissed")}>
          Dismiss
        </button>
      </div>
    </form>
  );
}
