import { useParams } from "react-router";

import { ThreadPane } from "../thread/thread-pane";
import { Icon } from "../ui/icon";
import { ConversationList } from "./conversation-list";

/** The list, and the conversation that is open; on a narrow screen one of the two. */
export function InboxPage() {
  const { id } = useParams();
  return (
    <div className="inbox" data-view={id ? "thread" : "list"}>
      <h1 className="visually-hidden">Messages</h1>
      <ConversationList base="/inbox" openId={id} />
      {id ? <ThreadPane key={id} id={id} base="/inbox" /> : <NothingOpen />}
    </div>
  );
}

export function NothingOpen() {
  return (
    <section className="thread nothing-open" aria-label="Conversation">
      <Icon name="bubble" />
      <p>Choose a conversation</p>
    </section>
  );
}
