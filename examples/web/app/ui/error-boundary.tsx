import { Component, type ReactNode } from "react";

import { Notice } from "./notice";

interface ErrorBoundaryProps {
  readonly children: ReactNode;
  /** The current path: after a failure the children are rendered again when it changes. */
  readonly at?: string;
}

interface ErrorBoundaryState {
  readonly hasFailed: boolean;
  readonly at: string | undefined;
}

/** Replaces children that fail to render, or to load because the server has a newer version. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, ErrorBoundaryState> {
  override state: ErrorBoundaryState = { hasFailed: false, at: this.props.at };

  static getDerivedStateFromError() {
    return { hasFailed: true };
  }

  static getDerivedStateFromProps({ at }: ErrorBoundaryProps, state: ErrorBoundaryState): ErrorBoundaryState | null {
    return at === state.at ? null : { hasFailed: false, at };
  }

  override render() {
    if (!this.state.hasFailed) return this.props.children;
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
