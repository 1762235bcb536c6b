// Signing in to a team server with the official TypeScript client's OAuth provider, then calling tools; a call that needs
// more than was consented to goes through a second consent.
//
//     node team_sign_in.mjs '{"era": "legacy" | "modern", "url": URL, "calls": [{"name", "arguments"}, …]}'
//
// Prints {"visit": URL} for each page that a person has to see, and reads the address of the answer as a line of stdin.
// Prints {"answers": […], "scope": SCOPE} at the end.

import { createInterface } from "node:readline";

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";

const { era, url, calls } = JSON.parse(process.argv[2]);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const redirectUrl = "http://127.0.0.1:40123/callback";
const kept = {};

const provider = {
  redirectUrl,
  clientMetadata: {
    client_name: "TypeScript",
    redirect_uris: [redirectUrl],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  },
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  codeVerifier: () => kept.verifier,
  saveDiscoveryState: (state) => void (kept.discovery = state),
  discoveryState: () => kept.discovery,
  redirectToAuthorization: (page) => console.log(JSON.stringify({ visit: String(page) })),
};

async function withConsent(work) {
  for (;;) {
    const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
    const mode = era === "modern" ? { pin: "2026-07-28" } : "legacy";
    const client = new Client({ name: "team", version: "1" }, { versionNegotiation: { mode } });
    try {
      await client.connect(transport);
      return await work(client);
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      const { value } = await lines.next();
      await transport.finishAuth(new URL(value).searchParams);
    } finally {
      await client.close();
    }
  }
}

const answers = [];
for (const call of calls) {
  const result = await withConsent((client) => client.callTool(call));
  answers.push({ isError: result.isError ?? false, answer: result.structuredContent });
}
console.log(JSON.stringify({ answers, scope: kept.tokens.scope }));
process.exit(0);
