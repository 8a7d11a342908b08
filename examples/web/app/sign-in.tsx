import { People } from "./people";

/** Choosing who to be. */
export function SignIn({ unknown }: { unknown?: string }) {
  return (
    <main className="sign-in">
      <div className="card">
        <img className="brand-mark" src="/icon.svg" alt="" />
        <h1>Who are you today?</h1>
        <p className="muted">
          A demonstration: choose somebody here, and somebody else in a second window. There are no passwords.
        </p>
        {unknown !== undefined && (
          <p className="error" role="alert">
            There is no user “<bdi>{unknown}</bdi>”.
          </p>
        )}
        <People />
      </div>
    </main>
  );
}
