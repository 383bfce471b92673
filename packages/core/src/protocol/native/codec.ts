import type { Decoded } from '../encoding.js';
import type { KnownCommand, ReplyBodies, RequestBodies } from '../messages.js';
import type { MessageWriter } from './message-writer.js';
import type { PayloadReader } from './payload-reader.js';

/** How one body is laid out in a payload. */
export interface NativeBodyCodec<Body> {
  /** Fewest bytes a payload can have. More are tolerated unless `decode` refuses them. */
  readonly minBytes: number;
  /** Called with at least `minBytes` of payload. Never throws. */
  decode(payload: PayloadReader): Decoded<Body>;
  /** Encodes the whole payload. */
  encode(out: MessageWriter, body: Body): void;
}

/** Both directions of one command. */
export interface NativeCommandCodec<Command extends KnownCommand> {
  readonly request: NativeBodyCodec<RequestBodies[Command]>;
  readonly reply: NativeBodyCodec<ReplyBodies[Command]>;
}

/** A message without payload. */
export const nothing: NativeBodyCodec<undefined> = {
  minBytes: 0,
  decode: () => undefined,
  encode: (out) => out.begin(0),
};

/** An error text if `argsz` is too small, otherwise `undefined`. */
export function argszFault(argsz: number, minimum: number): string | undefined {
  return argsz < minimum ? `argsz is ${argsz}, it must be at least ${minimum}` : undefined;
}
