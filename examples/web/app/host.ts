// What this marketplace has beside messaging: its users, its tours and its bookings.

export interface Agency {
  readonly id: string;
  readonly name: string;
  readonly image: string;
}

export interface User {
  readonly id: string;
  readonly role: "client" | "agent" | "admin";
  readonly name: string;
  readonly image: string;
  /** An agent's. */
  readonly agency?: Agency;
}

export interface Tour {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  readonly days: number;
  /** In euros. */
  readonly price: number;
  readonly image: string;
  readonly agency: Agency;
}

export interface RealtimeConfig {
  readonly key: string;
  readonly cluster: string;
  readonly wsHost: string;
  readonly wsPort: number;
  readonly forceTLS: boolean;
}

const TIME_LIMIT = 15_000;

/** What the server answered; null where there is no such thing. */
async function find<T>(path: string): Promise<T | null> {
  const response = await fetch(path, { signal: AbortSignal.timeout(TIME_LIMIT) }).catch(() => null);
  if (response?.status === 404) return null;
  if (!response?.ok) throw new Error("The server cannot be reached.");
  return (await response.json()) as T;
}

async function get<T>(path: string): Promise<T> {
  const found = await find<T>(path);
  if (found === null) throw new Error("The server is an older one than this page.");
  return found;
}

export const listUsers = () => get<User[]>("/demo/users");
export const findUser = (id: string) => find<User>(`/demo/users/${encodeURIComponent(id)}`);
export const listTours = () => get<Tour[]>("/demo/tours");
export const findTour = (id: string) => find<Tour>(`/demo/tours/${encodeURIComponent(id)}`);
export const realtimeConfig = () => get<RealtimeConfig>("/demo/config");

/** How this host knows who is calling: the login is for demonstration only. */
export const loginOf = (user: User) => ({ "x-demo-user": user.id });

/** Books the tour of an agency; the host links the booking to the conversation. */
export async function book(user: User, agency: Agency): Promise<{ conversationId: string }> {
  const response = await fetch("/demo/bookings", {
    method: "POST",
    headers: { ...loginOf(user), "content-type": "application/json" },
    body: JSON.stringify({ agentId: agency.id }),
  }).catch(() => null);
  if (!response?.ok) throw new Error("The booking was not made. Try again.");
  return (await response.json()) as { conversationId: string };
}
