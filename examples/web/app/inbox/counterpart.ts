import type { Conversation } from "../../messaging";
import { nameOf } from "../ui/name-of";

export interface Counterpart {
  readonly name: string;
  readonly image: string | null;
  readonly shape: "round" | "square";
}

/** The other side of a conversation; for staff, both participants. */
export function counterpartOf({ side, client, agent }: Conversation): Counterpart {
  const clientName = nameOf(client);
  const agentName = agent.businessName || agent.id;
  if (side === "client") return { name: agentName, image: agent.logo, shape: "square" };
  if (side === "agent") return { name: clientName, image: client.image, shape: "round" };
  return { name: `${clientName} and ${agentName}`, image: client.image, shape: "round" };
}
