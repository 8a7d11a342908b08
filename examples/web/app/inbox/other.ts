import type { Conversation } from "../../messaging";
import { nameOf } from "../ui/name-of";

export interface Shown {
  readonly name: string;
  readonly image: string | null;
  readonly shape: "round" | "square";
}

/** Whom a conversation is with; for staff, who they are. */
export function otherOf({ side, client, agent }: Conversation): Shown {
  const clientName = nameOf(client);
  const agentName = agent.businessName || agent.id;
  if (side === "client") return { name: agentName, image: agent.logo, shape: "square" };
  if (side === "agent") return { name: clientName, image: client.image, shape: "round" };
  return { name: `${clientName} and ${agentName}`, image: client.image, shape: "round" };
}
