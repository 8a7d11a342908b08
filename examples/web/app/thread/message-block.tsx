import { type RefCallback, memo } from "react";

import type { Message } from "../../messaging";
import { nameOf } from "../ui/name-of";
import { clockTime, dayKey, dayName, fullTime } from "../ui/time";
import type { Block } from "./blocks";

/** Milliseconds within which consecutive messages of a sender are shown as one block. */
const FOLLOWS = 5 * 60_000;

interface BlockProps {
  readonly block: Block;
  readonly meId: string;
  /** For staff, whose messages stand on the one side. */
  readonly clientId: string | null;
  /** Before this one it is said that new ones follow. */
  readonly newSeq: number | null;
  /** How far the other side has read. */
  readonly read: { readonly upToSeq: number; readonly readAt: string } | null;
  readonly seen: (message: Message) => RefCallback<HTMLElement>;
}

export const MessageBlock = memo(
  function MessageBlock({ block: { messages, before }, meId, clientId, newSeq, read, seen }: BlockProps) {
    const rows = messages.map((message, at) => {
      const previous = at > 0 ? messages[at - 1] : before;
      const isNewDay = !previous || dayKey(previous.createdAt) !== dayKey(message.createdAt);
      const isNew = message.seq === newSeq;
      return (
        <Item
          key={message.id}
          message={message}
          day={isNewDay ? dayName(message.createdAt) : null}
          isNew={isNew}
          isMine={message.senderId === meId}
          isRight={message.senderId === (clientId ?? meId)}
          follows={!isNewDay && !isNew && isContinued(previous, message)}
          readAt={message.senderId === meId ? readAtOf(message, read) : null}
          seen={seen}
        />
      );
    });
    return <ol className="block">{rows}</ol>;
  },
  (a, b) =>
    a.block === b.block && a.seen === b.seen && newIn(a) === newIn(b) && readIn(a) === readIn(b) && a.meId === b.meId,
);

/** What of it concerns this block. */
function newIn({ block, newSeq }: BlockProps): number | null {
  return block.messages.some(({ seq }) => seq === newSeq) ? newSeq : null;
}

function readIn({ block: { messages }, read }: BlockProps): number {
  return Math.min(Math.max(read?.upToSeq ?? 0, (messages[0]?.seq ?? 1) - 1), messages.at(-1)?.seq ?? 0);
}

function isContinued(previous: Message | undefined, message: Message): boolean {
  if (!previous || previous.kind !== message.kind || previous.senderId !== message.senderId) return false;
  return Date.parse(message.createdAt) - Date.parse(previous.createdAt) < FOLLOWS;
}

const readAtOf = ({ readAt, seq }: Message, read: BlockProps["read"]) =>
  readAt ?? (read && seq <= read.upToSeq ? read.readAt : null);

interface ItemProps {
  readonly message: Message;
  readonly day: string | null;
  readonly isNew: boolean;
  readonly isMine: boolean;
  readonly isRight: boolean;
  readonly follows: boolean;
  readonly readAt: string | null;
  readonly seen: (message: Message) => RefCallback<HTMLElement>;
}

const Item = memo(function Item({ message, day, isNew, isMine, isRight, follows, readAt, seen }: ItemProps) {
  const { kind, seq, content, createdAt, sender } = message;
  const isSystem = kind === "system";
  const name = nameOf({ name: sender?.name ?? "", id: message.senderId ?? "" });
  return (
    <>
      {day !== null && (
        <li className="day">
          <span>{day}</span>
        </li>
      )}
      {isNew && (
        <li className="new" data-new="">
          <span>New messages</span>
        </li>
      )}
      <li
        ref={isMine ? null : seen(message)}
        className={`message ${isSystem ? "system" : isRight ? "mine" : "theirs"}${follows ? " follows" : ""}`}
        data-seq={seq}
      >
        {!isSystem && !isMine && !follows && (
          <span className="sender">
            <bdi>{name}</bdi>
          </span>
        )}
        <div className="bubble">
          {isMine && <span className="visually-hidden">You: </span>}
          {content === "" ? (
            <p className="text muted erased">This message has been deleted.</p>
          ) : (
            <p className="text" dir="auto">
              {content}
            </p>
          )}
          <span className="meta">
            <time dateTime={createdAt} title={fullTime(createdAt)}>
              {clockTime(createdAt)}
            </time>
            {isMine && <Ticks readAt={readAt} />}
          </span>
        </div>
      </li>
    </>
  );
});

/** One tick when the server has it, two when it was read. */
function Ticks({ readAt }: { readAt: string | null }) {
  const words = readAt === null ? "Sent" : `Read ${fullTime(readAt)}`;
  return (
    <svg className={readAt === null ? "ticks" : "ticks read"} viewBox="0 0 20 12" role="img" aria-label={words}>
      <title>{words}</title>
      <path d="M1.500 6.500l3.500 3.500L12 2.500" />
      {readAt !== null && <path d="M8.500 9.200l.8.800L17 2.500" />}
    </svg>
  );
}
