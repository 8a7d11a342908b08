import { useState } from "react";

import { type Conversation, type Message, useReport } from "../../messaging";
import { counterpartOf } from "../inbox/counterpart";
import { useMe } from "../session";
import { Dialog } from "../ui/dialog";
import { useToasts } from "../ui/toast";

/** How many of the other side's messages can be pointed at, and how much of each is shown. */
const MAX_MESSAGES = 20;
const EXCERPT = 60;

interface ReportProps {
  readonly conversation: Conversation;
  readonly messages: readonly Message[];
  readonly onClose: () => void;
}

/** Telling the staff what is wrong here. */
export function ReportDialog({ conversation, messages, onClose }: ReportProps) {
  const me = useMe();
  const report = useReport(conversation.id);
  const { say } = useToasts();
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const theirs = messages.filter(({ kind, senderId }) => kind === "user" && senderId !== me.id);
  const { name } = counterpartOf(conversation);

  const submit = async (form: FormData) => {
    setBusy(true);
    setError(null);
    try {
      const about = String(form.get("about"));
      await report(String(form.get("reason")), about === "" ? undefined : about);
      say("Thank you. The staff will look at it.");
      onClose();
    } catch (failure) {
      setError(failure instanceof Error ? failure.message : "It could not be reported.");
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog title="Report" onClose={onClose}>
      <form
        className="report"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(new FormData(event.currentTarget));
        }}
      >
        <p className="muted">
          The staff see this conversation as it is now. <bdi>{name}</bdi> is not told.
        </p>
        <label>
          What is it about?
          <select name="about">
            <option value="">The whole conversation</option>
            {theirs
              .slice(-MAX_MESSAGES)
              .toReversed()
              .map(({ id, content }) => (
                <option key={id} value={id}>
                  “{Array.from(content).slice(0, EXCERPT).join("")}”
                </option>
              ))}
          </select>
        </label>
        <label>
          What is wrong?
          <textarea name="reason" rows={4} required maxLength={1000} />
        </label>
        {error !== null && (
          <p className="error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" className="button primary" disabled={isBusy}>
          Send the report
        </button>
      </form>
    </Dialog>
  );
}
