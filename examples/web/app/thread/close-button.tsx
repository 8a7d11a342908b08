import { type Conversation, useMessagingClient } from "../../messaging";
import { Icon } from "../ui/icon";
import { useToasts } from "../ui/toast";

/** Staff stop both sides from writing, or let them again. */
export function CloseButton({ conversation: { id, status } }: { conversation: Conversation }) {
  const client = useMessagingClient();
  const { attempt } = useToasts();
  const isClosed = status === "closed";
  const change = async () => {
    await client.api.setClosed(id, !isClosed);
    client.inbox.conversations.refetch(id);
  };
  return (
    <button type="button" className="button small" onClick={() => attempt(change)}>
      <Icon name="lock" /> {isClosed ? "Reopen" : "Close"}
    </button>
  );
}
