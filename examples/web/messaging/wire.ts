// What the API answers and the channels tell, as it is on the wire.

export type Side = "client" | "agent";
export type BothSides<T> = Readonly<Record<Side, T>>;

export interface Booking {
  readonly id: string;
  readonly bookingNumber: string;
  readonly tour: { readonly title: string };
}

/** The read position of a side, and when it last changed. */
export interface ReadMark {
  readonly upToSeq: number;
  readonly readAt: string;
}

export interface LastMessage {
  readonly seq: number;
  readonly content: string;
  readonly createdAt: string;
  /** Null for the system. */
  readonly senderId: string | null;
}

/** A conversation as the caller sees it. */
export interface Conversation {
  readonly id: string;
  readonly client: Person;
  readonly agent: {
    readonly id: string;
    readonly userId: string;
    readonly businessName: string;
    readonly logo: string | null;
  };
  readonly booking: Booking | null;
  readonly status: "open" | "blocked" | "closed";
  readonly blockedBy: readonly Side[];
  readonly canSend: boolean;
  /** The caller's; null for an admin who takes no part. */
  readonly side: Side | null;
  readonly reads: BothSides<ReadMark | null>;
  readonly createdAt: string;
  readonly lastMessageAt: string;
  readonly lastMessage: LastMessage | null;
  readonly unreadCount: number;
  readonly unreadVersion: number;
  /** Whether the other side is connected, where it was asked for; null when that is unknown. */
  readonly presence?: BothSides<boolean | null>;
}

export interface Message {
  readonly id: string;
  readonly conversationId: string;
  /** Its place in the conversation: 1, 2, 3 … without a gap. */
  readonly seq: number;
  readonly kind: "user" | "system";
  readonly senderId: string | null;
  readonly sender: Person | null;
  readonly content: string;
  readonly createdAt: string;
  readonly readAt: string | null;
  readonly clientMessageId: string | null;
}

export interface Person {
  readonly id: string;
  readonly name: string;
  readonly image: string | null;
}

export type ReportStatus = "open" | "resolved" | "dismissed";

/** A user's report of a conversation. */
export interface Report {
  readonly id: string;
  readonly conversationId: string;
  readonly status: ReportStatus;
  readonly reporter: Person;
  readonly reporterSide: Side;
  readonly reported: Person;
  readonly openedAt: string;
  /** The oldest first; `seq` is that of the message it is about, null for the whole conversation. */
  readonly complaints: readonly { readonly reason: string; readonly seq: number | null; readonly createdAt: string }[];
  readonly settled: { readonly by: Person; readonly at: string; readonly note: string | null } | null;
}

export interface ReportFile extends Report {
  /** The messages as they were when they were reported, the oldest first. */
  readonly evidence: readonly Message[];
}

/** The activity in one hour or day. */
export interface Activity {
  readonly from: string;
  readonly to: string;
  readonly messages: number;
  readonly conversationsOpened: number;
  readonly activeUsers: number;
  /** How long clients waited for the agent's first answer; null where there was none. */
  readonly firstReplies: { readonly count: number; readonly medianMs: number | null; readonly p95Ms: number | null };
}

/** An action of an admin. */
export interface Access {
  readonly id: string;
  readonly at: string;
  readonly actor: Person;
  readonly action: string;
  readonly conversationId: string | null;
}

export interface HistoryPage {
  readonly conversation: Conversation;
  /** The oldest first. */
  readonly messages: readonly Message[];
  readonly hasMore: boolean;
  readonly nextCursor: string | null;
  readonly newestCursor: string;
}

export interface ListMeta {
  readonly limit: number;
  readonly hasMore: boolean;
  readonly nextCursor: string | null;
}

/** A side's unread count. The version grows with every change. */
export interface Count {
  readonly unreadCount: number;
  readonly unreadVersion: number;
}

/** In all conversations together. */
export interface Unread {
  readonly unreadCount: number;
  /** The name of the caller's own channel, where the server says it. */
  readonly channel?: string;
}

export interface Marked extends Count {
  readonly readAt: string | null;
}

/** A message whose text was too long for an event. */
export interface Truncated {
  readonly truncated: true;
}

export interface NotifiedMessage extends Count {
  readonly conversationId: string;
  readonly message: Message | Truncated;
  readonly truncated?: boolean;
}

export interface CountChanged extends Count {
  readonly conversationId: string;
}

export interface ConversationUpdated {
  readonly conversationId: string;
}

export interface MessageRead {
  readonly conversationId: string;
  readonly side: Side;
  readonly upToSeq: number;
  readonly readAt: string;
}

export interface Typing {
  readonly conversationId: string;
  readonly userId: string;
}
