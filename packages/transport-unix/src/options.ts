import {
  type ConnectionLimits,
  type ConnectionOptions,
  resolveOptions as resolve,
} from '@vfio-user/core/transport';

/** Options of `unixTransport`. */
export interface UnixTransportOptions extends ConnectionOptions {
  /** How long `connect()` tries while the listener's backlog is full. Default 5000. */
  readonly connectTimeoutMs?: number;
  /** How long a peer may take for its greeting, where `?encoding=portable` asks for one. Default 5000. */
  readonly handshakeTimeoutMs?: number;
  /** Connections of one listener that may still owe it at a time; the oldest makes room. Default 64. */
  readonly maxPending?: number;
  /**
   * The next message is awaited actively for up to this long if messages come that quickly, which
   * saves a wake-up. It costs up to this much processor time when none comes. 0 switches it off.
   * Default 100.
   */
  readonly maxSpinUs?: number;
  /**
   * Permissions of the socket file, whatever the umask is; connecting takes the right to write.
   * Default 0o600: the same user and root.
   */
  readonly socketMode?: number;
  /** Group of the socket file, by name or number. Default: what the system gives a new file. */
  readonly socketGroup?: string | number;
  /** Connections that may wait to be accepted. Default 16. */
  readonly backlog?: number;
  /**
   * Whether to map memory in a tmpfs or on huge pages that the peer could cut off under our feet.
   * It is looked for in each turn, but a peer who means harm could still end this process.
   * `trusted`: if the peer runs as the same user or as root, and could kill us anyway. Otherwise
   * such memory is read and written by system calls, as files on a disk always are. A sealed memfd is
   * always mapped. Default `trusted`.
   */
  readonly mapUnsealed?: 'trusted' | 'always' | 'never';
}

/** The options with the defaults filled in. */
export type UnixSettings = ConnectionLimits &
  Required<Omit<UnixTransportOptions, 'socketGroup'>> &
  Pick<UnixTransportOptions, 'socketGroup'>;

/** @throws {VfioUserError} `VFU_CONFIG_INVALID` naming the option that makes no sense. */
export function resolveOptions(options: UnixTransportOptions): UnixSettings {
  return resolve(options, {
    connectTimeoutMs: 5000,
    handshakeTimeoutMs: 5000,
    maxPending: 64,
    maxSpinUs: 100,
    socketMode: 0o600,
    backlog: 16,
    mapUnsealed: 'trusted',
  });
}
