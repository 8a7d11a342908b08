import { Component, type ReactNode } from "react";

import { Notice } from "./notice";

interface GuardProps {
  readonly children: ReactNode;
  /** Where one is: something that broke there is tried again elsewhere. */
  readonly at?: string;
}

interface GuardState {
  readonly isBroken: boolean;
  readonly at: string | undefined;
}

/** Stands in for what breaks while it is drawn, or cannot be loaded because the server has a newer one. */
export class Guard extends Component<GuardProps, GuardState> {
  override state: GuardState = { isBroken: false, at: this.props.at };

  static getDerivedStateFromError() {
    return { isBroken: true };
  }

  static getDerivedStateFromProps({ at }: GuardProps, state: GuardState): GuardState | null {
    return at === state.at ? null : { isBroken: false, at };
  }

  override render() {
    if (!this.state.isBroken) return this.props.children;
    return (
      <div role="alert">
        <Notice title="Something went wrong. This cannot be shown.">
          <button type="button" className="button primary" onClick={() => location.reload()}>
            Load the page again
          </button>
        </Notice>
      </div>
    );
  }
}
