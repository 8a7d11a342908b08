// What stands in the way of writing, or of being written to.

import { type Conversation, useBlock } from "../../messaging";
import { otherOf } from "../inbox/other";
import { useToasts } from "../ui/toast";

/** Why nothing can be written here. */
export function NoWriting({ conversation: { side, status } }: { conversation: Conversation }) {
  const why = !side
    ? "You read this as staff. The participants are not told; it is in the audit log."
    : status === "closed"
      ? "This conversation has been closed."
      : "The other side takes no messages at the moment.";
  return <p className="no-writing">{why}</p>;
}

/** That one has blocked the other side, and the way back. */
export function Blocked({ conversation }: { conversation: Conversation }) {
  const { isBlocked, setBlocked } = useBlock(conversation.id);
  const { attempt } = useToasts();
  if (!isBlocked) return null;
  return (
    <p className="blocked">
      <span>
        You have blocked this conversation: <bdi>{otherOf(conversation).name}</bdi> cannot write to you.
      </span>
      <button type="button" className="button small" onClick={() => attempt(() => setBlocked(false))}>
        Unblock
      </button>
    </p>
  );
}
