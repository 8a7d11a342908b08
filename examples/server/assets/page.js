// One window of the example: one user, their conversations, and the one that is open.
//
// What is on the screen is right because of what this does, in this order: it subscribes to a channel first
// and fetches when the subscription has succeeded, each time that it succeeds; it drops messages that it has
// by their id; it fetches what is missing when a seq is skipped; and it ignores whatever is older than what
// it has: a count by its version, anything else by when it was asked for.

import { prepareComposer } from "./composer.js";
import { render } from "./draw.js";
import { $, attempt, avatar, element, label } from "./elements.js";
import { adopt, listen, refreshList, showMore } from "./list.js";
import { api, call, connect } from "./server.js";
import { state } from "./state.js";
import { markRead, openThread, showOlder } from "./thread.js";

async function book() {
  const { agent } = state.thread.conversation;
  await call("POST", "/demo/bookings", { agentId: agent.id });
}

async function chooseAgency() {
  const agencies = await (await fetch("/demo/agencies")).json();
  $("agency-list").replaceChildren(...agencies.map((agency) => {
    const button = element("button", "person", { type: "button" });
    button.append(avatar(agency.image, "square"), label(agency.name, agency.id));
    button.addEventListener("click", attempt(async () => {
      const { data, asked } = await api("POST", "/messages/conversations", { agentId: agency.id });
      adopt(data, asked);
      $("agencies").close();
      location.hash = data.id;
    }));
    return element("li", "", {}, button);
  }));
  $("agencies").showModal();
}

async function signIn() {
  document.body.dataset.screen = "sign-in";
  const people = await (await fetch("/demo/users")).json();
  $("people").replaceChildren(...people.map((person) => {
    const link = element("a", "person", { href: `/?as=${person.id}` });
    const what = { client: "Client", agent: `Agent of ${person.agency?.name}`, admin: "Staff" }[person.role];
    link.append(avatar(person.image), label(person.name, `${what} · ${person.id}`));
    return element("li", "", {}, link);
  }));
  $("someone-else").addEventListener("submit", (event) => {
    event.preventDefault();
    location.search = `?as=${encodeURIComponent($("name").value.trim())}`;
  });
}

async function begin(name) {
  const found = await fetch(`/demo/users/${encodeURIComponent(name)}`);
  if (!found.ok) {
    $("sign-in-error").textContent = `There is no user “${name}”.`;
    return signIn();
  }
  state.me = await found.json();
  const isStaff = state.me.role === "admin";
  document.body.dataset.screen = "app";
  $("my-name").textContent = state.me.name;
  $("my-image").src = state.me.image;
  $("my-role").textContent = { client: "Client", agent: state.me.agency?.name, admin: "Staff" }[state.me.role];
  $("new").hidden = state.me.role !== "client";
  $("refresh").hidden = !isStaff;
  $("connection").hidden = isStaff;
  $("list-empty").textContent = state.me.role === "client" ? "Write to an agency to begin." : "Nobody has written yet.";

  $("new").addEventListener("click", attempt(chooseAgency));
  $("agencies-close").addEventListener("click", () => $("agencies").close());
  $("more").addEventListener("click", attempt(showMore));
  $("older").addEventListener("click", attempt(showOlder));
  $("book").addEventListener("click", attempt(book));
  $("refresh").addEventListener("click", attempt(async () => Promise.all([refreshList(), state.thread?.catchUp()])));
  prepareComposer();
  document.addEventListener("visibilitychange", () => state.thread && markRead(state.thread));
  addEventListener("hashchange", () => openThread(location.hash.slice(1)));

  if (isStaff) {
    await refreshList();
  } else {
    await connect(showConnection);
    listen();
  }
  openThread(location.hash.slice(1));
}

function showConnection(now) {
  const words = { connected: "Connected", connecting: "Connecting …", disconnected: "Disconnected" };
  $("connection").dataset.state = now;
  $("connection-text").textContent = words[now] ?? "No connection. Trying again …";
  if (now === "connected") return;
  for (const told of [state.list, state.thread]) if (told) Object.assign(told, { subscribed: false, live: false });
  render();
}

const name = new URLSearchParams(location.search).get("as");
await (name ? begin(name) : signIn());
