// Whole jobs with the official TypeScript client: by default from a question to `ready`, else from each of `begin` on.
// Every further call is the first of the `next_steps` of the answer before, completed by what only the person knows.
//
//     node whole_job.mjs '{"era": "legacy" | "modern",
//                          "server": {"command", "args", "env"} | {"url", "headers"},
//                          "begin": [{"tool", "arguments"}, …], "said": {TOOL: ARGUMENTS, …}, "file": PATH}'
//
// Prints {"version", "calls": [{"tool", "arguments", "isError", "text", "answer"}]}.

import { readFile } from "node:fs/promises";

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const MOST_CALLS = 20;

const { era, server, begin, said, file } = JSON.parse(process.argv[2]);

const transport = server.url
  ? new StreamableHTTPClientTransport(new URL(server.url), { requestInit: { headers: server.headers } })
  : new StdioClientTransport(server);
const mode = era === "modern" ? { pin: "2026-07-28" } : "legacy";
const client = new Client({ name: "whole-job", version: "1" }, { versionNegotiation: { mode } });

async function send({ method, url, headers }) {
  const response = await fetch(url, { method, headers, body: await readFile(file) });
  if (!response.ok) throw new Error(`storage answered ${response.status}: ${await response.text()}`);
}

async function job(calls, step) {
  while (step && calls.length < MOST_CALLS) {
    const call = { tool: step.tool, arguments: { ...step.arguments, ...said[step.tool] } };
    const result = await client.callTool({ name: call.tool, arguments: call.arguments });
    const answer = result.structuredContent;
    calls.push({ ...call, isError: result.isError ?? false, text: result.content[0].text, answer });
    if (result.isError) break;
    if (answer.upload) await send(answer.upload);
    if (answer.done) break;
    // A step that needs what the person did not say is up to them: where the submittal goes now.
    step = answer.next_steps.find((one) => one.tool in said || one.needs.length === 0);
  }
}

await client.connect(transport);
try {
  // From now on the client holds every answer to the output schema of its tool.
  await client.listTools();
  const calls = [];
  for (const first of begin ?? [{ tool: "find_projects", arguments: {} }]) await job(calls, first);
  const version = client.getNegotiatedProtocolVersion();
  console.log(JSON.stringify({ version, calls }));
} finally {
  await client.close();
}
