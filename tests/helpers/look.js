// What OHIF makes of some series: node look.js JOB.json (see tests/helpers/viewer.py); the answer goes to stdout.
// Nothing leaves this machine: requests to other hosts are refused, counted, and reported.
"use strict";
const fs = require("fs");
const job = JSON.parse(fs.readFileSync(process.argv[2], "utf8"));
const { chromium } = require(job.playwright);

const FLAGS = [
  "--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader",
  "--ignore-gpu-blocklist", "--disable-background-networking", "--disable-component-update", "--no-first-run",
];

// What the page knows: runs inside of it, and so may use nothing of this file.
function state() {
  const plain = (list) => (list ? Array.from(list) : null);
  const shades = (canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let black = 0, white = 0, sum = 0;
    for (let i = 0; i < data.length; i += 4) {
      sum += data[i];
      black += data[i] === 0;
      white += data[i] === 255;
    }
    const count = data.length / 4;
    return { mean: sum / count, black: black / count, white: white / count };
  };
  const cornerstone = window.cornerstone;
  const services = window.services;
  if (!cornerstone || !services || !services.displaySetService) return null;
  const viewports = cornerstone.getRenderingEngines().flatMap((engine) => engine.getViewports());
  return {
    viewports: viewports.map((v) => ({
      type: v.type,
      images: v.getImageIds ? v.getImageIds().length : 0,
      imageId: (v.getCurrentImageId && v.getCurrentImageId()) || "",
      window: (v.getProperties && v.getProperties().voiRange) || null,
      frameOfReference: (v.getFrameOfReferenceUID && v.getFrameOfReferenceUID()) || "",
      shown: Boolean(v.getImageData && v.getImageData()),
      shades: shades(v.getCanvas()),
    })),
    volumes: cornerstone.cache.getVolumes().map((v) => ({
      dimensions: plain(v.dimensions),
      spacing: plain(v.spacing),
      origin: plain(v.origin),
      direction: plain(v.direction),
      frameOfReference: v.metadata && v.metadata.FrameOfReferenceUID,
      loaded: Boolean(v.loadStatus && v.loadStatus.loaded),
      range: v.voxelManager.getRange ? plain(v.voxelManager.getRange()) : plain(v.voxelManager.getMinMax()),
    })),
    segmentations: (services.segmentationService ? services.segmentationService.getSegmentations() : []).map((s) => ({
      label: s.label,
      segments: Object.values(s.segments || {}).filter(Boolean).map((one) => one.label),
    })),
    series: services.displaySetService.getActiveDisplaySets().map((s) => ({
      uid: s.SeriesInstanceUID,
      images: s.numImageFrames || (s.images && s.images.length) || 0,
      modality: s.Modality,
      number: s.SeriesNumber,
      description: s.SeriesDescription,
      reconstructable: Boolean(s.isReconstructable),
      messages: ((s.messages && s.messages.messages) || []).map((m) => m.id),
    })),
  };
}

const segmentsThere = (s) => s.segmentations.length > 0 && s.viewports.some((v) => v.shown && v.shades.mean > 0);
const stackThere = (s) => s.viewports.some((v) => v.type === "stack" && v.shown);
const volumeThere = (s) => s.volumes.some((v) => v.loaded) && s.viewports.filter((v) => v.shown).length >= 3;

async function look(page, url, ready, picture) {
  await page.goto("about:blank");
  await page.goto(job.base + url, { waitUntil: "domcontentloaded" });
  const until = Date.now() + job.seconds * 1000;
  let found = null;
  for (;;) {
    await page.waitForTimeout(500);
    found = await page.evaluate(state).catch(() => null);
    if (found && ready(found)) break;
    if (Date.now() > until) return { ...found, timeout: true };
  }
  await page.waitForTimeout(2500); // the last frames are drawn after they are there
  await page.screenshot({ path: picture });
  return page.evaluate(state);
}

(async () => {
  const browser = await chromium.launch({ executablePath: job.chromium, headless: true, args: FLAGS });
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  const answer = { errors: [], outside: [], looks: {} };
  page.on("pageerror", (error) => answer.errors.push(error.message.slice(0, 300)));
  await page.route("**/*", (route) => {
    const url = new URL(route.request().url());
    if (!["http:", "https:"].includes(url.protocol) || url.hostname === "127.0.0.1") return route.continue();
    answer.outside.push(url.host);
    return route.abort();
  });
  for (const one of job.looks) {
    const ready = one.segments ? segmentsThere : one.volume ? volumeThere : stackThere;
    answer.looks[one.name] = await look(page, one.url, ready, one.picture);
  }
  await browser.close();
  process.stdout.write(JSON.stringify(answer));
})().catch((error) => {
  process.stderr.write(String(error && error.stack));
  process.exit(1);
});
