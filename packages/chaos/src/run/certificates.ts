import { Authority, certificateQuery } from '@vfio-user/support';

/** The queries of URIs for both ends of connections over TLS. */
export interface Queries {
  readonly server: string;
  readonly client: string;
}

export const noQueries: Queries = { server: '', client: '' };

/** Certificates for both ends, made in a folder. */
export function makeCertificates(folder: string): Queries {
  const authority = new Authority(folder, 'authority');
  return {
    server: certificateQuery(authority.issue('server'), authority),
    client: certificateQuery(authority.issue('client'), authority),
  };
}
