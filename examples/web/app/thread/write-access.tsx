// Notices for conversations in which the user cannot write, or has blocked the other side.

import { type Conversation, useBlock } from "../../messaging";
import { counterpartOf } from "../inbox/counterpart";
import { useToasts } from "../ui/toast";

/** The reason why the user cannot write. */
export function ReadOnlyNotice({ conversation: { side, status } }: { conversation: Conversation }) {
  const why = !side
    ? "You read this as staff. The participants are not told; it is in the audit log."
    : status === "closed"
      ? "This conversation has been closed."
      : "The other side takes no messages at the moment.";
  return <p className="no-writing">{why}</p>;
}

/** States that the user has blocked the other side, with a button to unblock it. */
export function BlockNotice({ conversation }: { conversation: Conversation }) {
  const { isBlocked, setBlocked } = useBlock(conversation.id);
  const { attempt } = useToasts();
  if (!isBlocked) return null;
  return (
    <p className="blocked">
      <span>
        You have blocked this conversation: <bdi>{counterpartOf(conversation).name}</bdi> cannot write to you.
      </span>
      <button type="button" className="button small" onClick={() => attempt(() => setBlocked(false))}>
        Unblock
      </button>
    </p>
  );
}
