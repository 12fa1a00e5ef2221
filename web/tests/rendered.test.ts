import { expect, it } from 'vitest';
import { Renderer } from '$core/markdown/render';

/** Rendered text and utilities share one sheet of styles: a class of the same name would change what an answer looks like. */
it('gives rendered Markdown classes that no utility has', () => {
  const html = new Renderer({ citations: new Set([1]) }).all(
    '# One\n\n###### Six\n\nText [1] with `code`, **bold** and ~~struck~~.[^1]\n\n- [x] done\n- open\n\n1. first\n\n> said\n\n' +
      '| a | b | c |\n|:-|:-:|-:|\n| 1 | 2 | 3 |\n\n```js\nlet a = 1;\nlet b = 2;\n```\n\n`$x$` $x^2$\n\n$$y$$\n\n[^1]: A note.\n',
  );
  const classes = [...html.matchAll(/class="([^"]*)"/g)].flatMap((m) => m[1]!.split(/\s+/)).filter(Boolean);
  expect(classes.length).toBeGreaterThan(8);
  expect([...new Set(classes)].filter((name) => !/^(md-|hljs|language-)/.test(name))).toEqual([]);
});
