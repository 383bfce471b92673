import { Command, ExtensionCommand, Region } from '@vfio-user/core';
import {
  type Encoding as Codec,
  nativeEncodingFor,
  PortableEncoding,
  type RequestBodies,
} from '@vfio-user/core/internal';

/** How messages are written. */
export type Encoding = 'native' | 'portable';

const WORD_BYTES = 4;
/** Such as nearly all messages have: in the portable encoding small ids are shorter. */
const MESSAGE_ID = 0x1000;
const codecs: Readonly<Record<Encoding, () => Codec>> = {
  native: () => nativeEncodingFor(WORD_BYTES),
  portable: () => new PortableEncoding(),
};

/** Bytes of the stream that an exchange takes. */
export interface ExchangeSizes {
  readonly requestBytes: number;
  readonly replyBytes: number;
}

/** Sizes of a 4-byte region read. */
export function regionReadSizes(encoding: Encoding): ExchangeSizes {
  const codec = codecs[encoding]();
  const read = { region: Region.BAR0, offset: 0, count: WORD_BYTES };
  const requestBytes = codec.encodeRequest(Command.REGION_READ, MESSAGE_ID, read).head.length;
  const data = new Uint8Array(WORD_BYTES);
  const reply = codec.encodeReply(Command.REGION_READ, MESSAGE_ID, { ...read, data });
  return { requestBytes, replyBytes: reply.head.length + (reply.data?.length ?? 0) };
}

/** Sizes of a 4-byte region write. */
export function regionWriteSizes(encoding: Encoding): ExchangeSizes {
  const codec = codecs[encoding]();
  const data = new Uint8Array(WORD_BYTES);
  const write = { region: Region.BAR0, offset: 0, count: WORD_BYTES, data };
  const requestBytes = requestSize(codec, Command.REGION_WRITE, write);
  const reply = codec.encodeReply(Command.REGION_WRITE, MESSAGE_ID, write);
  return { requestBytes, replyBytes: reply.head.length };
}

/** Size of a notification. An eventfd takes 8 bytes. */
export function notificationBytes(encoding: Encoding): number {
  if (encoding === 'native') return 8;
  const interrupt = { index: 2, vector: 0, count: 1 };
  return requestSize(codecs.portable(), ExtensionCommand.INTERRUPT, interrupt);
}

function requestSize<C extends keyof RequestBodies>(
  codec: Codec,
  command: C,
  body: RequestBodies[C],
): number {
  const { head, data } = codec.encodeRequest(command, MESSAGE_ID, body);
  return head.length + (data?.length ?? 0);
}
