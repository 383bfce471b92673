import type { ObserveOptions } from '../../observe/observation.js';
import type { SocketPermissions } from '../../socket-permissions.js';
import type { ListenOptions } from './listen-uri.js';

/** The options of `serve` beside those about logging. */
export interface ServeOptions extends ListenOptions, ObserveOptions, SocketPermissions {
  readonly set: readonly string[];
  readonly insecure?: true | undefined;
  readonly once?: true | undefined;
  readonly printCapabilities?: true | undefined;
}
