import { describe, expect, it, vi } from 'vitest';
import { GrowingMarkdown, htmlOf, type Block } from '$core/markdown/blocks';

// Thousands of texts are read here; the sanitiser, slow without a browser, changes nothing of what is compared.
vi.mock('dompurify', () => ({ default: () => ({ addHook() {}, sanitize: (html: string) => html }) }));

const document_ = `# Title

A paragraph with **bold**,
two lines and [1] a source.

1. one
2. two

   more of two

3. three

- a
  - b

- c

| a | b |
|:--|--:|
| 1 | 2 |

\`\`\`js
const a = 1;

// \`\`
\`\`\`

> a quote
lazy

Setext
------

~~~
tilde
~~~
- [x] done

Maths $a_1 + b_1$ for $5 and $10, \\(x^2\\) and a note[^1]; **中文（bold）。**后面.

$$
\\frac{a}{b}
- c
$$

| n | $x$ |
|--:|:---:|
${Array.from({ length: 18 }, (_, i) => `| ${i} | $x_${i}$ **b** |\n`).join('')}
- loose

${Array.from({ length: 18 }, (_, i) => `- item ${i}\n${i % 9 ? '' : '  1. inner\n'}${i % 7 ? '' : '\n'}`).join('')}
After it.

3. three
${Array.from({ length: 18 }, (_, i) => `${i + 4}. item *${i}*\n`).join('')}
- [ ] task
${Array.from({ length: 18 }, (_, i) => `- [x] done ${i}\n`).join('')}
<details>
<summary>More *words*</summary>

Inside **it**.

\`\`\`html
</details>
\`\`\`

- a
- b

</details>

Behind H<sub>2</sub>O.

[^1]: The note,
    in two lines.

Last [link][ref] here.

[ref]: https://example.org/
`;

const flat = (blocks: Block[]) =>
  blocks.map((b) => ('open' in b ? `<open>${b.open.lang}|${b.open.text}</open>` : htmlOf(b))).join('');

describe('a text that grows', () => {
  it('comes to the same end as reading it at once, for every size of step', () => {
    const whole = flat(new GrowingMarkdown({ citations: new Set([1]) }).update(document_, false));
    for (const step of [1, 3, 7, 40, 1000]) {
      const growing = new GrowingMarkdown({ citations: new Set([1]) });
      for (let n = step; n < document_.length; n += step) growing.update(document_.slice(0, n), true);
      expect(flat(growing.update(document_, false)), `step ${step}`).toBe(whole);
    }
  });

  it('shows at each step what reading it at once would show (but for links defined later)', () => {
    const text = document_.slice(0, document_.indexOf('[^1]: The note'));
    const growing = new GrowingMarkdown();
    for (let n = 1; n <= text.length; n++) {
      const part = text.slice(0, n);
      expect(flat(growing.update(part, true)), JSON.stringify(part.slice(-30))).toBe(
        flat(new GrowingMarkdown().update(part, true)),
      );
    }
  });
});
