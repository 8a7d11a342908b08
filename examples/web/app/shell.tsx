// What stands around every page: where one can go, how many are unread, who one is, and how the connection is.

import { type ReactNode, useEffect, useRef } from "react";
import { NavLink, useLocation } from "react-router";

import { useConnection, useConversations, useUnreadCount } from "../messaging";
import { People, roleName } from "./people";
import { useMe } from "./session";
import { Avatar } from "./ui/avatar";

const BRAND = "Wayfare";

export function Shell({ children }: { children: ReactNode }) {
  const me = useMe();
  const nav = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  // On a narrow screen not all of them can be seen. `scrollIntoView` would have the next Tab begin here.
  useEffect(() => {
    const here = nav.current?.querySelector("[aria-current]")?.getBoundingClientRect();
    if (!nav.current || !here) return;
    const shown = nav.current.getBoundingClientRect();
    nav.current.scrollLeft += here.left - shown.left - (shown.width - here.width) / 2;
  }, [pathname]);
  return (
    <div className="shell">
      <header className="bar">
        <a className="skip" href="#main">
          Skip to the page
        </a>
        <NavLink to="/" className="brand">
          <img src="/icon.svg" alt="" />
          <span>{BRAND}</span>
        </NavLink>
        <nav ref={nav} aria-label="Main">
          {me.role === "admin" ? (
            <>
              <NavLink to="/admin/conversations">Conversations</NavLink>
              <NavLink to="/admin/reports">Reports</NavLink>
              <NavLink to="/admin/activity">Activity</NavLink>
              <NavLink to="/admin/audit">Audit</NavLink>
            </>
          ) : (
            <>
              <NavLink to="/tours">Tours</NavLink>
              <MessagesLink />
            </>
          )}
        </nav>
        <UserMenu />
      </header>
      {me.role !== "admin" && <ConnectionLost />}
      <main id="main" className="page">
        {children}
      </main>
      {me.role !== "admin" && <TitleCount />}
    </div>
  );
}

function MessagesLink() {
  const unread = useUnreadCount();
  return (
    <NavLink to="/inbox" data-live={useConversations().isLive}>
      Messages
      {unread > 0 && (
        <span className="badge">
          {unread}
          <span className="visually-hidden"> unread</span>
        </span>
      )}
    </NavLink>
  );
}

function TitleCount() {
  const unread = useUnreadCount();
  const { name } = useMe();
  useEffect(() => {
    document.title = `${unread > 0 ? `(${unread}) ` : ""}${name} · ${BRAND}`;
  }, [unread, name]);
  return null;
}

function ConnectionLost() {
  const connection = useConnection();
  return (
    <div className="connection" role="status" data-state={connection}>
      {connection === "lost" && <p>No connection. What you write is sent as soon as it is back.</p>}
    </div>
  );
}

function UserMenu() {
  const me = useMe();
  return (
    <>
      <button type="button" className="me" popoverTarget="people">
        <Avatar src={me.image} name={me.name} />
        <span className="visually-hidden">You are </span>
        <span className="label">
          <strong>{me.name}</strong>
          <span className="muted">{roleName(me)}</span>
        </span>
        <span className="visually-hidden">. Be someone else</span>
      </button>
      <section id="people" popover="auto" className="card menu" aria-label="Be someone else">
        <People current={me.id} />
      </section>
    </>
  );
}
