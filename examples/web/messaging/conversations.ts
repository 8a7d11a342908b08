// All conversations that this client knows of, whether they came with the list, with a history or with an event.

import type { Answer, Api } from "./api";
import { coalesced } from "./coalesce";
import { type KnownConversation, newest, withLast, withRead } from "./conversation";
import { Observable } from "./observable";
import type { Conversation, Count, Message, ReadMark, Side } from "./wire";

export class Conversations {
  readonly known = new Observable<ReadonlyMap<string, KnownConversation>>(new Map());
  readonly #api: Api;
  readonly #refetches = new Map<string, () => Promise<void>>();
  readonly #unreachable: () => void;

  /** `unreachable` is told when a conversation that should be fetched could not be. */
  constructor(api: Api, unreachable: () => void) {
    this.#api = api;
    this.#unreachable = unreachable;
  }

  find(id: string): KnownConversation | undefined {
    return this.known.get().get(id);
  }

  /** Takes a conversation as it was answered, without anything older than what is known. */
  adopt({ data, asked }: Answer<Conversation>): void {
    this.#put(newest({ ...data, asked }, this.find(data.id)));
  }

  adoptAll({ data, asked }: { data: readonly Conversation[]; asked: number }): void {
    const known = new Map(this.known.get());
    for (const conversation of data) {
      known.set(conversation.id, newest({ ...conversation, asked }, known.get(conversation.id)));
    }
    this.known.set(known);
  }

  forget(ids: readonly string[]): void {
    if (ids.length === 0) return;
    const known = new Map(this.known.get());
    for (const id of ids) known.delete(id);
    this.known.set(known);
  }

  /** Returns whether that was news. A count of a conversation that is not known is fetched with it. */
  adoptCount(id: string, { unreadCount, unreadVersion }: Count): boolean {
    const known = this.find(id);
    if (!known) {
      this.refetch(id);
      return true;
    }
    if (unreadVersion <= known.unreadVersion) return false;
    this.#put({ ...known, unreadCount, unreadVersion });
    return true;
  }

  adoptRead(id: string, side: Side, mark: ReadMark): void {
    const known = this.find(id);
    if (known) this.#put(withRead(known, side, mark));
    else this.refetch(id);
  }

  /** An answer from before the message may still be on its way, so one that is not known is fetched with it. */
  adoptLast(message: Message): void {
    const known = this.find(message.conversationId);
    if (known) this.#put(withLast(known, message));
    else this.refetch(message.conversationId);
  }

  /** Fetches one; never twice at the same time. */
  refetch(id: string): void {
    let refetch = this.#refetches.get(id);
    if (!refetch) {
      refetch = coalesced(async () => {
        try {
          this.adopt(await this.#api.findConversation(id));
        } catch {
          this.#unreachable();
        }
      });
      this.#refetches.set(id, refetch);
    }
    void refetch();
  }

  #put(conversation: KnownConversation): void {
    if (conversation === this.find(conversation.id)) return;
    this.known.set(new Map(this.known.get()).set(conversation.id, conversation));
  }
}
