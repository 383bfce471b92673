import { VfioUserError } from '../errors.js';

/** What can be tuned about connections, whatever carries them. Every default is meant to be right. */
export interface ConnectionOptions {
  /** Largest message, bytes: bounds what one peer can make us allocate. Default 32 MiB. */
  readonly maxFrameBytes?: number;
  /** `send()` asks the caller to stop above this many queued bytes. Default 1 MiB. */
  readonly highWaterBytes?: number;
  /** `onDrain()` asks it to go on below this many. Default 256 KiB. */
  readonly lowWaterBytes?: number;
  /** A connection whose peer leaves more than this unread is ended. Default 256 MiB. */
  readonly maxQueuedBytes?: number;
  /** How long `close()` waits for the peer to read what is queued, ms. Default 5000. */
  readonly closeTimeoutMs?: number;
}

/** The options with the defaults filled in. */
export type ConnectionLimits = Required<ConnectionOptions>;

export const connectionDefaults: ConnectionLimits = Object.freeze({
  maxFrameBytes: 32 * 1024 * 1024,
  highWaterBytes: 1024 * 1024,
  lowWaterBytes: 256 * 1024,
  maxQueuedBytes: 256 * 1024 * 1024,
  closeTimeoutMs: 5000,
});

/**
 * The options of a transport with its defaults filled in. All numbers among them are limits.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` naming the option that makes no sense.
 */
export function resolveOptions<Options extends ConnectionOptions, Defaults>(
  options: Options,
  defaults: Defaults,
): Options & Defaults & ConnectionLimits {
  const settings = { ...connectionDefaults, ...defaults, ...options };
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
