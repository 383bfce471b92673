import { VfioUserError } from '../errors.js';

/** Options of connections of any transport. */
export interface ConnectionOptions {
  /** Largest message, bytes: limits what a peer can make us allocate. Default 32 MiB. */
  readonly maxFrameBytes?: number;
  /** `send()` returns `false` above this many queued bytes. Default 1 MiB. */
  readonly highWaterBytes?: number;
  /** `onDrain()` is called below this many. Default 256 KiB. */
  readonly lowWaterBytes?: number;
  /** The connection ends when more than this is queued. Default 256 MiB. */
  readonly maxQueuedBytes?: number;
  /** Time limit of `close()` for sending what is queued, ms. Default 5000. */
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
 * Fill in the defaults of a transport's options. All numbers among them are limits.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` naming the invalid option.
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
