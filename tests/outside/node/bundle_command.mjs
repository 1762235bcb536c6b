// What a chat client starts for an unpacked bundle: the packer's own expansion of what a person chose in the form.
//
//     bundle_command.mjs FOLDER '{"folders": ["/a"], "client_id": "x", "sandbox": true}'
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, sep } from "node:path";
import { getMcpConfigForManifest } from "@anthropic-ai/mcpb";

const [folder, chosen] = process.argv.slice(2);
const manifest = JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8"));
const started = await getMcpConfigForManifest({
  manifest,
  extensionPath: folder,
  systemDirs: { HOME: homedir() },
  userConfig: JSON.parse(chosen),
  pathSeparator: sep,
});
process.stdout.write(JSON.stringify(started));
