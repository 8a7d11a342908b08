import type { Person } from "../../messaging";

/** What somebody is called; their id where nobody knows. */
export function nameOf({ name, id }: Pick<Person, "name" | "id">): string {
  if (id.startsWith("erased-")) return "Somebody who has left";
  return name || id;
}
