import { type RegisterMap, registersOf } from '../register-map.js';

/** Names of the counter's registers. */
export const counterRegisterMap: RegisterMap = {
  title: 'counter',
  describes: ({ vendorId, deviceId }) => vendorId === 0x1234 && deviceId === 0xc001,
  bars: { 0: registersOf({ VALUE: 0x0, STEP: 0x4, WRAPPED: 0x8 }, 4) },
};
