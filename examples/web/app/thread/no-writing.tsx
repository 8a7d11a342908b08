import { type Conversation, useBlock } from "../../messaging";
import { useToasts } from "../ui/toast";

/** Why nothing can be written here. */
export function NoWriting({ conversation }: { conversation: Conversation }) {
  const { side, status, blockedBy } = conversation;
  const { setBlocked } = useBlock(conversation.id);
  const { attempt } = useToasts();
  if (!side) {
    return <p className="no-writing">You read this as staff. The participants are not told; it is in the audit log.</p>;
  }
  if (status === "closed") return <p className="no-writing">This conversation has been closed.</p>;
  if (!blockedBy.includes(side)) {
    return <p className="no-writing">The other side takes no messages at the moment.</p>;
  }
  return (
    <p className="no-writing">
      You have blocked this conversation.{" "}
      <button type="button" className="button small" onClick={() => attempt(() => setBlocked(false))}>
        Unblock
      </button>
    </p>
  );
}
