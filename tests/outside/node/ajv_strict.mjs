// Compiles every schema of a tools/list result in Ajv's strict mode, for draft 2020-12 and for draft 7, as clients do.
//
//     node ajv_strict.mjs FILE
//
// Prints a JSON array of what Ajv found wrong, one sentence a schema.
import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const tools = JSON.parse(readFileSync(process.argv[2], "utf8"));
const found = [];
for (const Draft of [Ajv2020, Ajv])
  for (const tool of tools)
    for (const kind of ["inputSchema", "outputSchema"]) {
      const ajv = new Draft({ strict: true, strictTypes: true, strictTuples: true, strictRequired: true });
      addFormats.default(ajv);
      try {
        ajv.compile(tool[kind]);
      } catch (error) {
        found.push(`${Draft.name}: ${tool.name}.${kind}: ${error.message}`);
      }
    }
console.log(JSON.stringify(found));
