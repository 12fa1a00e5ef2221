// docs/conformance.md out of what was measured.
import { readFileSync } from 'node:fs';

const version = (name) =>
  JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, import.meta.url))).version;

/** rows: [{ client, packages, feature, dialect, outcome: 'yes' | 'cannot' | 'no', message }] */
export function matrix(dialects, rows) {
  const out = [
    '# What other programs can do through Atelier',
    '',
    'Made by the tests: `node tests/clients/run.mjs --matrix` runs the real packages against the program with a scripted',
    'provider behind it and writes this page. It is checked against each run of `make test`; do not edit it by hand.',
    '',
    'Each column is what the provider behind Atelier speaks. **yes**: tried, and the right thing came. **400**: the provider',
    'cannot do it, and the program is told so by a clear error. **no**: tried, and it failed.',
  ];
  const notes = [];
  for (const client of [...new Set(rows.map((r) => r.client))]) {
    const own = rows.filter((r) => r.client === client);
    const packages = own[0].versions?.join(', ') ?? own[0].packages.map((p) => `${p} ${version(p)}`).join(', ');
    out.push('', `## ${client}`, '', `Packages: ${packages}`, '');
    out.push(`| | ${dialects.join(' | ')} |`, `|---|${dialects.map(() => '---').join('|')}|`);
    for (const feature of [...new Set(own.map((r) => r.feature))]) {
      const cells = dialects.map((dialect) => {
        const r = own.find((r) => r.feature === feature && r.dialect === dialect);
        if (r?.outcome !== 'cannot') return r ? `${r.outcome}` : '';
        if (!notes.includes(r.message)) notes.push(r.message);
        return `400 (${notes.indexOf(r.message) + 1})`;
      });
      out.push(`| ${feature} | ${cells.join(' | ')} |`);
    }
  }
  if (notes.length) out.push('', '## What those errors say', '', ...notes.map((n, i) => `${i + 1}. ${n}`));
  return out.join('\n') + '\n';
}
