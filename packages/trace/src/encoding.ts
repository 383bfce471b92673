import type { EncodingName } from '@vfio-user/core';
import { type Encoding, nativeEncodingFor, PortableEncoding } from '@vfio-user/core/internal';

/** The encoding of that name, for messages with at most `maxDataXferSize` bytes of data. */
export function encodingNamed(name: EncodingName, maxDataXferSize: number): Encoding {
  if (name === 'native') return nativeEncodingFor(maxDataXferSize);
  return new PortableEncoding({ maxDataXferSize });
}
