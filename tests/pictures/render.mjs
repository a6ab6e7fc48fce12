// Reads {"blocks", "kind", "people", "channels"} on stdin, writes an HTML page on stdout.
// Run in a folder that holds the packages of package.json.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const require = createRequire(pathToFileURL(`${process.cwd()}/`));
const React = require("react");
const { renderToStaticMarkup } = require("react-dom/server");
const { Message } = await import(pathToFileURL(require.resolve("slack-blocks-to-jsx")).href);

const given = JSON.parse(readFileSync(0, "utf8"));
const style = readFileSync(require.resolve("slack-blocks-to-jsx/dist/style.css"), "utf8");

const message = React.createElement(Message, {
  blocks: given.blocks,
  name: "Deskhand",
  logo: `data:image/svg+xml,${encodeURIComponent(
    '<svg xmlns="http://www.w3.org/2000/svg" width="36" height="36"><rect width="36" height="36" rx="8" fill="#1f6f54"/><text x="18" y="25" font-size="20" fill="white" text-anchor="middle" font-family="sans-serif">D</text></svg>',
  )}`,
  time: new Date(Date.UTC(2026, 10, 22, 14, 45)),
  data: given.data,
});

process.stdout.write(`<!doctype html><meta charset="utf-8"><style>${style}
body { margin: 0; padding: 16px; background: white;
       font-family: Lato, "Noto Sans", "DejaVu Sans", sans-serif; font-size: 15px; }
</style><div style="width:${given.width}px">${renderToStaticMarkup(message)}</div>
<script>document.documentElement.dataset.height = document.body.scrollHeight;</script>`);
