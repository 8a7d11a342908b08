import type { Person } from "../../messaging";

/** What somebody is called; their id where nobody knows. */
export const nameOf = ({ name, id }: Person): string => name || id;
