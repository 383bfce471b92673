/** How registers of configuration space and the MSI-X table control interrupts. */
export interface InterruptControls {
  /** Command register, "Interrupt Disable". */
  disableIntx(disabled: boolean): void;
  /** For the status register, "Interrupt Status". */
  readonly intxAsserted: boolean;
  /** MSI message control: "MSI Enable", and how many vectors "Multiple Message Enable" grants. */
  configureMsi(enabled: boolean, granted: number): void;
  /** MSI mask bits: bit `n` masks vector `n`. */
  maskMsi(bits: number): void;
  /** For the MSI pending bits register. */
  readonly msiPending: number;
  /** MSI-X message control: "MSI-X Enable" and "Function Mask". */
  configureMsix(enabled: boolean, functionMasked: boolean): void;
  /** MSI-X vector control: "Mask Bit". */
  maskMsixVector(vector: number, masked: boolean): void;
  /** The MSI-X pending bit array: bit `n % 8` of byte `n / 8`, a multiple of 8 bytes. */
  readonly msixPending: Uint8Array;
}
