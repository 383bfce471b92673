import { type RegisterMap, registersOf } from '../register-map.js';
import * as port from './registers.js';

/** Names of the PCI-IDIO-16's ports. */
export const gpioRegisterMap: RegisterMap = {
  title: 'PCI-IDIO-16',
  describes: ({ vendorId, deviceId }) => vendorId === 0x494f && deviceId === 0x0dc8,
  bars: {
    2: registersOf(
      {
        OUTPUTS_0_7: port.OUTPUTS_0_7,
        'INPUTS_0_7/CLEAR_INTERRUPT': port.INPUTS_0_7,
        INTERRUPT_CONTROL: port.INTERRUPT_CONTROL,
        FILTER_CONTROL: port.FILTER_CONTROL,
        OUTPUTS_8_15: port.OUTPUTS_8_15,
        INPUTS_8_15: port.INPUTS_8_15,
        INTERRUPT_STATUS: port.INTERRUPT_STATUS,
        FILTERS_0_7: port.FILTERS_0_7,
      },
      1,
    ),
  },
};
