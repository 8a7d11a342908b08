import { useState } from "react";
import { Navigate } from "react-router";

import { type Message, useMessages } from "../../messaging";
import { useMe } from "../session";
import { Loading } from "../ui/notice";
import { Composer } from "./composer";
import { MessageList } from "./message-list";
import { BlockNotice, ReadOnlyNotice } from "./write-access";
import { ThreadHead } from "./thread-head";

/** The conversation that is open. */
export function ThreadPane({ id, base }: { id: string; base: string }) {
  const messages = useMessages(id);
  const { conversation, status, isLive, send } = messages;
  /** Grows with each message that is sent here: it is to be seen. */
  const [sent, setSent] = useState(0);
  if (status === "gone") return <Navigate to={base} replace state={{ gone: true }} />;
  if (!conversation) {
    return (
      <section className="thread nothing-open" aria-label="Conversation" aria-busy="true">
        <Loading of="part" onRetry={() => void messages.refresh()} />
      </section>
    );
  }
  return (
    <section className="thread" aria-label="Conversation" data-live={isLive}>
      <ThreadHead conversation={conversation} base={base} onRefresh={messages.refresh} messages={messages.messages} />
      <MessageList id={id} conversation={conversation} messages={messages} sent={sent} />
      <BlockNotice conversation={conversation} />
      {conversation.canSend ? (
        <Composer
          id={id}
          onSend={(content) => {
            send(content);
            setSent(sent + 1);
          }}
        />
      ) : (
        <ReadOnlyNotice conversation={conversation} />
      )}
      {status === "ready" && <Announcer messages={messages.messages} />}
    </section>
  );
}

/** Reads out what the other side has just written. */
function Announcer({ messages }: { messages: readonly Message[] }) {
  const me = useMe();
  const [heard] = useState(() => messages.at(-1)?.seq ?? 0);
  const last = messages.at(-1);
  const isNews = last !== undefined && last.seq > heard && last.senderId !== me.id;
  return (
    <p className="visually-hidden" aria-live="polite">
      {isNews && `${last.sender?.name ?? ""}: ${last.content}`}
    </p>
  );
}
