/**
 * Starts programs and waits for what they print; makes certificates. For benchmarks, tests and
 * demonstrations: it depends on nothing of ours.
 *
 * @packageDocumentation
 */
export {
  Authority,
  type AuthorityOptions,
  type Certificate,
  type CertificateOptions,
  certificateQuery,
  noOpenssl,
} from './certificates.js';
export { freePort } from './free-port.js';
export { ListeningProcess, type ListeningProcessOptions } from './listening-process.js';
export { type Ending, Program, type ProgramOptions } from './program.js';
