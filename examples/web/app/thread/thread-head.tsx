import { useState } from "react";
import { Link } from "react-router";

import { type Conversation, type Message, useBlock, usePresence } from "../../messaging";
import { counterpartOf } from "../inbox/counterpart";
import { Avatar } from "../ui/avatar";
import { Icon } from "../ui/icon";
import { useToasts } from "../ui/toast";
import { CloseButton } from "./close-button";
import { ReportDialog } from "./report-dialog";

interface HeadProps {
  readonly conversation: Conversation;
  readonly messages: readonly Message[];
  readonly base: string;
  readonly onRefresh: () => Promise<void>;
}

/** Whom one talks with, about what, and what can be done about them. */
export function ThreadHead({ conversation, messages, base, onRefresh }: HeadProps) {
  const { side, booking } = conversation;
  const other = counterpartOf(conversation);
  return (
    <header className="thread-head">
      <Link className="icon-button back" to={base} aria-label="Back to the conversations" title="Back">
        <Icon name="back" />
      </Link>
      <CounterpartAvatar conversation={conversation} />
      <div className="thread-title">
        <h2 dir="auto">{other.name}</h2>
        <p className="muted about" dir="auto">
          {booking ? `${booking.bookingNumber} · ${booking.tour.title}` : "No booking yet"}
        </p>
      </div>
      {side ? (
        <ParticipantActions conversation={conversation} messages={messages} />
      ) : (
        <StaffActions conversation={conversation} onRefresh={onRefresh} />
      )}
    </header>
  );
}

function CounterpartAvatar({ conversation }: { conversation: Conversation }) {
  const other = counterpartOf(conversation);
  const { isHere, isOnline } = usePresence(conversation.id);
  const label = isHere ? "Here now" : isOnline ? "Online" : null;
  return <Avatar src={other.image} name={other.name} shape={other.shape} dot={label ? { label } : null} />;
}

function ParticipantActions({ conversation, messages }: Pick<HeadProps, "conversation" | "messages">) {
  const { attempt } = useToasts();
  const { isBlocked, setBlocked } = useBlock(conversation.id);
  const [isReporting, setReporting] = useState(false);
  return (
    <>
      <button
        type="button"
        className="icon-button"
        aria-pressed={isBlocked}
        aria-label="Block"
        title={isBlocked ? "Unblock" : "Block"}
        onClick={() => attempt(() => setBlocked(!isBlocked))}
      >
        <Icon name="block" />
      </button>
      <button
        type="button"
        className="icon-button"
        aria-label="Report"
        title="Report"
        onClick={() => setReporting(true)}
      >
        <Icon name="flag" />
      </button>
      {isReporting && <ReportDialog {...{ conversation, messages }} onClose={() => setReporting(false)} />}
    </>
  );
}

function StaffActions({ conversation, onRefresh }: Pick<HeadProps, "conversation" | "onRefresh">) {
  return (
    <>
      <button type="button" className="icon-button" aria-label="Look again" title="Look again" onClick={onRefresh}>
        <Icon name="refresh" />
      </button>
      <CloseButton conversation={conversation} />
    </>
  );
}
