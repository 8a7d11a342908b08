// Telling that one types, and showing that the other does. Nobody misses it if it gets lost.

import { render } from "./draw.js";
import { api } from "./server.js";
import { state } from "./state.js";

const EVERY = 3000;
const LASTS = 6000;

const mine = { told: 0, idle: null };

export function startTyping() {
  clearTimeout(mine.idle);
  mine.idle = setTimeout(stopTyping, EVERY + 1000);
  if (Date.now() - mine.told < EVERY) return;
  mine.told = Date.now();
  tell(true);
}

export function stopTyping() {
  clearTimeout(mine.idle);
  if (mine.told) tell(false);
  mine.told = 0;
}

function tell(isTyping) {
  const told = api("POST", "/messages/typing", { conversationId: state.thread.id, typing: isTyping });
  told.catch(() => {});
}

export function showTyping(it, isTyping) {
  clearTimeout(it.typingUntil);
  it.typingUntil = isTyping ? setTimeout(() => showTyping(it, false), LASTS) : null;
  render();
}
