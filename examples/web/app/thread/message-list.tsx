import { useMemo, useState } from "react";

import { type Conversation, type Messages, otherSide, useReadWhenSeen, useTyping } from "../../messaging";
import { counterpartOf } from "../inbox/counterpart";
import { useMe } from "../session";
import { Icon } from "../ui/icon";
import { Loading } from "../ui/notice";
import { useToasts } from "../ui/toast";
import { useInfiniteScroll } from "../ui/use-infinite-scroll";
import { Blocks } from "./blocks";
import { MessageBlock } from "./message-block";
import { OutgoingItem } from "./outgoing-item";
import { useReadUpTo } from "./use-read-up-to";
import { useScroll } from "./use-scroll";

interface ListProps {
  readonly id: string;
  readonly conversation: Conversation;
  readonly messages: Messages;
  /** Grows with each message that is sent here. */
  readonly sent: number;
}

/** What has been said, the oldest first, and more of it as one scrolls up. */
export function MessageList({ id, conversation, messages: thread, sent }: ListProps) {
  const me = useMe();
  const { messages, outgoing, status, isLive, hasOlder, isLoadingOlder, loadOlder, retry, discard, refresh } = thread;
  const { attempt } = useToasts();
  const { isTyping } = useTyping(id);
  const seen = useReadWhenSeen(id);
  const readUpTo = useReadUpTo(conversation, messages);
  const newSeq = useMemo(
    () => readUpTo === null ? null : (messages.find((it) => it.seq > readUpTo && it.senderId !== me.id)?.seq ?? null),
    [messages, readUpTo, me.id],
  );
  const isComplete = conversation.side ? isLive : status === "ready";
  const { scroller, isAtEnd, toEnd } = useScroll({ messages, outgoing, newSeq, sent, isComplete });
  const beginning = useInfiniteScroll(scroller, {
    load: () => attempt(loadOlder),
    loaded: messages.length,
    isOff: !hasOlder || isLoadingOlder,
  });
  const [known] = useState(() => new Blocks());
  const blocks = useMemo(() => known.of(messages), [known, messages]);
  const theirs = conversation.side ? conversation.reads[otherSide(conversation.side)] : conversation.reads.agent;
  const other = counterpartOf(conversation);

  return (
    <div className="scroll-frame">
      {/* Focusable, so that it can be scrolled by keyboard. */}
      <div ref={scroller} className="scroll" role="region" aria-label="Messages" tabIndex={0}>
        <div ref={beginning} />
        {status === "loading" && <Loading of="part" onRetry={() => void refresh()} />}
        {status === "ready" && !hasOlder && messages.length === 0 && outgoing.length === 0 && (
          <p className="empty">Nothing has been said yet.</p>
        )}
        <div className="messages" data-oldest={!hasOlder}>
          {blocks.map((block) => (
            <MessageBlock
              key={block.key}
              block={block}
              meId={me.id}
              clientId={conversation.side ? null : conversation.client.id}
              newSeq={newSeq}
              read={theirs}
              seen={seen}
            />
          ))}
          {outgoing.length > 0 && (
            <ol className="block">
              {outgoing.map((out) => (
                <OutgoingItem key={out.key} out={out} onRetry={retry} onDiscard={discard} />
              ))}
            </ol>
          )}
        </div>
        <p className="typing" role="status">
          {isTyping && (
            <>
              <span className="dots" aria-hidden="true">
                <i />
                <i />
                <i />
              </span>
              <span>
                <bdi>{other.name}</bdi> is typing
              </span>
            </>
          )}
        </p>
      </div>
      {!isAtEnd && (
        <button type="button" className="to-end" aria-label="To the newest message" title="Newest" onClick={toEnd}>
          <Icon name="down" />
          {conversation.unreadCount > 0 && <span className="badge">{conversation.unreadCount}</span>}
        </button>
      )}
    </div>
  );
}
