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

/** What stands where one of a list will. */
export function NothingOpen({ what = "conversation" }: { what?: "conversation" | "report" }) {
  return (
    <section className="thread nothing-open" aria-label="Nothing open">
      <Icon name={what === "report" ? "flag" : "bubble"} />
      <p>Choose a {what}</p>
    </section>
  );
}
