import { diagnostics } from './channels.js';

/** Something went wrong, on a connection where there is one. */
export function publishError(error: unknown, connection?: { readonly peer: string }): void {
  if (diagnostics.error.hasSubscribers) {
    diagnostics.error.publish({ error, peer: connection?.peer });
  }
}
