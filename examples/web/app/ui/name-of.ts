import type { Person } from "../../messaging";

/** A person's name; the id if the name is unknown. */
export function nameOf({ name, id }: Pick<Person, "name" | "id">): string {
  if (id.startsWith("erased-")) return "Somebody who has left";
  return name || id;
}
