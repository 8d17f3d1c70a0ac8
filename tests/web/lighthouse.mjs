// Lets Lighthouse look at pages in a browser that runs already, and prints its scores and what it finds.
//
//     node lighthouse.mjs PORT <<<'[{"url": "https://…", "cookie": "…"}, …]'
//
// A line of JSON for each page: {"url": …, "scores": {"accessibility": 1, …}, "faults": ["errors-in-console: …"]}

import { text } from "node:stream/consumers";
import lighthouse, { desktopConfig } from "lighthouse";

const port = Number(process.argv[2]);
const settings = {
  ...desktopConfig.settings,
  onlyCategories: ["accessibility", "best-practices"],
  disableFullPageScreenshot: true,
  disableStorageReset: true,
  // Nothing on these pages comes later, and nobody measures how fast they are here.
  throttlingMethod: "simulate",
  pauseAfterFcpMs: 0,
  pauseAfterLoadMs: 0,
  networkQuietThresholdMs: 0,
  cpuQuietThresholdMs: 0,
};

for (const { url, cookie } of JSON.parse(await text(process.stdin))) {
  const extraHeaders = cookie ? { Cookie: cookie } : null;
  const config = { extends: "lighthouse:default", settings: { ...settings, extraHeaders } };
  const { lhr } = await lighthouse(url, { port, logLevel: "error" }, config);
  const scores = Object.fromEntries(Object.values(lhr.categories).map(({ id, score }) => [id, score]));
  const faults = Object.values(lhr.audits)
    .filter(({ score }) => score !== null && score < 1)
    .map(({ id, title, details }) => `${id}: ${title} ${JSON.stringify(details?.items ?? [])}`);
  console.log(JSON.stringify({ url: lhr.finalDisplayedUrl, scores, faults, error: lhr.runtimeError?.message ?? "" }));
}
