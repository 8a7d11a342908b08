// Whom the demonstration offers to be.

import { type User, listUsers } from "./host";
import { Avatar } from "./ui/avatar";
import { Loading } from "./ui/notice";
import { useRequest } from "./ui/use-request";

const roleOf = (user: User) =>
  ({ client: "Client", agent: `Agent of ${user.agency?.name}`, admin: "Staff" })[user.role];

export const roleName = (user: User) => (user.role === "agent" ? user.agency?.name : roleOf(user));

/** Links to be one of some users, and a field for all others. A change of user is a new page. */
export function People({ current }: { current?: string }) {
  const [people, again] = useRequest(listUsers);
  return (
    <>
      {people.is !== "there" && <Loading of="part" onRetry={again} />}
      <ul className="people">
        {(people.is === "there" ? people.value : []).map((person) => (
          <li key={person.id}>
            <a className="person" href={`/as/${person.id}`} aria-current={person.id === current ? "true" : undefined}>
              <Avatar src={person.image} name={person.name} />
              <span className="label">
                <strong>{person.name}</strong>
                <span className="muted">
                  {roleOf(person)} · {person.id}
                </span>
              </span>
            </a>
          </li>
        ))}
      </ul>
      <form
        className="someone-else"
        onSubmit={(event) => {
          event.preventDefault();
          const name = new FormData(event.currentTarget).get("name");
          location.assign(`/as/${encodeURIComponent(String(name).trim())}`);
        }}
      >
        <label>
          Someone else
          <input
            name="name"
            placeholder="client-7, agent-7, admin-2 …"
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            required
            pattern="(client|agent|admin)-[1-9][0-9]{0,8}"
          />
        </label>
        <button type="submit" className="button primary">
          Go
        </button>
      </form>
    </>
  );
}
