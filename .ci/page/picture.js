// Draws a status page in light and in dark: picture.js PAGE FOLDER.
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const [page, folder] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
for (const colorScheme of ["light", "dark"]) {
  const tab = await browser.newPage({ viewport: { width: 960, height: 900 }, colorScheme });
  await tab.goto(pathToFileURL(page).href);
  await tab.screenshot({ path: `${folder}/status-${colorScheme}.png` });
}
await browser.close();
