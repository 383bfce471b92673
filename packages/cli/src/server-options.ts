import { Option } from '@commander-js/extra-typings';
import { UsageError } from './errors.js';

/** Permissions of the UNIX socket that a command creates. */
export interface SocketPermissions {
  readonly socketMode?: string | undefined;
  readonly socketGroup?: string | undefined;
}

const MODE_HELP =
  'permissions of the UNIX socket that is made, in octal (default: 0600, its owner)';
const GROUP_HELP = 'group of that socket, by name or number; the owner must be in it, or be root';

const METRICS_HELP =
  'serve metrics for Prometheus at http://<host:port>/metrics; host:port?host=<name> adds a name by which they may be asked for';

/** For commands that can be observed. */
export const metricsOption = () => new Option('--metrics <host:port>', METRICS_HELP);

const HOLD_HELP =
  'how long the session of a client on a network is kept while its link is down; 0: not at all';

/** For commands whose clients' sessions survive their links. */
export const holdOption = () => new Option('--hold <time>', HOLD_HELP).default('60s');

/** For every command with `--listen`. */
export const socketModeOption = () => new Option('--socket-mode <mode>', MODE_HELP);
export const socketGroupOption = () => new Option('--socket-group <group>', GROUP_HELP);

/**
 * The options of the transport for what is listened on at `listen`. A group alone means that its
 * members may connect.
 * @throws {UsageError} when the mode is none, or no socket file is made.
 */
export function socketPermissions(
  listen: string,
  { socketMode, socketGroup }: SocketPermissions,
): { readonly socketMode?: number; readonly socketGroup?: string } {
  const given = socketMode === undefined ? '--socket-group' : '--socket-mode';
  if (socketMode === undefined && socketGroup === undefined) return {};
  if (listen.startsWith('fd:')) {
    throw new UsageError(
      `${given}: ${listen} is made by somebody else, who says what its permissions are (systemd: SocketMode= and SocketGroup=)`,
    );
  }
  if (!listen.startsWith('unix:/')) {
    throw new UsageError(
      `${given} is for a UNIX socket with a path, such as unix:///run/dev.sock: there is no file at ${listen}`,
    );
  }
  if (socketGroup === '') throw new UsageError('--socket-group: which group? Give its name');
  return {
    socketMode: socketMode === undefined ? GROUP_MODE : modeOf(socketMode),
    ...(socketGroup !== undefined && { socketGroup }),
  };
}

/** Of a socket with a group and no mode given. */
const GROUP_MODE = 0o660;

function modeOf(text: string): number {
  if (/^(0o?)?[0-7]{3}$/.test(text)) return Number.parseInt(text.replace(/^0o/, ''), 8);
  throw new UsageError(
    `--socket-mode ${text}: expected permissions in octal, for example 0660 for the owner and the group`,
  );
}
