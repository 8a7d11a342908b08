// What this window knows.

/** The most characters that a message may have. */
export const LONGEST = 2000;

export const state = {
  me: null, // {id, role, name, image, agency?}
  thread: null, // the conversation that is open
  rows: new Map(), // the conversations in the list, by id
  list: { cursor: null, hasMore: false, total: 0, totalAsked: 0, loaded: false, subscribed: false, live: false },
  outgoing: new Map(), // by conversation: {waiting: what is not acknowledged yet, queue}; outlives the thread
};
