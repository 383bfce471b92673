import type { Iova } from '@vfio-user/core';
import { NVME_COMMAND_BYTES } from '@vfio-user/devices';

/** A submission queue entry; what is missing is 0. */
export interface NvmeCommand {
  readonly opcode: number;
  /** The command identifier, 16 bits. */
  readonly id: number;
  /** Bits 15:8 of dword 0: fused operation, PRP or SGL. */
  readonly flags?: number;
  readonly namespaceId?: number;
  /** PRP1 and PRP2, guest addresses; or the halves of an SGL descriptor. */
  readonly prp1?: Iova;
  readonly prp2?: Iova;
  readonly dword10?: number;
  readonly dword11?: number;
  readonly dword12?: number;
  readonly dword13?: number;
  readonly dword14?: number;
  readonly dword15?: number;
}

/** A ring in guest memory: its place there, and its entries as 32-bit words. */
export interface Ring {
  readonly address: number;
  readonly words: Int32Array;
  readonly entries: number;
}

/** The host's side of a submission queue. */
export class SubmissionRing {
  readonly #words: Int32Array;
  readonly #entries: number;
  #tail = 0;

  constructor({ words, entries }: Ring) {
    this.#words = words;
    this.#entries = entries;
  }

  /** The value for the tail doorbell. */
  get tail(): number {
    return this.#tail;
  }

  /** Write an entry; the caller ensures that there is one free. */
  place(command: NvmeCommand): void {
    const words = this.#words;
    const at = (this.#tail * NVME_COMMAND_BYTES) / 4;
    words[at] = command.opcode | ((command.flags ?? 0) << 8) | (command.id << 16);
    words[at + 1] = command.namespaceId ?? 0;
    words.fill(0, at + 2, at + 6);
    putPointer(words, at + 6, command.prp1 ?? 0);
    putPointer(words, at + 8, command.prp2 ?? 0);
    words[at + 10] = command.dword10 ?? 0;
    words[at + 11] = command.dword11 ?? 0;
    words[at + 12] = command.dword12 ?? 0;
    words[at + 13] = command.dword13 ?? 0;
    words[at + 14] = command.dword14 ?? 0;
    words[at + 15] = command.dword15 ?? 0;
    this.#tail = (this.#tail + 1) % this.#entries;
  }
}

function putPointer(words: Int32Array, at: number, value: Iova): void {
  if (typeof value === 'number') {
    words[at] = value | 0;
    words[at + 1] = Math.floor(value / 2 ** 32);
  } else {
    words[at] = Number(BigInt.asIntN(32, value));
    words[at + 1] = Number(BigInt.asIntN(32, value >> 32n));
  }
}
