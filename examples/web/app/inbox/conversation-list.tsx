import { memo, useEffect, useRef } from "react";
import { Link, useLocation } from "react-router";

import { type Conversation, otherSide, useConversations } from "../../messaging";
import { useMe } from "../session";
import { Avatar } from "../ui/avatar";
import { Icon } from "../ui/icon";
import { Loading } from "../ui/notice";
import { shortTime } from "../ui/time";
import { useToasts } from "../ui/toast";
import { useInfiniteScroll } from "../ui/use-infinite-scroll";
import { counterpartOf } from "./counterpart";

/** The interval at which presence is polled, which no event announces; in milliseconds. */
const PRESENCE_INTERVAL = 60_000;

/** The conversations, the newest activity first; more of them as one scrolls. */
export function ConversationList({ base, openId }: { base: string; openId: string | undefined }) {
  const me = useMe();
  const { attempt } = useToasts();
  const { conversations, isLoaded, isLive, hasMore, isLoadingMore, loadMore, refresh } = useConversations();
  const { gone } = (useLocation().state ?? {}) as { gone?: boolean };
  const scroller = useRef<HTMLElement>(null);
  const end = useInfiniteScroll(scroller, {
    load: () => attempt(loadMore),
    loaded: conversations.length,
    isOff: !hasMore || isLoadingMore,
  });
  useEffect(() => {
    const timer = setInterval(() => document.visibilityState === "visible" && void refresh(), PRESENCE_INTERVAL);
    return () => clearInterval(timer);
  }, [refresh]);

  return (
    <div className="sidebar">
      <header className="list-head">
        <h2>{me.role === "admin" ? "Conversations" : "Messages"}</h2>
        {me.role === "admin" && (
          <button type="button" className="icon-button" aria-label="Look again" title="Look again" onClick={refresh}>
            <Icon name="refresh" />
          </button>
        )}
      </header>
      {gone && (
        <p className="gone" role="alert">
          There is no such conversation, or it is not for you.
        </p>
      )}
      <nav ref={scroller} className="list-scroll" aria-label="Conversations">
        <ul className="list" data-live={isLive} data-loaded={isLoaded}>
          {conversations.map((conversation) => (
            <Row key={conversation.id} {...{ base, conversation }} isOpen={conversation.id === openId} meId={me.id} />
          ))}
        </ul>
        <div ref={end} />
        {!isLoaded && <Loading of="part" onRetry={() => void refresh()} />}
        {isLoadingMore && <p className="empty">Loading more …</p>}
        {isLoaded && conversations.length === 0 && (
          <p className="empty">
            {me.role === "client" ? (
              <>
                Nothing yet. Ask an agent about one of the <Link to="/tours">tours</Link>.
              </>
            ) : (
              "Nobody has written yet."
            )}
          </p>
        )}
      </nav>
    </div>
  );
}

interface RowProps {
  readonly base: string;
  readonly conversation: Conversation;
  readonly isOpen: boolean;
  readonly meId: string;
}

const Row = memo(function Row({ base, conversation, isOpen, meId }: RowProps) {
  const { id, side, lastMessage, lastMessageAt, unreadCount, presence, status } = conversation;
  const other = counterpartOf(conversation);
  const isOnline = side !== null && presence?.[otherSide(side)] === true;
  return (
    <li>
      <Link
        className={unreadCount > 0 ? "row unread" : "row"}
        to={`${base}/${id}`}
        aria-current={isOpen ? "page" : undefined}
        data-conversation={id}
      >
        <Avatar src={other.image} name={other.name} shape={other.shape} dot={isOnline ? { label: "Online" } : null} />
        <span className="row-text">
          <strong dir="auto">{other.name}</strong>
          <time className="muted" dateTime={lastMessageAt}>
            {shortTime(lastMessageAt)}
          </time>
          <span className="last">
            {lastMessage ? (
              <>
                {lastMessage.senderId === meId && "You: "}
                <bdi>{lastMessage.content || "Deleted"}</bdi>
              </>
            ) : (
              "No messages yet"
            )}
          </span>
          {unreadCount > 0 ? (
            <span className="badge">
              {unreadCount}
              <span className="visually-hidden"> unread</span>
            </span>
          ) : (
            status !== "open" && <span className="muted state">{status}</span>
          )}
        </span>
      </Link>
    </li>
  );
});
