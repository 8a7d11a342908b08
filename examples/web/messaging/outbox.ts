// What is not sent yet outlives the page: one entry a message, so that two tabs never overwrite each other's.

/** A message as it is kept until the server has it. */
export interface Unsent {
  readonly key: string;
  readonly conversationId: string;
  readonly content: string;
  /** When it was written, in milliseconds; of one user no two are equal. */
  readonly at: number;
  /** Why it was refused, for a person; null as long as it goes out by itself. */
  readonly error: string | null;
}

/** Where one user's unsent messages are kept. Nothing of it throws: where nothing can be kept, nothing is. */
export interface Outbox {
  /** In the order of writing. */
  list(): readonly Unsent[];
  put(unsent: Unsent): void;
  remove(key: string): void;
  /** Calls `removed` with the key of what another tab has sent or given up. Returns its end. */
  watch(removed: (key: string) => void): () => void;
  /** Runs `work` while no other tab runs its own. */
  alone(work: () => Promise<void>): Promise<void>;
}

/** In the browser's `localStorage`; nowhere if the browser has none or denies it. */
export function browserOutbox(userId: string): Outbox {
  const prefix = `messaging-outbox:${encodeURIComponent(userId)}:`;
  return {
    list: () => {
      const found = attempt((storage) => {
        const keys = Array.from({ length: storage.length }, (_, at) => storage.key(at));
        return keys.flatMap((key) => (key?.startsWith(prefix) ? parse(storage.getItem(key)) : []));
      });
      return (found ?? []).toSorted((a, b) => a.at - b.at);
    },
    put: (unsent) => void attempt((storage) => storage.setItem(prefix + unsent.key, JSON.stringify(unsent))),
    remove: (key) => void attempt((storage) => storage.removeItem(prefix + key)),
    watch: (removed) => {
      const heard = ({ key, newValue }: StorageEvent) => {
        if (newValue === null && key?.startsWith(prefix)) removed(key.slice(prefix.length));
      };
      globalThis.addEventListener?.("storage", heard);
      return () => globalThis.removeEventListener?.("storage", heard);
    },
    alone: async (work) => {
      let hasBegun = false;
      const once = () => {
        hasBegun = true;
        return work();
      };
      try {
        await globalThis.navigator?.locks?.request(prefix, once);
      } catch (error) {
        if (hasBegun) throw error;
      }
      // Without locks, as on pages that are not secure, two tabs may send the same: with its key it is one message.
      if (!hasBegun) await work();
    },
  };
}

/** Browsers deny storage by throwing, already where it is named; it may also be full. */
function attempt<T>(work: (storage: Storage) => T): T | null {
  try {
    return globalThis.localStorage ? work(globalThis.localStorage) : null;
  } catch {
    return null;
  }
}

/** What others have written there is not ours. */
function parse(text: string | null): Unsent[] {
  try {
    const { key, conversationId, content, at, error } = JSON.parse(text ?? "null") as Record<keyof Unsent, unknown>;
    const isOurs = isText(key) && isText(conversationId) && isText(content) && typeof at === "number";
    return isOurs ? [{ key, conversationId, content, at, error: isText(error) ? error : null }] : [];
  } catch {
    return [];
  }
}

const isText = (value: unknown): value is string => typeof value === "string";
