// Writing.

import { canSend, drawComposer, render } from "./draw.js";
import { $, toast } from "./elements.js";
import { adoptLast, refetch } from "./list.js";
import { api } from "./server.js";
import { state } from "./state.js";
import { acknowledge, receive } from "./thread.js";
import { startTyping, stopTyping } from "./typing.js";

export function prepareComposer() {
  $("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  $("text").addEventListener("input", () => {
    drawComposer();
    if ($("text").value) startTyping();
    else stopTyping();
  });
  $("text").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
}

function send() {
  const content = $("text").value;
  if (!canSend(content)) return;
  const key = Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  const { id } = state.thread;
  if (!state.outgoing.has(id)) state.outgoing.set(id, { waiting: [], queue: Promise.resolve() });
  const out = { key, content, failed: false, deliver: () => deliver(id, out) };
  state.outgoing.get(id).waiting.push(out);
  $("text").value = "";
  stopTyping();
  render({ toEnd: true });
  out.deliver();
}

/** One after the other, so that they arrive as they were written; the key makes a repetition harmless. */
function deliver(id, out) {
  const sending = state.outgoing.get(id);
  out.failed = false;
  render();
  sending.queue = sending.queue.then(async () => {
    try {
      const message = { conversationId: id, content: out.content, clientMessageId: out.key };
      sent((await api("POST", "/messages", message)).data);
    } catch (error) {
      refetch(id);
      if (!sending.waiting.includes(out)) return; // it has arrived: only the answer is lost
      out.failed = true;
      toast(error.message);
    }
    render();
  });
}

function sent(message) {
  acknowledge(message);
  if (state.thread?.id === message.conversationId) receive(state.thread, message);
  else adoptLast(message);
}
