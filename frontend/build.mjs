// Builds src/ into the product's static files and says how large they are.
//   node build.mjs            build, check sizes
//   node build.mjs --watch    build again whenever a source changes
//   node build.mjs --test     run the unit tests of src/*.test.ts
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, context } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const product = resolve(here, "../src/jintu");
const out = resolve(product, "ui/static/dist");
const modules = resolve(here, "node_modules");

/** People whose browser runs no script still get the dark theme: the dark block once more, under the media query. */
const tokens = {
  name: "tokens",
  setup(b) {
    b.onLoad({ filter: /css[\\/]tokens\.css$/ }, ({ path }) => {
      const css = readFileSync(path, "utf8");
      const dark = css.slice(css.indexOf("[data-bs-theme=dark]"));
      const copy = dark.replace("[data-bs-theme=dark]", ":root:not([data-bs-theme=light])");
      return { contents: `${css}\n@media (prefers-color-scheme: dark) {\n${copy}}\n`, loader: "css" };
    });
  },
};

const common = {
  bundle: true,
  minify: true,
  target: "es2022",
  outdir: out,
  legalComments: "none", // the licences are in THIRD-PARTY.txt
  metafile: true,
  logLevel: "warning",
  logOverride: { "direct-eval": "silent" }, // HTMX's eval is switched off by its setting and by the content policy
};
const pages = {
  ...common,
  format: "esm",
  splitting: true,
  chunkNames: "chunks/[name]-[hash]",
  entryPoints: {
    app: "src/app.ts",
    map: "src/map.ts",
    charts: "src/charts.ts",
    // a file of its own: the content policy allows workers of this site only, no blobs
    "maplibre-worker": "maplibre-gl/dist/maplibre-gl-worker.mjs",
  },
  absWorkingDir: here,
};
const head = { ...common, format: "iife", entryPoints: { theme: "src/theme.ts" }, absWorkingDir: here };
const style = { ...common, entryPoints: { app: "src/css/app.css" }, plugins: [tokens], absWorkingDir: here };


/** The viewer of offline packages: one plain script with the map's worker inside, because file:// has neither modules nor workers. */
async function offline() {
  const worker = await build({
    ...common,
    entryPoints: ["maplibre-gl/dist/maplibre-gl-worker.mjs"],
    format: "iife",
    outdir: undefined,
    write: false,
    absWorkingDir: here,
  });
  const source = {
    name: "worker",
    setup(b) {
      b.onResolve({ filter: /^worker:source$/ }, ({ path }) => ({ path, namespace: "worker" }));
      b.onLoad({ filter: /.*/, namespace: "worker" }, () => ({ contents: worker.outputFiles[0].text, loader: "text" }));
    },
  };
  const options = { ...common, outdir: join(out, "offline"), format: "iife", absWorkingDir: here };
  const [script] = await Promise.all([
    build({ ...options, entryPoints: { viewer: "src/offline.ts" }, plugins: [source], define: { "import.meta.url": '""' } }),
    build({ ...options, entryPoints: { viewer: "src/css/offline.css" }, plugins: [tokens] }),
  ]);
  return script;
}

/** Files below a directory. */
function below(directory) {
  return readdirSync(directory, { recursive: true })
    .map((name) => join(directory, String(name)))
    .filter((name) => statSync(name).isFile());
}

/** Our own sources below a directory whose name ends so. */
function files(directory, endings) {
  const others = /node_modules|[\\/]dist[\\/]|[\\/]tests[\\/]/;
  return below(directory).filter((name) => endings.some((e) => name.endsWith(e)) && !others.test(name));
}

/**
 * The icon sprite: every quoted word of the product's templates, Python and scripts that is the name of a Tabler
 * outline icon. A few words that only look like one cost 300 bytes each; a name nobody lists is never forgotten.
 */
function sprite() {
  const outline = resolve(modules, "@tabler/icons/icons/outline");
  const names = new Set();
  const sources = [...files(product, [".html", ".py"]), ...files(resolve(here, "src"), [".ts"])];
  for (const path of sources)
    for (const [, word] of readFileSync(path, "utf8").matchAll(/["']([a-z][a-z0-9]*(?:-[a-z0-9]+)*)["']/g))
      if (existsSync(join(outline, `${word}.svg`))) names.add(word);
  const symbols = [...names].sort().map((name) => {
    const svg = readFileSync(join(outline, `${name}.svg`), "utf8");
    const inner = svg.replace(/<!--[\s\S]*?-->/, "").match(/<svg[^>]*>([\s\S]*)<\/svg>/)[1];
    return `<symbol id="i-${name}" viewBox="0 0 24 24">${inner.replace(/\s*\n\s*/g, "").replaceAll(" />", "/>")}</symbol>`;
  });
  writeFileSync(join(out, "icons.svg"), `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("\n")}</svg>\n`);
  return names.size;
}

// Packages that ship no licence file get the text their package.json names, with its author.
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;
const BSD3 = `Redistribution and use in source and binary forms, with or without modification, are permitted provided that the
following conditions are met: 1. Redistributions of source code must retain the above copyright notice, this list of
conditions and the following disclaimer. 2. Redistributions in binary form must reproduce the above copyright notice,
this list of conditions and the following disclaimer in the documentation and/or other materials provided with the
distribution. 3. Neither the name of the copyright holder nor the names of its contributors may be used to endorse or
promote products derived from this software without specific prior written permission.

THIS SOFTWARE IS PROVIDED BY THE COPYRIGHT HOLDERS AND CONTRIBUTORS "AS IS" AND ANY EXPRESS OR IMPLIED WARRANTIES,
INCLUDING, BUT NOT LIMITED TO, THE IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS FOR A PARTICULAR PURPOSE ARE
DISCLAIMED. IN NO EVENT SHALL THE COPYRIGHT HOLDER OR CONTRIBUTORS BE LIABLE FOR ANY DIRECT, INDIRECT, INCIDENTAL,
SPECIAL, EXEMPLARY, OR CONSEQUENTIAL DAMAGES (INCLUDING, BUT NOT LIMITED TO, PROCUREMENT OF SUBSTITUTE GOODS OR
SERVICES; LOSS OF USE, DATA, OR PROFITS; OR BUSINESS INTERRUPTION) HOWEVER CAUSED AND ON ANY THEORY OF LIABILITY,
WHETHER IN CONTRACT, STRICT LIABILITY, OR TORT (INCLUDING NEGLIGENCE OR OTHERWISE) ARISING IN ANY WAY OUT OF THE USE OF
THIS SOFTWARE, EVEN IF ADVISED OF THE POSSIBILITY OF SUCH DAMAGE.`;

function named(facts) {
  const author = typeof facts.author === "string" ? facts.author : facts.author?.name;
  const text = { MIT, "BSD-3-Clause": BSD3 }[facts.license];
  if (!text) throw new Error(`${facts.name} ships no licence file and ${facts.license} is not known here`);
  return `Copyright (c) ${author ?? `the authors of ${facts.name}`}\n\n${text}`;
}

/** Licences of everything that went into the built files. */
function thirdParty(metafiles) {
  const found = new Set(["@tabler/icons"]);
  for (const { inputs } of metafiles)
    for (const path of Object.keys(inputs)) {
      const match = path.replaceAll("\\", "/").match(/.*node_modules\/((?:@[^/]+\/)?[^/]+)/);
      if (match) found.add(match[1]);
    }
  const parts = [...found].sort().map((name) => {
    const directory = join(modules, name);
    const facts = JSON.parse(readFileSync(join(directory, "package.json"), "utf8"));
    const licences = readdirSync(directory).filter((n) => /^(licen[cs]e|copying|notice)/i.test(n) && statSync(join(directory, n)).isFile());
    const text = licences.map((n) => readFileSync(join(directory, n), "utf8").trim()).join("\n\n");
    const home = facts.homepage ?? facts.repository?.url ?? "";
    return `${name} ${facts.version}\n${facts.license ?? "see below"}  ${home}\n\n${text || named(facts)}`;
  });
  const line = `\n\n${"=".repeat(100)}\n\n`;
  const intro = "Third-party code in the built pages of Jintu, with the licences it comes under.";
  writeFileSync(join(out, "THIRD-PARTY.txt"), [intro, ...parts].join(line) + "\n");
  return parts.length;
}

/** The output files an entry loads at once: itself and the chunks it imports statically. */
function closure(metafile, entry) {
  const wanted = new Set();
  const visit = (name) => {
    if (wanted.has(name)) return;
    wanted.add(name);
    for (const i of metafile.outputs[name]?.imports ?? []) if (i.kind === "import-statement" && !i.external) visit(i.path);
  };
  const start = Object.keys(metafile.outputs).find((n) => n.endsWith(`/dist/${entry}`) || n === entry);
  if (start) visit(start);
  return [...wanted].map((n) => resolve(here, n));
}

const kB = (n) => `${(n / 1000).toFixed(1)} kB`.padStart(10);
const gz = (path) => gzipSync(readFileSync(path), { level: 9 }).length;

function sizes(metafile) {
  for (const path of below(out).sort())
    if (/\.(js|css|svg)$/.test(path)) console.log(relative(out, path).padEnd(34), kB(statSync(path).size), "gzip", kB(gz(path)));
  const first = new Set(["app.css", "theme.js", "icons.svg"].map((n) => join(out, n)));
  const sum = (entries) => {
    const all = new Set(first);
    for (const e of entries) for (const path of closure(metafile, e)) all.add(path);
    return [...all].reduce((n, path) => n + gz(path), 0);
  };
  const page = sum(["app.js"]);
  const map = sum(["app.js", "map.js", "maplibre-worker.js"]);
  const charts = sum(["app.js", "charts.js"]);
  console.log(`\nfirst view, gzip: a list ${kB(page)}, the map without tiles ${kB(map)}, the dashboard ${kB(charts)}`);
  if (map > 1_200_000) throw new Error("The map's own files must stay below 1.2 MB, so that tiles fit into 1.8 MB.");
}

async function once() {
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const [a, b, c, d] = await Promise.all([build(pages), build(head), build(style), offline()]);
  const icons = sprite();
  const parts = thirdParty([a.metafile, b.metafile, c.metafile, d.metafile]);
  sizes(a.metafile);
  console.log(`${icons} icons; licences of ${parts} packages in THIRD-PARTY.txt`);
}

async function watch() {
  await once();
  for (const options of [pages, head, style]) await (await context({ ...options, logLevel: "info" })).watch();
}

async function test() {
  const target = resolve(modules, ".cache/tests");
  rmSync(target, { recursive: true, force: true });
  const entries = files(resolve(here, "src"), [".test.ts"]);
  await build({ ...common, entryPoints: entries, outdir: target, format: "esm", platform: "node", minify: false, outExtension: { ".js": ".mjs" } });
  const done = spawnSync(process.execPath, ["--test", target + "/"], { stdio: "inherit" });
  process.exit(done.status ?? 1);
}

if (process.argv.includes("--test")) await test();
else if (process.argv.includes("--watch")) await watch();
else await once();
