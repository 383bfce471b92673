import { type NamedRegister, type RegisterMap, registersOf } from '../register-map.js';
import { DOORBELL_BYTES, DOORBELLS_OFFSET, DOORBELLS_SIZE, REGISTER } from './registers.js';

const { CAP, ASQ, ACQ, ...narrow } = REGISTER;

/** NVM Express 1.4, 3.1: what a controller need not have. */
const OPTIONAL = {
  NSSR: 0x20,
  CMBLOC: 0x38,
  CMBSZ: 0x3c,
  BPINFO: 0x40,
  BPRSEL: 0x44,
} as const;
const OPTIONAL_WIDE = { BPMBL: 0x48, CMBMSC: 0x50 } as const;

function absent(registers: readonly NamedRegister[]): NamedRegister[] {
  return registers.map((register) => ({ ...register, absent: true }));
}

/** Names of the registers of any NVM Express controller whose doorbell stride (CAP.DSTRD) is 0. */
export const nvmeRegisterMap: RegisterMap = {
  title: 'NVMe',
  describes: ({ classCode }) => classCode === 0x010802,
  bars: {
    0: [
      ...registersOf({ CAP, ASQ, ACQ }, 8),
      ...registersOf(narrow, 4),
      ...absent(registersOf(OPTIONAL, 4)),
      ...absent(registersOf(OPTIONAL_WIDE, 8)),
      {
        offset: DOORBELLS_OFFSET,
        size: DOORBELL_BYTES,
        // "Submission Queue y Tail Doorbell", "Completion Queue y Head Doorbell", in turn.
        name: (i) => (i % 2 === 0 ? `SQ${i / 2}TDBL` : `CQ${(i - 1) / 2}HDBL`),
        repeat: { count: DOORBELLS_SIZE / DOORBELL_BYTES, stride: DOORBELL_BYTES },
      },
    ],
  },
};
