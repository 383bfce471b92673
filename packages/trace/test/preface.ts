import { encodePreface, type Preface } from '@vfio-user/core/internal';

const limits = {
  maxFrameBytes: 2 ** 20,
  maxRecordBytes: 2 ** 16,
  maxPushBytes: 0,
  maxPushRules: 0,
  windowMessages: 0,
  windowBytes: 0,
  silenceMs: 0,
};

const ID = new Uint8Array(16).fill(7);

/** A preface of a session that survives its connection. */
export function preface(rest: Partial<Preface> = {}): Uint8Array {
  const first = { major: 1, minor: 1, session: ID, capabilities: ['resume'], limits };
  return encodePreface({ ...first, ...rest });
}
