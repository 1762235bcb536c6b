// What the server offers beside its tools, with the official TypeScript client: resources, prompts and completions.
//
//     node beside_tools.mjs '{"era": "legacy" | "modern", "url": URL, "project": NAME, "submittal": NUMBER}'
//
// Prints {"templates", "read", "prompts", "prompt", "projects", "submittals", "unknown": {"resource", "prompt"}}; of
// the unknown ones the kind and the code of the error.

import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";

const { era, url, project, submittal } = JSON.parse(process.argv[2]);
const mode = era === "modern" ? { pin: "2026-07-28" } : "legacy";
const client = new Client({ name: "beside-tools", version: "1" }, { versionNegotiation: { mode } });

async function refusalOf(request) {
  try {
    await request;
  } catch (error) {
    return `${error.constructor.name} ${error.code}`;
  }
  throw new Error("it was not refused");
}

await client.connect(new StreamableHTTPClientTransport(new URL(url)));
try {
  const { resourceTemplates } = await client.listResourceTemplates();
  const uri = `submittal://${encodeURIComponent(project)}/${submittal}`;
  const { contents } = await client.readResource({ uri });
  const { prompts } = await client.listPrompts();
  const name = "missing_from_submittal";
  const prompt = await client.getPrompt({ name, arguments: { project, submittal } });
  const ref = { type: "ref/resource", uri: resourceTemplates[0].uriTemplate };
  const typed = { name: "project", value: project.slice(0, 4).toLowerCase() };
  const projects = await client.complete({ ref: { type: "ref/prompt", name }, argument: typed });
  const submittals = await client.complete({
    ref,
    argument: { name: "submittal", value: submittal.slice(0, -1) },
    context: { arguments: { project } },
  });
  const unknown = {
    resource: await refusalOf(client.readResource({ uri: "submittal://nothing" })),
    prompt: await refusalOf(client.getPrompt({ name: "nothing" })),
  };
  console.log(
    JSON.stringify({
      templates: resourceTemplates.map((template) => template.uriTemplate),
      read: JSON.parse(contents[0].text),
      prompts: prompts.map((one) => one.name),
      prompt: prompt.messages[0].content.text,
      projects: projects.completion.values,
      submittals: submittals.completion.values,
      unknown,
    }),
  );
} finally {
  await client.close();
}
