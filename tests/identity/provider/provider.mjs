// A company's identity provider: node-oidc-provider with people of ours, for the tests of signing in.
//
// node provider.mjs <configuration as JSON>  prints {"issuer": …} once it listens; POST /-/rotate changes its keys.
// The modules are found from the working folder, which is where the lock was installed.

import crypto from 'node:crypto';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(path.join(process.cwd(), 'package.json'));
const { Provider } = await import(pathToFileURL(require.resolve('oidc-provider')));
const { people, clients } = JSON.parse(process.argv[2]);

const key = () => ({
  ...crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  kid: crypto.randomUUID(), use: 'sig', alg: 'RS256',
});
const cookieKeys = [crypto.randomBytes(16).toString('hex')];

function configuration() {
  return {
    clients,
    jwks: { keys: [key()] },
    cookies: { keys: cookieKeys },
    claims: { openid: ['sub', 'acr', 'auth_time'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    conformIdTokenClaims: false,
    acrValues: ['urn:example:mfa'],
    scopes: ['openid', 'offline_access'],
    features: {
      devInteractions: { enabled: false },
      deviceFlow: { enabled: true, mask: '****-****' },
      revocation: { enabled: true },
      rpInitiatedLogout: { enabled: false },
    },
    ttl: { IdToken: () => 600, AccessToken: () => 600, DeviceCode: () => 600, Interaction: () => 600, Session: () => 86400, Grant: () => 86400, RefreshToken: () => 86400 },
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: async (ctx) => {
      const { client, session, result, params } = ctx.oidc;
      const known = result?.consent?.grantId || session.grantIdFor(client.clientId);
      if (known) return ctx.oidc.provider.Grant.find(known);
      const grant = new ctx.oidc.provider.Grant({ clientId: client.clientId, accountId: session.accountId });
      grant.addOIDCScope(params?.scope || 'openid');
      await grant.save();
      return grant;
    },
    findAccount: async (_ctx, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, ...people[id].claims }),
    }),
  };
}

let issuer;
let provider;
let answer;
function renew() {
  provider = new Provider(issuer, configuration());
  answer = provider.callback();
}

async function read(request) {
  let text = '';
  for await (const part of request) text += part;
  return new URLSearchParams(text);
}

async function interaction(request, response) {
  if (request.method === 'GET') {
    const { prompt, grantId, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === 'consent') { // nobody is asked: the company has agreed for its people
      const grant = (grantId && await provider.Grant.find(grantId))
        || new provider.Grant({ clientId: params.client_id, accountId: session.accountId });
      grant.addOIDCScope(params.scope);
      const result = { consent: { grantId: await grant.save() } };
      await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
      return;
    }
    response.setHeader('content-type', 'text/html');
    response.end(`<h1>${prompt.name}</h1><form method="post" action="${request.url}">`
      + '<label>Name <input name="login"></label><label>Password <input name="password" type="password"></label>'
      + '<button name="go" value="in">Sign in</button><button name="go" value="no">Cancel</button></form>');
    return;
  }
  const given = await read(request);
  const person = people[given.get('login')];
  if (given.get('go') === 'no') {
    await provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'said no' });
  } else if (!person || person.password !== given.get('password')) {
    response.statusCode = 403;
    response.end('wrong name or password');
  } else {
    const acr = person.acr ? { acr: person.acr } : {};
    await provider.interactionFinished(request, response, { login: { accountId: given.get('login'), ...acr } });
  }
}

const server = http.createServer((request, response) => {
  const url = new URL(request.url, issuer);
  if (url.pathname === '/-/rotate') {
    renew();
    response.end('rotated');
  } else if (url.pathname === '/-/people') {
    read(request).then((given) => { Object.assign(people, JSON.parse(given.get('people'))); response.end('told'); });
  } else if (/^\/interaction\/[^/]+$/.test(url.pathname)) {
    interaction(request, response).catch((error) => { response.statusCode = 500; response.end(String(error)); });
  } else {
    answer(request, response);
  }
});
server.listen(0, '127.0.0.1', () => {
  issuer = `http://127.0.0.1:${server.address().port}`;
  renew();
  process.stdout.write(`${JSON.stringify({ issuer })}\n`);
});
process.on('SIGTERM', () => process.exit(0));
