import { VfioUserError } from '../errors.js';

const LONG_FORM = /^vfio-user\+/;

/**
 * Parse a transport URI (`unix:///run/dev.sock`, `tcp://host:port`, `fd:3`, ...). The long form
 * `vfio-user+unix://...` means the same.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when it is no URI at all.
 */
export function parseUri(text: string): URL {
  try {
    return new URL(text.replace(LONG_FORM, ''));
  } catch (cause) {
    const hint = text.startsWith('/') ? ` Did you mean unix://${text} ?` : '';
    throw new VfioUserError(
      'VFU_CONFIG_INVALID',
      `not a transport URI: ${JSON.stringify(text)}. Expected for example unix:///run/dev.sock.${hint}`,
      { cause },
    );
  }
}
