/**
 * What the other packages of this repository share but users must not rely on.
 *
 * @packageDocumentation
 */
export { FrameAssembler, type FrameAssemblerLimits } from './transport/frame-assembler.js';
