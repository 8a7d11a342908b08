import "./styles/base.css";
import "./styles/shell.css";
import "./styles/tours.css";
import "./styles/inbox.css";
import "./styles/thread.css";
import "./styles/reports.css";
import "./styles/audit.css";
import "./styles/activity.css";

import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";

import { App } from "./app";
import { Session } from "./session";
import { SignIn } from "./sign-in";
import { ErrorBoundary } from "./ui/error-boundary";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no root");

/** The user is part of the path, `/as/client-1/…`, so that two windows can be two users. */
const name = /^\/as\/([^/]+)/.exec(location.pathname)?.[1];

createRoot(root).render(
  <StrictMode>
    <ErrorBoundary>
      {name === undefined ? (
        <SignIn />
      ) : (
        <BrowserRouter basename={`/as/${name}`}>
          <Session name={decoded(name)}>
            <App />
          </Session>
        </BrowserRouter>
      )}
    </ErrorBoundary>
  </StrictMode>,
);

/** A name that is not well encoded stands as it is, and belongs to no user. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
