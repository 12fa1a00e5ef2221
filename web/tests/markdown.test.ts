import { beforeAll, describe, expect, it, vi } from 'vitest';
import { GrowingMarkdown, htmlOf, type Block } from '$core/markdown/blocks';
import { loadHighlighter } from '$core/markdown/highlight';
import { draw } from '$core/markdown/draw';
import { Renderer, sanitize, slug } from '$core/markdown/render';

const html = (md: string, citations: number[] = []) => new Renderer({ citations: new Set(citations) }).all(md);
const dom = (s: string) => {
  const div = document.createElement('div');
  div.innerHTML = s;
  return div;
};

describe('sanitising', () => {
  it.each([
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    'x <b onclick="alert(1)">b</b>',
    '<iframe src="https://example.org"></iframe>',
    '<style>*{display:none}</style>',
    '<svg><a xlink:href="javascript:alert(1)"><text>x</text></a></svg>',
    '[a](javascript:alert(1))',
    '[a](JaVaScRiPt:alert(1))',
    '[a](data:text/html,<script>alert(1)</script>)',
    '[a](vbscript:x)',
    '![x](https://example.org/track.png)',
    '![x](x" onerror="alert(1))',
    '<https://example.org/"onmouseover="alert(1)>',
    '```"><script>alert(1)</script>\nx\n```',
    '```html\n<script>alert(1)</script>\n```',
    '`<script>alert(1)</script>`',
    '| a |\n|---|\n| <img src=x onerror=alert(1)> |',
    '<form action="/x"><input name=a></form>',
    '<div id="app" style="position:fixed">x</div>',
  ])('makes nothing active of %s', (md) => {
    const root = dom(html(md));
    expect(root.querySelector('script,img,iframe,style,svg,form,input,object,embed,link,meta,[id],[style]')).toBeNull();
    for (const node of root.querySelectorAll('*')) {
      for (const a of node.attributes) {
        expect(a.name).not.toMatch(/^on/);
        if (a.name === 'href') expect(a.value).toMatch(/^(https?:|mailto:|#|\/)/);
      }
    }
  });

  it('has a second wall behind the renderer', () => {
    const root = dom(sanitize('<p onclick="x">a<script>b</script><img src=x onerror=y><a href="javascript:z">c</a></p>'));
    expect(root.innerHTML).toBe('<p>a<a target="_blank" rel="noopener noreferrer">c</a></p>');
  });

  it('opens links elsewhere without a way back', () => {
    const a = dom(html('[x](https://example.org/)')).querySelector('a')!;
    expect([a.href, a.target, a.rel]).toEqual(['https://example.org/', '_blank', 'noopener noreferrer']);
  });

  it('shows HTML as text', () => {
    expect(dom(html('a <b>bold</b> word')).textContent!.trim()).toBe('a <b>bold</b> word');
  });
});

describe('citations', () => {
  it('become buttons when the source is known', () => {
    const root = dom(html('As said [1], and [2][3]. Not [4], [1](https://example.org) or `[1]`.', [1, 2, 3]));
    expect([...root.querySelectorAll('button.md-cite')].map((b) => b.getAttribute('data-cite'))).toEqual(['1', '2', '3']);
    expect(root.textContent).toContain('[4]');
    expect(root.querySelector('code')!.textContent).toBe('[1]');
  });
});

it('heads a code block with its language, when it has one', () => {
  const root = dom(html('```js\n1\n```\n\n```\nplain\n```'));
  expect([...root.querySelectorAll('.md-bar span')].map((s) => s.textContent)).toEqual(['js', '']);
  expect([...root.querySelectorAll('pre')].map((p) => p.getAttribute('aria-label'))).toEqual(['Code: js', 'Code']);
  expect(root.querySelectorAll('[data-code="copy"]').length).toBe(2);
});

it('makes the anchors that the server makes', () => {
  expect(slug('First run: sign-in & setup!')).toBe('first-run-sign-in-setup');
  expect(dom(new Renderer({ anchors: true }).all('## Two words')).querySelector('#two-words')).not.toBeNull();
});

const flat = (blocks: Block[]) =>
  blocks.map((b) => ('open' in b ? `<open>${b.open.lang}|${b.open.text}</open>` : htmlOf(b))).join('');

describe('GrowingMarkdown', () => {
  beforeAll(loadHighlighter);

  it('gives an open code block as text and keeps what is done', () => {
    const growing = new GrowingMarkdown();
    const a = growing.update('Some text here.\n\n```py\nprint(1', true);
    expect(a[1]).toEqual({ key: 1, open: { lang: 'py', text: 'print(1' } });
    const b = growing.update('Some text here.\n\n```py\nprint(1)\n```\n', true);
    expect(b[0]).toBe(a[0]);
    expect(b[1]).toMatchObject({ key: 1 });
    expect('html' in b[1]! && b[1].html).toContain('hljs-');
  });

  it('goes on in the middle of a word, when an answer that had ended does', () => {
    const growing = new GrowingMarkdown();
    growing.update('Once.\n\nHalf a sen', false);
    growing.update('Once.\n\nHalf a sen', true);
    expect(flat(growing.update('Once.\n\nHalf a sentence', true))).toBe('<p dir="auto">Once.</p>\n<p dir="auto">Half a sentence</p>\n');
    const a = growing.update('Once.\n\nHalf a sentence', false);
    expect(growing.update('Once.\n\nHalf a sentence', false)).toEqual(a);
  });

  it('begins again when the text is another one', () => {
    const growing = new GrowingMarkdown();
    growing.update('One paragraph.\n\nAnother paragraph.', true);
    expect(flat(growing.update('Different.', true))).toBe('<p dir="auto">Different.</p>\n');
  });
});

describe('headings of an answer', () => {
  const levels = (text: string) =>
    new GrowingMarkdown()
      .update(text, false)
      .map((b) => ('html' in b ? /^<h(\d)/.exec(b.html)?.[1] : ''))
      .filter(Boolean)
      .join('');

  it('begin below that of the answer, at whatever depth the model begins', () => {
    expect(levels('# a\n\n## b')).toBe('34');
    expect(levels('### a\n\n#### b\n\n### c')).toBe('343');
  });

  it('leave out no level', () => {
    expect(levels('## a\n\n##### b\n\n## c\n\n# d')).toBe('3433');
    expect(levels('# a\n\n## b\n\n### c\n\n#### d\n\n##### e\n\n###### f')).toBe('345666');
  });

  it('stay as they are while the answer grows', () => {
    const text = '## a\n\nwords that are long enough\n\n#### b\n\nmore of them here\n\n## c\n\nand the end';
    const growing = new GrowingMarkdown();
    for (let i = 1; i < text.length; i++) growing.update(text.slice(0, i), true);
    const html = growing.update(text, false).map((b) => ('html' in b ? b.html : ''));
    expect(html.join('').match(/<h\d/g)).toEqual(['<h3', '<h4', '<h3']);
  });
});

it('keeps the line ends of a model, and wraps texts of our own as one paragraph', () => {
  expect(html('one\ntwo')).toContain('<br');
  expect(new Renderer({ anchors: true }).all('one\ntwo')).not.toContain('<br');
});

describe('what grows', () => {
  it('shows a table once its first row is whole, and no head as text before', () => {
    const growing = new GrowingMarkdown();
    const text = 'See:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n';
    const seen = [...text].map((_, i) => growing.update(text.slice(0, i + 1), true));
    const html = (blocks: Block[]) => blocks.map((b) => ('html' in b ? b.html : '')).join('');
    const whole = text.indexOf('| 1 | 2 |\n') + '| 1 | 2 |\n'.length;
    expect(seen.slice(0, whole - 1).every((blocks) => !/[|]|<table/.test(html(blocks)))).toBe(true);
    expect(html(seen[whole - 1]!)).toContain('<td dir="auto">2</td>');
    expect(html(new GrowingMarkdown().update('| no table', false))).toContain('| no table');
  });

  it('keeps the nodes of code that has its colours, and never lets one take the place of another', async () => {
    await loadHighlighter();
    vi.useFakeTimers();
    const node = document.createElement('div');
    document.body.append(node);
    const lines = Array.from({ length: 6 }, (_, i) => `const v${i} = f(${i});\n`);
    const show = (text: string) => {
      draw(node, { key: 0, open: { lang: 'js', text } });
      vi.advanceTimersByTime(300);
    };
    show(lines.slice(0, 2).join(''));
    const code = node.querySelector('code')!;
    const first = [...code.childNodes].slice(0, -1);
    expect(first.length).toBeGreaterThan(4);
    const texts = first.map((n) => n.textContent);
    for (let n = 3; n <= 6; n++) show(lines.slice(0, n).join('') + 'const half');
    expect([...code.childNodes].slice(0, first.length)).toEqual(first);
    expect(first.map((n) => n.textContent)).toEqual(texts);
    expect(code.textContent).toBe(lines.join('') + 'const half');
    vi.useRealTimers();
    node.remove();
  });

  it('keeps what is selected in lines that get their colours', async () => {
    await loadHighlighter();
    vi.useFakeTimers();
    const node = document.createElement('div');
    document.body.append(node);
    draw(node, { key: 0, open: { lang: 'js', text: 'const first = 1;\nlet second = "two";\nlet th' } });
    const plain = node.querySelector('code')!.lastChild!;
    // Backwards, as from the end to the beginning of a line.
    getSelection()!.setBaseAndExtent(plain, 35, plain, 17);
    expect(getSelection()!.toString()).toBe('let second = "two"');
    vi.advanceTimersByTime(300);
    expect(plain.isConnected).toBe(false);
    expect(getSelection()!.toString()).toBe('let second = "two"');
    vi.useRealTimers();
    node.remove();
  });
});
