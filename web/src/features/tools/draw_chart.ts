import * as vega from 'vega';
import { expressionInterpreter } from 'vega-interpreter';
import { compile, type TopLevelSpec } from 'vega-lite';
import { harmless } from './results';

/** A loader that brings nothing: a chart shows the data that it has. */
const none = { load: () => Promise.reject(new Error('nothing is fetched')), sanitize: () => Promise.reject(new Error('nothing is linked')), http: () => Promise.reject(new Error('nothing is fetched')), file: () => Promise.reject(new Error('nothing is read')) };

/** A colour of the theme. */
const role = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The chart as an SVG. Its expressions are read by an interpreter: the page's policy allows no code made of text. */
export async function drawChart(spec: Record<string, unknown>): Promise<string> {
  const ink = role('--ink');
  const line = role('--line');
  const colours = [1, 2, 3, 4, 5, 6].map((n) => role(`--chart-${n}`));
  const axis = { labelColor: ink, titleColor: ink, gridColor: line, domainColor: line, tickColor: line };
  const config = { background: 'transparent', mark: { color: colours[0] }, font: 'sans-serif', axis, legend: { labelColor: ink, titleColor: ink }, title: { color: ink, subtitleColor: ink }, view: { stroke: line }, range: { category: colours } };
  const sized = { width: 480, ...(harmless(spec) as object) };
  const { spec: full } = compile(sized as unknown as TopLevelSpec, { config: config as never, logger: vega.logger(vega.None) });
  const view = new vega.View(vega.parse(full, undefined, { ast: true }), { expr: expressionInterpreter, renderer: 'none', loader: none as never, logLevel: vega.None });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}
