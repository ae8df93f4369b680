// An OpenID provider for tests: oidc-provider, which is certified, with its
// development pages for logging in. It prints its issuer when it listens, and
// "rotated" after each line on standard input, which makes it sign with a new
// key of that algorithm. It ends with its standard input.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';

const [clientID, clientSecret, ...redirects] = process.argv.slice(2);
let handler;
let serial = 0;

async function rotate(issuer, alg) {
  const { privateKey } = await generateKeyPair(alg, { extractable: true });
  const key = { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `key-${++serial}` };
  const provider = new Provider(issuer, {
    clients: [
      { client_id: clientID, token_endpoint_auth_method: 'none' },
      { client_id: `${clientID}-secret`, client_secret: clientSecret, token_endpoint_auth_method: 'client_secret_basic' },
    ].map((client) => ({
      ...client,
      redirect_uris: redirects,
      application_type: 'native', // a redirect to this machine may have any port
      grant_types: ['authorization_code'],
      response_types: ['code'],
      id_token_signed_response_alg: alg,
    })),
    jwks: { keys: [key] },
    cookies: { keys: ['test'] },
    claims: { openid: ['sub', 'groups', 'email', 'email_verified'] },
    conformIdTokenClaims: false,
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, groups: ['editors', 'staff'], email: `${id}@example.org`, email_verified: true }),
    }),
  });
  handler = provider.callback();
}

const server = createServer((req, res) => handler(req, res));
server.listen(0, '127.0.0.1', async () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  await rotate(issuer, 'RS256');
  process.stdout.write(`issuer ${issuer}\n`);
  for await (const line of createInterface({ input: process.stdin })) {
    await rotate(issuer, line);
    process.stdout.write('rotated\n');
  }
  process.exit(0);
});
