import { useMemo, useState } from "react";
import { Link } from "react-router";

import { type Message, type ReportFile, useReportFile } from "../../messaging";
import { useMe } from "../session";
import { Blocks } from "../thread/blocks";
import { MessageBlock } from "../thread/message-block";
import { Avatar } from "../ui/avatar";
import { Icon } from "../ui/icon";
import { Loading } from "../ui/notice";
import { fullTime } from "../ui/time";
import { nameOf } from "../ui/name-of";
import { Resolution } from "./resolution";

interface PaneProps {
  readonly id: string;
  /** The list it was chosen from. */
  readonly back: string;
  readonly onResolved: () => void;
}

/** One report: what was said, the messages as they were then, and what became of it. */
export function ReportPane({ id, back, onResolved }: PaneProps) {
  const { file, error, resolve } = useReportFile(id);
  if (!file) {
    return (
      <section className="thread nothing-open" aria-label="Report" aria-busy={error === null}>
        {error === null ? (
          <Loading of="part" />
        ) : (
          <p className="error" role="alert">
            {error instanceof Error ? error.message : "It cannot be shown."}
          </p>
        )}
      </section>
    );
  }
  return (
    <section className="thread" aria-label="Report">
      <Head file={file} back={back} />
      {/* Focusable, so that it can be scrolled by keyboard. */}
      <div className="scroll" role="region" aria-label="What was reported" tabIndex={0}>
        <Complaints file={file} />
        <Evidence file={file} />
      </div>
      <Resolution
        file={file}
        onResolve={async (outcome, note) => {
          await resolve(outcome, note);
          onResolved();
        }}
      />
    </section>
  );
}

function Head({ file, back }: { file: ReportFile; back: string }) {
  const { reporter, reported, openedAt, conversationId } = file;
  return (
    <header className="thread-head">
      <Link className="icon-button back" to={back} aria-label="Back to the reports" title="Back">
        <Icon name="back" />
      </Link>
      <Avatar src={reported.image} name={nameOf(reported)} />
      <div className="thread-title">
        <h2 dir="auto">{nameOf(reported)}</h2>
        <p className="muted about">
          Reported by <bdi>{nameOf(reporter)}</bdi>, {file.reporterSide} · <time dateTime={openedAt}>{fullTime(openedAt)}</time>
        </p>
      </div>
      <Link className="button small" to={`/admin/conversations/${conversationId}`}>
        Transcript
      </Link>
    </header>
  );
}

function Complaints({ file: { complaints, evidence, reporter } }: { file: ReportFile }) {
  return (
    <ol className="complaints" aria-label={`What ${nameOf(reporter)} says`}>
      {complaints.map(({ reason, seq, createdAt }, at) => (
        <li key={at} className="card">
          <p className="text" dir="auto">
            {reason}
          </p>
          <About message={evidence.find((it) => it.seq === seq)} />
          <time className="muted" dateTime={createdAt}>
            {fullTime(createdAt)}
          </time>
        </li>
      ))}
    </ol>
  );
}

/** The message that a complaint is about. */
function About({ message }: { message: Message | undefined }) {
  if (!message) return null;
  return (
    <blockquote dir="auto">
      <p>{message.content}</p>
    </blockquote>
  );
}

/** The client's messages on the right, as in a transcript. */
function Evidence({ file }: { file: ReportFile }) {
  const me = useMe();
  const [blocks] = useState(() => new Blocks());
  const { evidence, reporterSide, reporter, reported } = file;
  const shown = useMemo(() => blocks.of(evidence), [blocks, evidence]);
  if (evidence.length === 0) return <p className="empty">Nothing had been said yet.</p>;
  return (
    <>
      <h3 className="evidence-title">The messages, as they were then</h3>
      <div className="messages">
        {shown.map((block) => (
          <MessageBlock
            key={block.key}
            block={block}
            meId={me.id}
            clientId={(reporterSide === "client" ? reporter : reported).id}
            newSeq={null}
            read={null}
            seen={unseen}
          />
        ))}
      </div>
    </>
  );
}

/** Staff mark nothing as read. */
const unseen = () => () => {};
