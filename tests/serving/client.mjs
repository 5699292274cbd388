// The client of the TypeScript SDK, for `python -m console.cli WORDS...`: does what standard input says, one
// JSON array [METHOD, PARAMS] a line, and prints each answer as one line of JSON.
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";
import { join } from "node:path";

const [modules, command, ...args] = process.argv.slice(2);
const find = createRequire(join(modules, "x.js")).resolve;
const load = (name) => import(pathToFileURL(find(`@modelcontextprotocol/sdk/client/${name}.js`)).href);
const { Client } = await load("index");
const { StdioClientTransport } = await load("stdio");

const client = new Client({ name: "another-maker", version: "1" });
await client.connect(new StdioClientTransport({ command, args, env: process.env, stderr: "inherit" }));
console.log(JSON.stringify({ server: client.getServerVersion() }));
for await (const line of createInterface({ input: process.stdin })) {
  const [method, params] = JSON.parse(line);
  const answer = await client[method](params).catch((error) => ({ refused: error.message }));
  console.log(JSON.stringify(answer));
}
await client.close();
