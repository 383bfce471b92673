import { commandName } from '@vfio-user/core';
import type { RecordedMessage, Recording } from '@vfio-user/transport-testing';
import { turn } from '../protocol/gate.js';
import type { RawMessage } from '../protocol/message-reader.js';
import type { RawClient } from '../protocol/raw-client.js';
import { frame, REPLY } from '../protocol/wire.js';
import { DescriptorStore } from './descriptor-store.js';

/** A client that was silent for so long, in milliseconds, saw the outcome of what it had asked for. */
const PAUSE_MS = 1;
/** Turns of the event loop in which a server in this process receives a message and acts on it. */
const TURNS_TO_ACT = 10;
/** Bytes to show on each side of a difference. */
const EXCERPT_BYTES = 32;

/**
 * Plays the client of a recorded session to a server and compares what the server says, byte by
 * byte. A client message leaves when all that the server had said before it in the recording has
 * arrived. Replies must come in the recorded order, and so must requests; how the two kinds mix
 * depends on time and does not count.
 */
export class Replay {
  readonly #client: RawClient;
  readonly #descriptors = new DescriptorStore();
  /** Recorded server messages that have not arrived. */
  readonly #due: RecordedMessage[] = [];
  /** Server messages that arrived before it was their turn. */
  #early: RawMessage[] = [];
  #compared = 0;

  private constructor(client: RawClient) {
    this.#client = client;
  }

  /**
   * Returns how many messages of the server were as recorded.
   * @throws {Error} at the first one that is not.
   */
  static async run({ messages }: Recording, client: RawClient): Promise<number> {
    const replay = new Replay(client);
    try {
      await replay.#play(messages);
      return replay.#compared;
    } finally {
      replay.#descriptors.close();
    }
  }

  async #play(messages: readonly RecordedMessage[]): Promise<void> {
    let lastMs = 0;
    for (const message of messages) {
      if (message.from === 'server') {
        this.#due.push(message);
      } else {
        await this.#arrived();
        if (message.t - lastMs >= PAUSE_MS) await settle();
        const descriptors = this.#descriptors.make(message.descriptors);
        await this.#client.send(Buffer.from(message.bytes, 'hex'), descriptors);
      }
      lastMs = message.t;
    }
    await this.#arrived();
    await settle();
    const surplus = this.#client.waiting + this.#early.length;
    if (surplus > 0) throw new Error(`the server sent ${surplus} messages more than recorded`);
  }

  /** Until everything due is there. */
  async #arrived(): Promise<void> {
    const early = this.#early;
    this.#early = [];
    for (const message of early) this.#take(message);
    while (this.#due.length > 0) this.#take(await this.#receive());
  }

  async #receive(): Promise<RawMessage> {
    try {
      return await this.#client.receive();
    } catch (cause) {
      const { bytes } = this.#due[0] as RecordedMessage; // called while there is one
      throw new Error(`server message ${this.#compared} is missing: ${excerpt(bytes, 0)}`, {
        cause,
      });
    }
  }

  #take(message: RawMessage): void {
    const isReply = (message.flags & REPLY) !== 0;
    const at = this.#due.findIndex(({ bytes }) => isRecordedReply(bytes) === isReply);
    if (at < 0) {
      this.#early.push(message);
      return;
    }
    const [expected] = this.#due.splice(at, 1) as [RecordedMessage]; // `at` is in range
    this.#compare(message, expected);
  }

  #compare(message: RawMessage, { bytes, descriptors = [] }: RecordedMessage): void {
    const { command, payload, ...header } = message;
    const actual = frame(command, payload, header).toString('hex');
    if (actual !== bytes || message.fds.length !== descriptors.length) {
      const at = firstDifference(actual, bytes);
      throw new Error(
        `server message ${this.#compared} (${commandName(command)}) differs at byte ${at}\n` +
          `recorded: ${excerpt(bytes, at)} and ${descriptors.length} descriptors\n` +
          `now:      ${excerpt(actual, at)} and ${message.fds.length} descriptors`,
      );
    }
    this.#compared += 1;
  }
}

/** The message type is in the byte at 8, see "Header". */
function isRecordedReply(bytes: string): boolean {
  return (Number.parseInt(bytes.slice(16, 18), 16) & REPLY) !== 0;
}

/** The first byte that two messages do not have in common; their length when there is none. */
function firstDifference(one: string, other: string): number {
  let at = 0;
  while (at < one.length && one[at] === other[at]) at += 1;
  return at >> 1;
}

/** Enough of a message to see what is at `byte`. */
function excerpt(hex: string, byte: number): string {
  const from = Math.max(0, byte - EXCERPT_BYTES);
  return `...${hex.slice(2 * from, 2 * (byte + EXCERPT_BYTES))}...`;
}

async function settle(): Promise<void> {
  for (let i = 0; i < TURNS_TO_ACT; i++) await turn();
}
