import { DEFAULT_MAX_DATA_XFER_SIZE } from '../constants.js';
import { DEFAULT_MAX_FRAME_BYTES } from './framing.js';
import { NativeEncoding } from './native-encoding.js';

/** A native encoding that takes messages with up to `maxDataXferSize` bytes of data. */
export function nativeEncodingFor(maxDataXferSize: number): NativeEncoding {
  const headRoom = DEFAULT_MAX_FRAME_BYTES - DEFAULT_MAX_DATA_XFER_SIZE;
  return new NativeEncoding({ maxFrameBytes: maxDataXferSize + headRoom });
}
