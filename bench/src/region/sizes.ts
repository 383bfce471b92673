import { Command, Region } from '@vfio-user/core';
import { type Encoding, nativeEncodingFor, PortableEncoding } from '@vfio-user/core/internal';
import { benchRegisters } from '@vfio-user/devices';

/** The register that is read: 4 bytes. */
export const READ = { region: Region.BAR0, offset: benchRegisters.ID, count: 4 } as const;

/** Bytes of the stream that a region read takes. */
export interface RoundTripSizes {
  readonly request: number;
  readonly reply: number;
}

/** Such as nearly all messages have: in the portable encoding small ids are shorter. */
const MESSAGE_ID = 0x1000;

export const nativeSizes = sizesOf(nativeEncodingFor(READ.count));
export const portableSizes = sizesOf(new PortableEncoding());

function sizesOf(encoding: Encoding): RoundTripSizes {
  const request = encoding.encodeRequest(Command.REGION_READ, MESSAGE_ID, READ);
  // What is encoded next may reuse its memory.
  const requestBytes = request.head.length;
  const data = new Uint8Array(READ.count);
  const reply = encoding.encodeReply(Command.REGION_READ, MESSAGE_ID, { ...READ, data });
  return { request: requestBytes, reply: reply.head.length + (reply.data?.length ?? 0) };
}
