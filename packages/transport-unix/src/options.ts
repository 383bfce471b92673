import { VfioUserError } from '@vfio-user/core';

/** What can be tuned; every default is meant to be right. */
export interface UnixTransportOptions {
  /** Largest message, bytes: bounds what one peer can make us allocate. Default 32 MiB. */
  readonly maxFrameBytes?: number;
  /** `send()` asks the caller to stop above this many queued bytes. Default 1 MiB. */
  readonly highWaterBytes?: number;
  /** `onDrain()` asks it to go on below this many. Default 256 KiB. */
  readonly lowWaterBytes?: number;
  /** A connection whose peer leaves more than this unread is ended. Default 256 MiB. */
  readonly maxQueuedBytes?: number;
  /** How long `close()` waits for the peer to read what is queued. Default 5000. */
  readonly closeTimeoutMs?: number;
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
export type Settings = Required<Omit<UnixTransportOptions, 'socketGroup'>> &
  Pick<UnixTransportOptions, 'socketGroup'>;

const defaults: Settings = {
  maxFrameBytes: 32 * 1024 * 1024,
  highWaterBytes: 1024 * 1024,
  lowWaterBytes: 256 * 1024,
  maxQueuedBytes: 256 * 1024 * 1024,
  closeTimeoutMs: 5000,
  connectTimeoutMs: 5000,
  handshakeTimeoutMs: 5000,
  maxPending: 64,
  maxSpinUs: 100,
  socketMode: 0o600,
  backlog: 16,
  mapUnsealed: 'trusted',
};

/** @throws {VfioUserError} `VFU_CONFIG_INVALID` naming the option that makes no sense. */
export function resolveOptions(options: UnixTransportOptions): Settings {
  const settings = { ...defaults, ...options };
  for (const [name, value] of Object.entries(settings)) {
    if (typeof value === 'number' && !(value >= 0)) {
      throw new VfioUserError('VFU_CONFIG_INVALID', `${name} must not be negative, it is ${value}`);
    }
  }
  const { lowWaterBytes, highWaterBytes } = settings;
  if (lowWaterBytes > highWaterBytes) {
    throw new VfioUserError(
      'VFU_CONFIG_INVALID',
      `lowWaterBytes (${lowWaterBytes}) must not be above highWaterBytes (${highWaterBytes})`,
    );
  }
  return settings;
}
