import { COMMAND_DWORDS } from './entries.js';

/** One command as this driver needs it. */
export interface NvmeCommand {
  readonly opcode: number;
  readonly id: number;
  readonly namespaceId: number;
  /** PRP1 and PRP2, guest addresses. */
  readonly prp1: number;
  readonly prp2: number;
  readonly dword10: number;
  readonly dword11: number;
  readonly dword12: number;
}

/** The host's side of a submission queue. */
export class SubmissionRing {
  readonly #words: Int32Array;
  readonly #entries: number;
  #tail = 0;

  constructor(words: Int32Array, entries: number) {
    this.#words = words;
    this.#entries = entries;
  }

  /** What the tail doorbell is to say. */
  get tail(): number {
    return this.#tail;
  }

  /** The caller knows that there is room. */
  place(command: NvmeCommand): void {
    const words = this.#words;
    const at = this.#tail * COMMAND_DWORDS;
    words[at] = command.opcode | (command.id << 16);
    words[at + 1] = command.namespaceId;
    words[at + 6] = command.prp1 | 0;
    words[at + 7] = Math.floor(command.prp1 / 2 ** 32);
    words[at + 8] = command.prp2 | 0;
    words[at + 9] = Math.floor(command.prp2 / 2 ** 32);
    words[at + 10] = command.dword10;
    words[at + 11] = command.dword11;
    words[at + 12] = command.dword12;
    this.#tail = (this.#tail + 1) % this.#entries;
  }
}
