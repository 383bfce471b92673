import { Authority, type Certificate, certificateQuery } from '@vfio-user/support';

/** One for 127.0.0.1 that signed itself, for both ends. */
export function ownCertificate(folder: string): Certificate {
  try {
    return new Authority(folder, 'bench', { names: 'IP:127.0.0.1' });
  } catch (error) {
    throw new Error('cannot make a certificate: install openssl', { cause: error });
  }
}

/** A URI to listen on, of a scheme with TLS, for clients that show the same certificate. */
export function secureUri(scheme: string, certificate: Certificate): string {
  return `${scheme}://127.0.0.1:0${certificateQuery(certificate)}`;
}
