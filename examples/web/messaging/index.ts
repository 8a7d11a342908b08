// Real-time conversations for React: the rules for clients, and hooks on top of them.

export { type ActivityRequest, Api, ApiError, type ApiOptions } from "./api";
export { type Channels, type Connection, pusherChannels } from "./channels";
export { MessagingClient } from "./client";
export { otherSide } from "./conversation";
export type { Outbox, Unsent } from "./outbox";
export type { OutgoingMessage } from "./outgoing";
export { MessagingProvider, useMessagingClient } from "./react/context";
export { useConnection, useConversation, useConversations, useUnreadCount } from "./react/use-conversations";
export { type Messages, useMessages } from "./react/use-messages";
export { useBlock, useReport } from "./react/use-moderation";
export { type Presence, usePresence } from "./react/use-presence";
export { useReadWhenSeen } from "./react/use-read-when-seen";
export { type Typing, useTyping } from "./react/use-typing";
export { type OneReport, type Paged, useAudit, useReportFile, useReports } from "./react/use-staff";
export { userChannel } from "./user-channel";
export type { Access, Activity, Booking, Conversation, Message, Person, Report, ReportFile, ReportStatus, Side } from "./wire";
