import { type FormEvent, type KeyboardEvent, useLayoutEffect, useRef, useState } from "react";

import { useTyping } from "../../messaging";
import { Icon } from "../ui/icon";
import { writeItem, readItem } from "../ui/session-storage";

/** The most characters that a message may have. */
const LONGEST = 2000;
/** From how many on it is said how many are left. */
const COUNTER_FROM = 200;

/** As the server counts: what is at the ends does not count, and a composed character is one. */
const lengthOf = (text: string) => Array.from(text.trim().normalize("NFC")).length;

/** Writing. Enter sends, with Shift it begins a new line. */
export function Composer({ id, onSend }: { id: string; onSend: (content: string) => void }) {
  const [text, setText] = useState(() => readItem(draftKey(id)) ?? "");
  const { typed, stopped } = useTyping(id);
  const field = useRef<HTMLTextAreaElement>(null);
  const left = LONGEST - lengthOf(text);
  const canSend = text.trim() !== "" && left >= 0;

  useLayoutEffect(() => {
    if (!field.current) return;
    field.current.style.height = "auto";
    field.current.style.height = `${field.current.scrollHeight}px`;
  }, [text]);
  useLayoutEffect(() => {
    if (matchMedia("(hover: hover)").matches) field.current?.focus({ preventScroll: true });
  }, []);

  const change = (value: string) => {
    setText(value);
    writeItem(draftKey(id), value === "" ? null : value);
  };
  const send = (event: FormEvent | KeyboardEvent) => {
    event.preventDefault();
    if (!canSend) return;
    onSend(text);
    change("");
    field.current?.focus({ preventScroll: true });
  };

  return (
    <form className="composer" onSubmit={send}>
      <label className="visually-hidden" htmlFor="text">
        Your message
      </label>
      <textarea
        id="text"
        ref={field}
        rows={1}
        dir="auto"
        placeholder="Write a message"
        enterKeyHint="send"
        value={text}
        aria-invalid={left < 0}
        aria-describedby="left"
        onChange={(event) => {
          change(event.target.value);
          if (event.target.value === "") stopped();
          else typed();
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter" && !event.shiftKey && !isComposing(event)) send(event);
        }}
      />
      <button type="submit" className="send" aria-label="Send" title="Send" disabled={!canSend}>
        <Icon name="send" />
      </button>
      <p id="left" className={left < 0 ? "left over" : "left"} role="status">
        {left < 0 ? `${-left} too many` : left <= COUNTER_FROM ? `${left} left` : ""}
      </p>
    </form>
  );
}

/** Safari has ended the composition by the time that it tells of the Enter which ended it: only its code says so. */
const isComposing = ({ nativeEvent }: KeyboardEvent) => nativeEvent.isComposing || nativeEvent.keyCode === 229;

/** What is not sent yet outlives going elsewhere, in this window. */
const draftKey = (id: string) => `draft:${location.pathname.split("/")[2]}:${id}`;
