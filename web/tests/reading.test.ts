import { beforeAll, describe, expect, it } from 'vitest';
import { GrowingMarkdown, htmlOf } from '$core/markdown/blocks';
import { draw } from '$core/markdown/draw';
import { languagesArrived, highlight, loadHighlighter } from '$core/markdown/highlight';
import { drawMaths } from '$core/markdown/maths';
import { more } from '$core/markdown/more_languages';
import { Renderer } from '$core/markdown/render';
import { plainName } from '$core/csv';
import { csvOf, markdownOf } from '$core/markdown/tables';

const dom = (md: string) => {
  const div = document.createElement('div');
  div.innerHTML = new Renderer().all(md);
  return div;
};
const formulas = (md: string) => [...dom(md).querySelectorAll<HTMLElement>('.md-math')].map((m) => m.dataset.tex);

describe('formulas', () => {
  it.each([
    ['$x^2$', ['x^2']],
    ['a $a_1$ and $b_1$.', ['a_1', 'b_1']],
    ['\\(e^{i\\pi}\\)', ['e^{i\\pi}']],
    ['\\[ 2\\,T(n/2) \\]', ['2\\,T(n/2)']],
    ['$$\na\n- b\n+ c\n$$\n\nText', ['a\n- b\n+ c']],
    ['inline $$x$$ display', ['x']],
    ['设$x$为', ['x']],
    ['the $n$th one', ['n']],
    ['$5x = 10$', ['5x = 10']],
    ['$a[1]>0$ and $x --> y$', ['a[1]>0', 'x --> y']],
    ['- item\n\n  $$\n  x\n  $$', ['x']],
    ['| a |\n|---|\n| $x_1$ |', ['x_1']],
    ['costs $5 and $10', []],
    ['$5-$10 or US$5, A$6', []],
    ['$5 for one, 10$ for two', []],
    ['$HOME/$USER and $PATH', []],
    ['a \\$x\\$ b', []],
    ['`$x$` and\n\n```\n$$x$$\n```', []],
    ['\\\\(x\\\\)', []],
  ])('of %j', (md, tex) => expect(formulas(md)).toEqual(tex));

  it('are their source until they are drawn', () => {
    expect(dom('so \\( a\\,b \\) is').textContent!.trim()).toBe('so \\( a\\,b \\) is');
  });

  it('are built of nodes, and a broken one is its source', async () => {
    const root = dom('$\\frac{a}{b}$ and $\\frac{a$');
    await drawMaths(root);
    const [good, bad] = root.querySelectorAll<HTMLElement>('.md-math');
    expect(good!.querySelector('math')).not.toBeNull();
    expect(bad!.textContent).toBe('$\\frac{a$');
    expect(bad!.title).toContain('KaTeX');
  });

  it('do not flicker while they are written', () => {
    const growing = new GrowingMarkdown();
    const text = 'Sum $a_1 + b_1 \\, c$ end';
    for (let n = 5; n < text.indexOf('$ end'); n++) {
      const [block] = growing.update(text.slice(0, n), true);
      const div = document.createElement('div');
      div.innerHTML = htmlOf(block as { key: number; html: string });
      expect(div.textContent!.trim()).toBe(text.slice(0, n).trim());
      expect(div.querySelector('em')).toBeNull();
    }
  });
});

it.each([
  ['**中文（bold）。**后', '中文（bold）。'],
  ['これは**「A」**です', '「A」'],
  ['**"말"**은', '"말"'],
  ['前**（a）**后', '（a）'],
])('reads bold beside CJK punctuation: %s', (md, bold) => expect(dom(md).querySelector('strong')?.textContent).toBe(bold));

it('has footnotes', () => {
  const root = dom('One[^1], two[^n], `[^1]`, [^a-z].\n\n[^1]: First\n    line.\n\n[^n]: **Named**.');
  expect([...root.querySelectorAll<HTMLElement>('[data-ref]')].map((r) => r.dataset.ref)).toEqual(['1', 'n']);
  expect([...root.querySelectorAll<HTMLElement>('.md-note')].map((r) => r.dataset.note)).toEqual(['1', 'n']);
  expect(root.querySelector('.md-note strong')!.textContent).toBe('Named');
  expect(root.textContent).toContain('[^a-z]');
});

it('has no button for a footnote that the text does not have', () => {
  const root = dom('As some say[^9].');
  expect([root.querySelector('.md-noteref')!.innerHTML, root.querySelector('button')]).toEqual(['9', null]);
});

describe('HTML that Markdown has no words for', () => {
  it('is shown, bare of attributes', () => {
    const root = dom('H<sub>2</sub>O<br>x<sup class="x" onclick="y()">2</sup> <kbd>K</kbd> <mark>m</mark> <u>u</u> <BR/>');
    expect([...root.querySelectorAll('sub, sup, kbd, mark, u, br')].map((e) => e.outerHTML)).toEqual([
      '<sub>2</sub>', '<br>', '<sup>2</sup>', '<kbd>K</kbd>', '<mark>m</mark>', '<u>u</u>', '<br>',
    ]);
  });

  it('is text where it is anything else', () => {
    expect(dom('a <b>b</b> <span style="x">c</span> <i >d</i> 1 < 2 <subs>').textContent!.trim()).toBe('a <b>b</b> <span style="x">c</span> <i >d</i> 1 < 2 <subs>');
  });

  it('folds what stands between two tags, block by block', () => {
    const root = dom('<details open>\n<summary>More *of it*</summary>\n\nOne.\n\n```\n</details>\n```\n\n<details>\n<summary>Deeper</summary>\n\n- a\n</details>\n\n</details>\n\nBehind.');
    const [outer, inner] = root.querySelectorAll('details');
    expect(outer!.querySelector('summary')!.innerHTML).toBe('More <em>of it</em>');
    expect(outer!.querySelector('pre')!.textContent).toContain('</details>');
    expect(inner!.parentElement!.closest('details')).toBe(outer);
    expect(root.lastElementChild!.outerHTML).toBe('<p dir="auto">Behind.</p>');
    expect(dom('<details><summary>s</summary>text</details>').querySelector('details')!.textContent!.replace(/\s/g, '')).toBe('stext');
  });
});

it('keeps single line ends, strikes by two tildes, and gives tasks a box that has a name', () => {
  expect(dom('one\ntwo').querySelectorAll('br').length).toBe(1);
  const root = dom('~5 to ~6, ~~gone~~\n\n- [x] a\n- [ ] b\n- c');
  expect([...root.querySelectorAll('del')].map((d) => d.textContent)).toEqual(['gone']);
  expect([...root.querySelectorAll('.md-check')].map((c) => c.getAttribute('aria-label'))).toEqual(['Done', 'To do']);
  expect([...root.querySelectorAll('li')].map((l) => l.className)).toEqual(['md-task', 'md-task', '']);
});

it('has a place for diagrams, whose text stays theirs; one that is still written is code', () => {
  const box = dom('```mermaid\nflowchart LR\n  A["x"] --> B\n```').querySelector<HTMLElement>('.md-diagram')!;
  expect(box.dataset.source).toBe('flowchart LR\n  A["x"] --> B');
  expect([...box.querySelectorAll<HTMLElement>('[data-code]')].map((b) => b.dataset.code)).toEqual(['source', 'svg', 'copy']);
  const [open] = new GrowingMarkdown().update('```mermaid\nflowchart LR\n', true);
  expect(open).toMatchObject({ open: { lang: 'mermaid' } });
});

it('begins lists, quotes and tables at the side of their first letter', () => {
  const root = dom('- قائمة\n- English\n\n1. one\n2. שתיים\n\n> اقتباس\n\n> quote\n\n| المدينة | n |\n|---|--:|\n| x | 1 |\n\n| n | المدينة |\n|---|---|\n| 1 | y |');
  expect([...root.querySelectorAll('ul, ol, blockquote, table')].map((e) => e.getAttribute('dir'))).toEqual(['rtl', null, 'rtl', null, 'rtl', null]);
  // A long one that grows keeps its side, whatever its last items are.
  const source = new GrowingMarkdown();
  const node = document.createElement('div');
  let text = '';
  for (let i = 0; i < 60; i++) {
    text += `- ${i < 20 ? 'بند' : 'item'} ${i}\n`;
    draw(node, source.update(text, i < 59)[0]!);
  }
  expect([node.querySelector('ul')!.dir, node.querySelectorAll('li').length]).toEqual(['rtl', 60]);
});

it('leaves cells of scripts without blanks a width to be read in', () => {
  const cells = [...dom('| 項目 | a |\n|---|--:|\n| 価格は非常に長い | 長い文章です |\n| plain words | 日本 |').querySelectorAll('th, td')];
  expect(cells.map((c) => c.className)).toEqual(['', 'md-right', 'md-dense', 'md-right md-dense', '', 'md-right']);
});

it('gives away names that spreadsheets take for formulas as the names they are', () => {
  expect(['=HYPERLINK("x")', '-1+1', '@sum', 'a=b', 'gpt-5'].map(plainName)).toEqual(['\'=HYPERLINK("x")', "'-1+1", "'@sum", 'a=b', 'gpt-5']);
});

it('gives tables away as CSV and Markdown', () => {
  const table = dom('| a | b |\n|:--|--:|\n| x, "y" | **1** $z_1$ |\n| p \\| q | `c` |').querySelector('table')!;
  expect(csvOf(table)).toBe('a,b\r\n"x, ""y""",1 $z_1$\r\np | q,c\r\n');
  expect(markdownOf(table)).toBe('| a | b |\n| :-- | --: |\n| x, "y" | **1** $z_1$ |\n| p \\| q | `c` |\n');
});

describe('languages', () => {
  beforeAll(loadHighlighter);
  it('come in when they are met, fifty and more', async () => {
    expect(new Set(Object.values(more)).size + 16).toBeGreaterThanOrEqual(50);
    for (const lang of ['kotlin', 'rb', 'dockerfile', 'C#']) {
      expect(highlight('val x = 1', lang)).toBe('val x = 1');
      await languagesArrived();
    }
    expect(highlight('fun f() = 1', 'kotlin')).toContain('hljs-');
  });

  it('counts lines', () => {
    expect(dom('```js\n1\n2\n```').querySelector('.md-lines')!.textContent).toBe('2 lines');
    expect(dom('```js\n1\n```').querySelector('.md-lines')).toBeNull();
  });
});

describe('drawing what grows', () => {
  const show = (source: GrowingMarkdown, node: HTMLElement, text: string, growing = true) =>
    draw(node, source.update(text, growing)[0]!);
  const whole = (text: string) => {
    const node = document.createElement('div');
    draw(node, new GrowingMarkdown().update(text, false)[0]!);
    return node.innerHTML;
  };

  it.each([
    ['table', '| n | b |\n|--:|---|\n', (i: number) => `| ${i} | *row* ${i} |\n`, 'tbody tr'],
    ['list', '', (i: number) => `- item **${i}**\n`, 'li'],
    ['numbers', '', (i: number) => `${i + 3}. item **${i}**\n`, 'li'],
    ['loose list', '', (i: number) => `- item ${i}\n\n`, 'li'],
  ])('keeps the finished nodes of a long %s', (_name, head, line, items) => {
    const source = new GrowingMarkdown();
    const node = document.createElement('div');
    let text = head;
    let first: Element | null = null;
    let kept = 0;
    for (let i = 0; i < 150; i++) {
      text += line(i);
      show(source, node, text);
      if (i === 60) first = node.querySelector(items);
      const block = source.update(text, true)[0]!;
      if ('parts' in block) kept = block.count;
    }
    expect(kept).toBeGreaterThan(130);
    expect(node.querySelectorAll(items).length).toBe(150);
    expect(node.querySelector(items)).toBe(first);
    show(source, node, text, false);
    expect(node.innerHTML.trim()).toBe(whole(text).trim());
    expect(node.querySelector(items)).toBe(first);
  });

  it('keeps the nodes of a paragraph, of an open code block, and a wrapped box', () => {
    const source = new GrowingMarkdown();
    const node = document.createElement('div');
    show(source, node, 'Some *text* and');
    const text = node.querySelector('p')!.lastChild;
    show(source, node, 'Some *text* and more');
    expect(node.querySelector('p')!.lastChild).toBe(text);

    const code = document.createElement('div');
    const fence = new GrowingMarkdown();
    show(fence, code, '```js\nlet a');
    const pre = code.querySelector('pre');
    code.querySelector('.md-code')!.classList.add('md-wrap');
    show(fence, code, '```js\nlet a = 1;\nlet');
    show(fence, code, '```js\nlet a = 1;\nlet b;\n```\n', false);
    expect(code.querySelector('pre')).toBe(pre);
    expect(code.querySelector('.md-wrap code')!.textContent!.trim()).toBe('let a = 1;\nlet b;');
  });
});
