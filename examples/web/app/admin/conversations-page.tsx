import { useParams } from "react-router";

import { ConversationList } from "../inbox/conversation-list";
import { NothingOpen } from "../inbox/inbox-page";
import { ThreadPane } from "../thread/thread-pane";

const BASE = "/admin/conversations";

/** All conversations, and the transcript of one: read without being noticed, and audited. */
export function ConversationsPage() {
  const { id } = useParams();
  return (
    <div className="inbox" data-view={id ? "thread" : "list"}>
      <h1 className="visually-hidden">Conversations</h1>
      <ConversationList base={BASE} openId={id} />
      {id ? <ThreadPane key={id} id={id} base={BASE} /> : <NothingOpen />}
    </div>
  );
}
